//! What an enforcement point must know: the closed list of changes that the feed carries.
//!
//! Creating a session, issuing a code, an ordinary refresh and audit are not here: nobody has to refuse anything because
//! of them. A change that names a subject, a client or a key hits what was minted *before* the entry that carries it;
//! positions decide, never seconds, so two events within one second cannot be confused.

use sekisho_token::Timestamp;
use sekisho_token::jwk::Jwk;
use sekisho_token::key::KeyId;
use serde::{Deserialize, Serialize};

use crate::{ClientId, GrantId, SessionId, Subject, TokenId};

/// One fact that changes what may be accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// A sign-in is over: every token that carries this `sid` is refused.
    SessionEnded {
        /// Which sign-in.
        session: SessionId,
    },
    /// A grant was taken back: every token of its family is refused.
    GrantRevoked {
        /// Which grant.
        grant: GrantId,
    },
    /// One token that belongs to no grant was taken back.
    TokenRevoked {
        /// Its `jti`.
        token: TokenId,
    },
    /// Everything minted for this subject before this entry is refused: disabled, password changed, "sign out everywhere", a
    /// scope taken away.
    SubjectRevoked {
        /// The `sub` of the tokens.
        subject: Subject,
    },
    /// Everything minted for this client before this entry is refused: disabled, its secret leaked, or it may do less.
    ClientRevoked {
        /// The `client_id` of the tokens.
        client: ClientId,
    },
    /// A signing key was published, or its schedule changed.
    KeyScheduled {
        /// The key with its times.
        key: PublishedKey,
    },
    /// A signing key is not to be believed any more, from this entry on.
    KeyRevoked {
        /// The key's id.
        kid: KeyId,
    },
}

/// A public key of a realm and the times of its life: coming until `signs_from`, then signing or retiring, then gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedKey {
    /// The public key, with `kid` and `alg`.
    pub jwk: Jwk,
    /// When it entered the feed and the JWKS.
    pub published_at: Timestamp,
    /// When it begins to sign.
    pub signs_from: Timestamp,
    /// When its last token has expired; unknown while it is the youngest.
    pub gone_at: Option<Timestamp>,
}
