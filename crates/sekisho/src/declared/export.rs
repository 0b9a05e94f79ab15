//! What there is, in the form that is applied.

use std::fmt::Write as _;

use sekisho_identity::Admin;
use sekisho_identity::admin::Limit;
use sekisho_model::client::{ClientSecret, Registration};
use sekisho_wire::RealmName;
use serde_json::{Map, Value, json};

use super::Hashes;
use crate::admin::{NotDone, Outcome};

/// Under which name the outcome carries the text.
pub const DOCUMENT: &str = "document";

/// Writes down every user and client of these realms, or of all.
///
/// # Errors
/// [`NotDone`].
pub async fn export(admin: &Admin, realms: Vec<RealmName>, hashes: Hashes) -> Result<Outcome, NotDone> {
    let realms = if realms.is_empty() { admin.realms().await? } else { realms };
    let mut written = Map::new();
    for realm in realms {
        let users = users(admin, &realm, hashes).await?;
        let clients = clients(admin, &realm, hashes).await?;
        written.insert(realm.to_string(), json!({ "users": users, "clients": clients }));
    }
    let document = json!({ "realms": written });
    let text = serde_saphyr::to_string(&document).map_err(|error| NotDone(error.to_string()))?;
    Ok(Outcome::row(&[(DOCUMENT, &text)]))
}

async fn users(admin: &Admin, realm: &RealmName, hashes: Hashes) -> Result<Map<String, Value>, NotDone> {
    let (mut written, mut after) = (Map::new(), None);
    loop {
        let page = admin.users(realm, after.as_ref(), Limit::MAX).await?;
        for user in page.items {
            let mut members = Map::new();
            members.insert("scopes".to_owned(), user.scopes.to_string().into());
            members.extend(user.display_name.map(|name| ("display_name".to_owned(), name.into())));
            members.extend(user.email.map(|email| ("email".to_owned(), email.into())));
            members.extend(user.disabled_at.map(|_| ("disabled".to_owned(), true.into())));
            if hashes == Hashes::With {
                members.insert("password".to_owned(), json!({ "hash": user.password.expose() }));
            }
            written.insert(user.name.to_string(), members.into());
        }
        after = page.next;
        if after.is_none() {
            return Ok(written);
        }
    }
}

async fn clients(admin: &Admin, realm: &RealmName, hashes: Hashes) -> Result<Map<String, Value>, NotDone> {
    let (mut written, mut after) = (Map::new(), None);
    loop {
        let page = admin.clients(realm, after.as_ref(), Limit::MAX).await?;
        // What the house makes for itself it makes in every house.
        for client in page.items.into_iter().filter(|client| !client.is_kept_by_the_house()) {
            let mut members = registered(&client.registration)?;
            members.extend(client.disabled_at.map(|_| ("disabled".to_owned(), true.into())));
            let secret = client.secrets.first().filter(|_| hashes == Hashes::With);
            members.extend(secret.map(|secret| ("secret".to_owned(), json!({ "hash": hex(secret) }))));
            written.insert(client.id.to_string(), members.into());
        }
        after = page.next;
        if after.is_none() {
            return Ok(written);
        }
    }
}

fn registered(registration: &Registration) -> Result<Map<String, Value>, NotDone> {
    match serde_json::to_value(registration) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(NotDone(error.to_string())),
    }
}

fn hex(secret: &ClientSecret) -> String {
    secret.digest.0.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
