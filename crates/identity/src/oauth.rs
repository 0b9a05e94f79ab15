//! The endpoints of OAuth 2.1 and OpenID Connect, one file per specification, without HTTP.
//!
//! Each takes what was parsed and answers with what it means; [`crate::http`] reads requests and writes answers, and
//! [`crate::ports`] calls the same functions for the other rooms of this process.

pub(crate) mod authorize;
pub(crate) mod challenge;
pub(crate) mod client_auth;
pub(crate) mod code;
pub(crate) mod discovery;
pub(crate) mod exchange;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod logout;
pub(crate) mod own;
pub(crate) mod params;
pub(crate) mod redirect_uri;
pub(crate) mod refusal;
pub(crate) mod revoke;
pub(crate) mod scope;
pub(crate) mod token;
pub(crate) mod userinfo;

use crate::realms::RealmState;
use crate::room::{Origin, Room};
use client_auth::Known;
use params::Params;

/// A request of a client that is known, whichever way it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) room: &'a Room,
    pub(crate) realm: &'a RealmState,
    pub(crate) known: &'a Known,
    pub(crate) params: &'a Params,
    pub(crate) origin: &'a Origin,
}

// === impl Call ===

impl Call<'_> {
    /// The circumstances of a write for this client.
    pub(crate) fn act(&self) -> sekisho_model::Act {
        self.room.act(self.realm, Some(&self.known.client.id), self.origin)
    }

    /// A parameter that must be there.
    pub(crate) fn must(&self, name: &'static str, words: &'static str) -> Result<&str, refusal::Refusal> {
        self.params.one(name).ok_or(refusal::Refusal::request(words))
    }
}
