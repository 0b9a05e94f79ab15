//! What is to be: realms, users and clients as a file declares them, made so by `sekisho apply` and written by
//! `sekisho export`.
//!
//! ```text
//!   file     YAML with references, each mistake with its place ─► Declared, everything resolved
//!   plan     Declared and what there is ─► steps; shown first, then carried out by the operations of `identity::Admin`
//!   export   what there is ─► YAML; applying it changes nothing
//! ```
//!
//! Said is all that is compared: a user's password only where the file has one, whether somebody is disabled only where the
//! file says so. Users and clients that are not declared stay, unless the operator asks for the rest to be removed; realms are
//! never removed.

use std::collections::BTreeMap;

use sekisho_model::UserName;
use sekisho_model::client::Registration;
use sekisho_wire::{ClientId, RealmName, Scopes};
use serde::{Deserialize, Serialize};

pub mod export;
pub mod file;
pub mod plan;

pub use file::schema;

/// Everything that is declared, with what files and variables hold. It may carry passwords; it is sent over the admin socket
/// and kept nowhere.
#[derive(Default, Serialize, Deserialize)]
pub struct Declared {
    realms: BTreeMap<RealmName, Realm>,
}

/// A realm as declared.
#[derive(Default, Serialize, Deserialize)]
struct Realm {
    users: BTreeMap<String, User>,
    clients: BTreeMap<ClientId, Client>,
}

/// A user as declared.
#[derive(Serialize, Deserialize)]
struct User {
    scopes: Scopes,
    display_name: Option<String>,
    email: Option<String>,
    disabled: Option<bool>,
    password: Option<Proof>,
}

/// A client as declared.
#[derive(Serialize, Deserialize)]
struct Client {
    registration: Registration,
    disabled: Option<bool>,
    secret: Option<Proof>,
}

/// What somebody proves themselves with.
#[derive(Serialize, Deserialize)]
enum Proof {
    /// In full.
    Plain(String),
    /// What is kept of it.
    Hash(String),
}

/// What becomes of users and clients that are not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rest {
    /// They stay.
    Stays,
    /// They are removed, in the realms that are declared.
    Goes,
}

/// Whether an export has hashes of passwords and secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hashes {
    /// No: whoever is made from it gets something new.
    Without,
    /// Yes: whoever is made from it keeps their password or secret.
    With,
}

// === impl Declared ===

impl std::fmt::Debug for Declared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Declared({} realms)", self.realms.len())
    }
}

/// A user's name, which was read before.
fn named(text: &str) -> Result<UserName, crate::admin::NotDone> {
    text.parse().map_err(|error| crate::admin::NotDone(format!("`{text}`: {error}")))
}

#[cfg(test)]
mod tests;
