//! The realm's public keys (RFC 7517 §5): coming, signing and retiring ones.

use sekisho_token::jwk::JwkSet;

use crate::realms::RealmState;
use crate::room::Room;

/// The set as it stands.
pub(crate) fn jwks(room: &Room, realm: &RealmState) -> JwkSet {
    realm.ring().jwks(room.now())
}

/// How long it may be cached, in seconds: half of the time between publishing a key and signing with it.
pub(crate) fn max_age_s(realm: &RealmState) -> i64 {
    realm.settings.key_lead_s / 2
}
