//! The port for what happened: one line per refusal, login, logout, refresh and revocation.
//!
//! The line says who, what, from where, with which outcome and why. It never holds a token, a cookie value, a code, a
//! password or a query string. Recording must not block or fail a request: the roof's writer is bounded, and counts what
//! it had to drop.

use std::fmt;
use std::net::IpAddr;

use sekisho_token::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ClientId, GrantId, RealmName, Reason, RefusalId, RequestId, SessionId, Subject};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An enforcement point said no.
    Refused,
    /// A service's answer carried a JWT that is not ours; it was dropped.
    ResponseTokenDropped,
    /// Somebody said to be a client, and did not prove it.
    ClientRefused,
    /// A refresh token was refused without being used twice: it has expired, or is not this client's.
    RefreshRefused,
    /// A person proved who they are.
    LoginSucceeded,
    /// Somebody did not.
    LoginFailed,
    /// A sign-in was ended.
    SessionEnded,
    /// All sign-ins of a user were ended.
    UserSignedOutEverywhere,
    /// A code was turned into tokens.
    CodeRedeemed,
    /// A code was presented a second time; its grant was revoked.
    CodeReplayed,
    /// A refresh token was rotated.
    TokenRefreshed,
    /// An old refresh token was presented; its grant was revoked.
    RefreshReused,
    /// A grant was revoked.
    GrantRevoked,
    /// A token that belongs to no grant was revoked.
    TokenRevoked,
    /// An opaque token was minted.
    OpaqueIssued,
    /// A token was issued to a client for itself.
    ClientTokenIssued,
    /// A token was exchanged for another (RFC 8693).
    TokenExchanged,
    /// A realm was made.
    RealmCreated,
    /// A realm's feed began anew, because the database had lost something.
    EpochBegun,
    /// A user was made.
    UserCreated,
    /// A user's data or scopes changed.
    UserChanged,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled again.
    UserEnabled,
    /// A user was removed.
    UserDeleted,
    /// A user's password changed.
    PasswordChanged,
    /// A client was made.
    ClientCreated,
    /// A client's registration changed.
    ClientChanged,
    /// A client was disabled.
    ClientDisabled,
    /// A client was enabled again.
    ClientEnabled,
    /// A client was removed.
    ClientDeleted,
    /// A client got a second secret, or lost one.
    ClientSecretRotated,
    /// A signing key was published.
    KeyPublished,
    /// A signing key was revoked.
    KeyRevoked,
    /// An administrator had a token made by hand.
    TokenIssuedByHand,
}

/// One line of the audit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Which part of the house says so: `gateway`, `identity`, `guard`, or a service's own name.
    pub room: String,
    /// The realm, where one is involved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<RealmName>,
    /// The id of the refusal, printed in the answer too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalId>,
    /// Why, for a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "reason_code")]
    pub reason: Option<Reason>,
    /// What the reason leaves open: the missing scopes, the measured clock offset. Never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The route's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The canonical path, without the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Which administrator did it; absent where the house, the command line or the person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Subject>,
    /// By which client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// In which sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Under which grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// Where lines go. Answered by the roof; every room records.
pub trait Audit: Send + Sync + fmt::Debug {
    /// Takes the line without blocking. A full queue drops it and counts.
    fn record(&self, event: AuditEvent);

    /// How many lines it had to drop since it began; none where it never drops any.
    fn dropped_in_all(&self) -> u64 {
        0
    }
}

// === impl AuditEvent ===

impl AuditEvent {
    /// A line that says only when, where and what.
    #[must_use]
    pub fn new(at: Timestamp, room: &str, event: Event) -> Self {
        Self {
            at,
            event,
            room: room.to_owned(),
            realm: None,
            refusal: None,
            reason: None,
            detail: None,
            request: None,
            route: None,
            method: None,
            path: None,
            subject: None,
            by: None,
            client: None,
            session: None,
            grant: None,
            address: None,
        }
    }
}

/// A reason is written as its code; a code of a newer version reads as none.
mod reason_code {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Reason;

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` demands")]
    pub(super) fn serialize<S: Serializer>(reason: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
        match reason {
            Some(reason) => serializer.serialize_str(reason.code()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Reason>, D::Error> {
        let code = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(code.as_deref().and_then(Reason::of_code))
    }
}
