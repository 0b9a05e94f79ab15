//! Realms.

use http::Method;
use schemars::JsonSchema;
use sekisho_wire::RealmName;
use serde::{Deserialize, Serialize};

use super::answer::{Listed, Made, Seen};
use super::call::{Call, Json, NoQuery, Nothing, Paging};
use super::problem::Problem;
use super::table::{Route, route};
use crate::admin::RealmView;

/// A realm: an issuer with its own users, clients, keys and feed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Realm")]
struct RealmShown {
    /// Its name.
    name: String,
    /// The `iss` of its tokens.
    issuer: String,
    /// When it was made, in seconds since 1970 in UTC.
    created_at: i64,
    /// What the configuration says of it; changed there.
    settings: SettingsShown,
}

/// What the configuration says of a realm. Times are in seconds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RealmSettings")]
struct SettingsShown {
    access_token_lifetime_s: i64,
    session_idle_s: i64,
    session_lifetime_s: i64,
    refresh_idle_s: i64,
    refresh_grace_s: i64,
    key_lead_s: i64,
    /// What new keys sign with.
    signing_algorithm: String,
    /// Origins whose scripts may call the token endpoint and userinfo.
    allowed_origins: Vec<String>,
}

/// A realm to be made. Its settings are those of the configuration, where it names the realm, or the defaults.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRealm {
    /// Its name: 1 to 32 lower-case letters, digits or `-`, beginning with a letter.
    #[schemars(with = "String", regex(pattern = "^[a-z][a-z0-9-]{0,31}$"))]
    name: RealmName,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route((Method::GET, "/realms"), "listRealms", "List realms by name", list),
        route((Method::POST, "/realms"), "createRealm", "Make a realm with its first key", create),
        route((Method::GET, "/realms/{realm}"), "getRealm", "Look at a realm", get),
    ]
}

async fn list(call: Call<Paging, Nothing>) -> Result<Listed<RealmShown>, Problem> {
    let after: Option<RealmName> = call.query.key()?;
    Ok(Listed::of(call.admin.realms_page(after.as_ref(), call.query.limit.0).await?, RealmShown::of))
}

async fn create(call: Call<NoQuery, Json<NewRealm>>) -> Result<Made<RealmShown>, Problem> {
    let realm = call.admin.create_realm(&call.body.0.name).await?;
    Ok(Made { place: realm.name.to_string(), what: RealmShown::of(realm) })
}

async fn get(call: Call<NoQuery, Nothing>) -> Result<Seen<RealmShown>, Problem> {
    Ok(Seen(RealmShown::of(call.admin.realm(&call.realm()?).await?)))
}

// === impl RealmShown ===

impl RealmShown {
    fn of(realm: RealmView) -> Self {
        let RealmView { name, issuer, created_at, settings } = realm;
        let settings = SettingsShown {
            access_token_lifetime_s: settings.access_token_lifetime_s,
            session_idle_s: settings.session_idle_s,
            session_lifetime_s: settings.session_lifetime_s,
            refresh_idle_s: settings.refresh_idle_s,
            refresh_grace_s: settings.refresh_grace_s,
            key_lead_s: settings.key_lead_s,
            signing_algorithm: settings.signing_algorithm.to_string(),
            allowed_origins: settings.allowed_origins,
        };
        Self { name: name.to_string(), issuer: issuer.to_string(), created_at: created_at.0, settings }
    }
}
