//! Why something was refused: a closed list of stable codes, each with its class and its words.
//!
//! A code is printed in answers, audit lines and metrics, and people search for it: codes are added, never changed. The
//! class decides the status, in one place per room: 401, 403 and 503 never mix.

use std::fmt;

/// Who must act, and so which status a refusal gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 400: the request itself is broken or ambiguous.
    Malformed,
    /// 401: show who you are.
    Unauthenticated,
    /// 403: we know who you are.
    Forbidden,
    /// 404: nothing is here.
    NotFound,
    /// 405: not with this method.
    MethodNotAllowed,
    /// 408: the request did not arrive in time.
    RequestTimeout,
    /// 413: the body is too large.
    BodyTooLarge,
    /// 429: too many.
    Throttled,
    /// 431: the head is too large.
    HeadTooLarge,
    /// 502: the upstream answered with something that is not HTTP, or closed.
    BadUpstream,
    /// 503: somebody we need cannot be asked.
    Unavailable,
    /// 504: the upstream did not answer in time.
    UpstreamTimeout,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $class:ident, $words:literal;)*) => {
        /// Why something was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $words] $(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Who must act.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// What it means and what to do, in a sentence or two.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The reason of this code.
            #[must_use]
            pub fn of_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    // 400
    BadFraming = "bad_framing", Malformed, "The request's framing is ambiguous (Content-Length, Transfer-Encoding or line ends), so two readers could disagree where it ends.";
    BadHost = "bad_host", Malformed, "The request names no host, two hosts, or a host that differs from its target.";
    BadTarget = "bad_target", Malformed, "The request target is not a path this gateway can read.";
    AmbiguousPath = "ambiguous_path", Malformed, "The path can be read in two ways: an encoded slash or backslash, a dot segment after decoding, a `;` in a matched segment, or an invalid escape.";
    BadHeader = "bad_header", Malformed, "A header is repeated or nominated in a way that would change what the upstream sees.";
    CredentialsDisagree = "credentials_disagree", Malformed, "Cookie and Authorization carry different credentials; it is not clear who calls. Send one.";
    UpgradeRefused = "upgrade_refused", Malformed, "The request asks for a WebSocket, and the gateway passes plain HTTP requests only.";
    BadLoginRequest = "bad_login_request", Malformed, "The login request is not JSON `{username, password}` or a form with these fields.";
    BadRequest = "bad_request", Malformed, "Identity cannot do what was asked as it was asked; the detail says what is wrong, in the words of the specification where it has some.";
    // 401
    NoCredential = "no_credential", Unauthenticated, "The route wants a credential and the request has none.";
    MalformedCredential = "malformed_credential", Unauthenticated, "The credential is not of the kind this route takes: wrong prefix, checksum or form.";
    JwtOnOpaqueRoute = "jwt_on_opaque_route", Unauthenticated, "This route takes opaque tokens only; a JWT was presented from outside.";
    UnknownToken = "unknown_token", Unauthenticated, "No living opaque token of this value exists: it has expired, was ended, or never was.";
    TokenTooLarge = "token_too_large", Unauthenticated, "The token is longer than any this gateway accepts.";
    AlgorithmRefused = "algorithm_refused", Unauthenticated, "The token's `alg` is not in the allow-list; `none` and HMAC never are.";
    TypeRefused = "type_refused", Unauthenticated, "The token's `typ` is not that of an access token: perhaps an ID token was sent.";
    HeaderRefused = "header_refused", Unauthenticated, "The token's header asks for something we do not do (`crit`, `b64`) or is not a JSON object.";
    UnknownKey = "unknown_key", Unauthenticated, "No key of the issuer has the token's `kid`.";
    KeyGone = "key_gone", Unauthenticated, "The key that signed the token was retired or revoked.";
    BadSignature = "bad_signature", Unauthenticated, "The signature does not match.";
    BadClaims = "bad_claims", Unauthenticated, "The claims are not a JSON object of the expected form, or name a member twice.";
    WrongIssuer = "wrong_issuer", Unauthenticated, "`iss` is not the route's issuer, byte for byte (a trailing slash counts).";
    WrongAudience = "wrong_audience", Unauthenticated, "`aud` names none of the audiences of this route or service.";
    Expired = "expired", Unauthenticated, "The token has expired.";
    NotYetValid = "not_yet_valid", Unauthenticated, "`nbf` lies ahead by more than the leeway.";
    ClockSkew = "clock_skew", Unauthenticated, "`iat` lies ahead by more than the leeway: the clocks of issuer and verifier differ.";
    LifetimeTooLong = "lifetime_too_long", Unauthenticated, "The token lives longer than the verifier permits.";
    SessionEnded = "session_ended", Unauthenticated, "The sign-in behind the token was ended.";
    GrantRevoked = "grant_revoked", Unauthenticated, "The grant behind the token was revoked.";
    TokenRevoked = "token_revoked", Unauthenticated, "The token was revoked.";
    SubjectRevoked = "subject_revoked", Unauthenticated, "Everything of this user minted before now was revoked: disabled, password changed, or signed out everywhere.";
    ClientRevoked = "client_revoked", Unauthenticated, "Everything of this client minted before now was revoked.";
    WrongCredentials = "wrong_credentials", Unauthenticated, "Name or password is wrong; an unknown user gets the same answer.";
    WrongClient = "wrong_client", Unauthenticated, "The client is unknown or disabled, or did not prove itself in the way that it is registered for.";
    // 403
    InsufficientScope = "insufficient_scope", Forbidden, "The caller is known and lacks a scope that the route demands.";
    CrossSite = "cross_site", Forbidden, "A request that changes something came with a cookie and without proof that our own page sent it (Origin, Sec-Fetch-Site or x-csrf-token).";
    CredentialTooLarge = "credential_too_large", Forbidden, "The access token would not fit its carrier: this user has too many scopes for the JWT pattern. Use the opaque pattern, or ask for fewer scopes.";
    ClientIncapable = "client_incapable", Forbidden, "The client is known, and its registration does not permit this.";
    // 404, 405, 408, 413, 429, 431
    NoRoute = "no_route", NotFound, "No route matches this host and path.";
    MethodNotAllowed = "method_not_allowed", MethodNotAllowed, "The route exists and does not take this method.";
    RequestTimeout = "request_timeout", RequestTimeout, "The request did not arrive in time.";
    BodyTooLarge = "body_too_large", BodyTooLarge, "The body is larger than the route permits.";
    Throttled = "throttled", Throttled, "Too many attempts for this account or from this address.";
    HeadTooLarge = "head_too_large", HeadTooLarge, "The request's head is larger than the gateway permits, or has too many headers.";
    // 502, 503, 504
    UpstreamBroken = "upstream_broken", BadUpstream, "The upstream closed the connection or answered with something that is not HTTP.";
    UpstreamUnreachable = "upstream_unreachable", Unavailable, "No connection to the upstream could be made.";
    UpstreamTimeout = "upstream_timeout", UpstreamTimeout, "The upstream did not answer in time.";
    IdentityUnavailable = "identity_unavailable", Unavailable, "Identity had to be asked and did not answer.";
    PartUnavailable = "part_unavailable", Unavailable, "A part that had to be asked did not answer; the detail names it.";
    FeedStale = "feed_stale", Unavailable, "What is known of revocations is older than the route permits, so nothing is accepted on it.";
    KeysUnavailable = "keys_unavailable", Unavailable, "The issuer's keys have not been loaded yet.";
    Misconfigured = "misconfigured", Unavailable, "This enforcement point may not do what it must: see the log of the gateway and `sekisho check`.";
    Overloaded = "overloaded", Unavailable, "A queue is full; the work was refused rather than delayed.";
    Draining = "draining", Unavailable, "The process is shutting down.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests;
