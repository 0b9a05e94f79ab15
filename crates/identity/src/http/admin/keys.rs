//! Signing keys: never their private parts.

use http::Method;
use schemars::JsonSchema;
use sekisho_token::ring::Stage;
use serde::{Deserialize, Serialize};

use super::answer::{Done, Listed, Made};
use super::call::{Call, Json, NoQuery, Nothing};
use super::problem::{Kind, Problem};
use super::table::{Route, route};
use crate::admin::{KeyState, Page};
use crate::keys::Takeover;

/// A signing key. Times are in seconds since 1970 in UTC.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Key")]
struct KeyShown {
    /// The `kid` of what it signs.
    kid: String,
    /// What it signs with.
    algorithm: String,
    /// What it does now.
    stage: StageShown,
    /// Since when verifiers may know it.
    published_at: i64,
    /// When it begins to sign.
    signs_from: i64,
    /// When it is gone; null while nothing follows it.
    gone_at: Option<i64>,
}

/// What a key does now.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "KeyStage")]
enum StageShown {
    /// Published, so that verifiers learn it; it does not sign yet.
    Coming,
    /// It signs whatever is signed now.
    Signing,
    /// Published while tokens that it signed may live.
    Retiring,
    /// Nothing that it signed counts.
    Gone,
}

/// How the next key takes over.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// When it begins to sign.
    takeover: When,
}

/// When a new key begins to sign.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Takeover")]
enum When {
    /// After the realm's lead time, when every verifier has it.
    AfterLead,
    /// At once, for emergencies: verifiers that cache keys have to ask again.
    AtOnce,
}

pub(super) fn routes() -> Vec<Route> {
    const KEYS: &str = "/realms/{realm}/keys";
    vec![
        route((Method::GET, KEYS), "listKeys", "List signing keys in the order of succession", list),
        route((Method::POST, KEYS), "rotateKey", "Publish the next signing key", rotate),
        route(
            (Method::DELETE, "/realms/{realm}/keys/{key}"),
            "revokeKey",
            "Take back a key that somebody else may have, and everything that it signed",
            revoke,
        ),
    ]
}

async fn list(call: Call<NoQuery, Nothing>) -> Result<Listed<KeyShown>, Problem> {
    let keys = call.admin.keys(&call.realm()?).await?;
    Ok(Listed::of(Page { items: keys, next: None::<String> }, KeyShown::of))
}

async fn rotate(call: Call<NoQuery, Json<Rotation>>) -> Result<Made<KeyShown>, Problem> {
    let realm = call.realm()?;
    let takeover = match call.body.0.takeover {
        When::AfterLead => Takeover::AfterLead,
        When::AtOnce => Takeover::AtOnce,
    };
    let kid = call.admin.rotate_key(&realm, takeover).await?;
    let key = call.admin.keys(&realm).await?.into_iter().find(|key| key.kid == kid);
    let key = key.ok_or_else(|| Problem::new(Kind::Conflict, "another administrator revoked the key meanwhile"))?;
    Ok(Made { place: kid.to_string(), what: KeyShown::of(key) })
}

async fn revoke(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.revoke_key(&call.realm()?, &call.key()?).await?;
    Ok(Done)
}

// === impl KeyShown ===

impl KeyShown {
    fn of(key: KeyState) -> Self {
        let KeyState { kid, algorithm, stage, published_at, signs_from, gone_at } = key;
        Self {
            kid: kid.to_string(),
            algorithm: algorithm.to_string(),
            stage: match stage {
                Some(Stage::Coming) => StageShown::Coming,
                Some(Stage::Signing) => StageShown::Signing,
                Some(Stage::Retiring) => StageShown::Retiring,
                Some(Stage::Gone) | None => StageShown::Gone,
            },
            published_at: published_at.0,
            signs_from: signs_from.0,
            gone_at: gone_at.map(|at| at.0),
        }
    }
}
