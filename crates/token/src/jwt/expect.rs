//! What a token must be to be accepted, written down before it is looked at.
//!
//! Specs: RFC 8725 §3, RFC 9068 §4, OpenID Connect Core §3.1.3.7.

use crate::alg::Algorithm;
use crate::jws::Typ;
use crate::refusal::{Claim, Refusal};
use crate::time::Timestamp;

/// How far two clocks may differ, in seconds, unless told otherwise.
pub const LEEWAY_S: u32 = 60;

/// What a token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) typ: Typ,
    issuer: String,
    audiences: Audiences,
    leeway_s: u32,
    lifetime_s_max: Option<u32>,
    expiry: Expiry,
}

/// Whom a token may be for. There is no empty list: it would be read as "anybody" one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audiences(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    AnyOf(Vec<String>),
    Unchecked,
}

/// Whether a token that has expired is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It is.
    Enforced,
    /// It is not. For `id_token_hint` only, which proves nothing but who once was logged in (OpenID Connect RP-Initiated
    /// Logout §4). `exp` must still be there.
    Ignored,
}

// === impl Expect ===

impl Expect {
    /// An access token of RFC 9068: `typ` must be `at+jwt`, so that no ID token passes for one.
    pub fn access_token(issuer: impl Into<String>, audiences: Audiences) -> Self {
        Self::of(Typ::OneOf(&[super::TYP_ACCESS_TOKEN]), issuer.into(), audiences)
    }

    /// An ID token: `typ` is `JWT` or absent, so that no access token of ours passes for one.
    pub fn id_token(issuer: impl Into<String>, audiences: Audiences) -> Self {
        Self::of(Typ::OneOfOrAbsent(&[super::TYP_ID_TOKEN]), issuer.into(), audiences)
    }

    /// An access token of an issuer that may not know RFC 9068: `typ` is `at+jwt`, `JWT` or absent. An ID token of that
    /// issuer cannot be told from it by its type; the audience and required scopes have to.
    pub fn foreign_access_token(issuer: impl Into<String>, audiences: Audiences) -> Self {
        let typ = Typ::OneOfOrAbsent(&[super::TYP_ACCESS_TOKEN, super::TYP_ID_TOKEN]);
        Self::of(typ, issuer.into(), audiences)
    }

    /// A token of a type of its own.
    pub fn of(typ: Typ, issuer: String, audiences: Audiences) -> Self {
        Self {
            algorithms: Algorithm::ALL.to_vec(),
            typ,
            issuer,
            audiences,
            leeway_s: LEEWAY_S,
            lifetime_s_max: None,
            expiry: Expiry::Enforced,
        }
    }

    /// Accepts these algorithms only. An empty list refuses every token.
    #[must_use]
    pub fn algorithms(self, algorithms: Vec<Algorithm>) -> Self {
        Self { algorithms, ..self }
    }

    /// Lets clocks differ by so many seconds instead of [`LEEWAY_S`].
    #[must_use]
    pub fn leeway_s(self, leeway_s: u32) -> Self {
        Self { leeway_s, ..self }
    }

    /// Refuses tokens that live longer, from `iat` (which must then be there) to `exp`.
    #[must_use]
    pub fn lifetime_s_max(self, lifetime_s_max: u32) -> Self {
        Self { lifetime_s_max: Some(lifetime_s_max), ..self }
    }

    /// Says what becomes of expired tokens.
    #[must_use]
    pub fn expiry(self, expiry: Expiry) -> Self {
        Self { expiry, ..self }
    }

    /// RFC 7519 §4.1.1; compared byte for byte, a trailing slash included.
    pub(super) fn issuer(&self, iss: &str) -> Result<(), Refusal> {
        if iss == self.issuer { Ok(()) } else { Err(Refusal::IssuerMismatch) }
    }

    /// RFC 7519 §4.1.3.
    pub(super) fn audience(&self, aud: &[String]) -> Result<(), Refusal> {
        let meant = match &self.audiences.0 {
            Rule::AnyOf(ours) => aud.iter().any(|aud| ours.contains(aud)),
            Rule::Unchecked => true,
        };
        if meant { Ok(()) } else { Err(Refusal::AudienceMismatch) }
    }

    /// RFC 7519 §4.1.4: at `exp` itself the token is over; the leeway moves that moment.
    pub(super) fn not_expired(&self, exp: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        let ago_s = now.seconds_since(exp);
        match self.expiry {
            Expiry::Enforced if ago_s >= i64::from(self.leeway_s) => Err(Refusal::Expired { ago_s }),
            Expiry::Enforced | Expiry::Ignored => Ok(()),
        }
    }

    /// RFC 7519 §4.1.5, §4.1.6. A token from the future means that two clocks differ, and the refusal says by how much.
    pub(super) fn not_in_the_future(
        &self,
        claim: Claim,
        time: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let ahead_s = time.map_or(0, |time| time.seconds_since(now));
        if ahead_s > i64::from(self.leeway_s) { Err(Refusal::ClockSkew { claim, ahead_s }) } else { Ok(()) }
    }

    pub(super) fn short_lived(&self, iat: Option<Timestamp>, exp: Timestamp) -> Result<(), Refusal> {
        let Some(lifetime_s_max) = self.lifetime_s_max else { return Ok(()) };
        let lifetime_s = exp.seconds_since(iat.ok_or(Refusal::ClaimMissing(Claim::Iat))?);
        if lifetime_s > i64::from(lifetime_s_max) {
            return Err(Refusal::LifetimeTooLong { lifetime_s, lifetime_s_max });
        }
        Ok(())
    }
}

// === impl Audiences ===

impl Audiences {
    /// One audience.
    pub fn one(audience: impl Into<String>) -> Self {
        Self(Rule::AnyOf(vec![audience.into()]))
    }

    /// Any of these; `None` when there are none.
    pub fn any_of<A: Into<String>>(audiences: impl IntoIterator<Item = A>) -> Option<Self> {
        let list: Vec<String> = audiences.into_iter().map(Into::into).collect();
        (!list.is_empty()).then_some(Self(Rule::AnyOf(list)))
    }

    /// Does not look at `aud` at all. For an issuer that reads back its own tokens (introspection, `id_token_hint`), never
    /// for an enforcement point: there, a token meant for another service must not open this one.
    #[must_use]
    pub fn unchecked() -> Self {
        Self(Rule::Unchecked)
    }
}
