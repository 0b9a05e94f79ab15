//! Administration as commands that can be sent: what the command line says, and what came of it.
//!
//! Beside a running server a command travels over `DIR/admin.sock` and takes effect at once; otherwise the command line
//! takes the directory's lock and carries it out itself. Both ways end in [`execute`].

use std::fmt;

use sekisho_identity::admin::{AdminError, HandMade, Limit, Person as NewPerson, command_line, device};
use sekisho_identity::{Admin, Identity, Takeover};
use sekisho_model::UserName;
use sekisho_model::client::Registration;
use sekisho_store::sqlite::{Backup, Restored};
use sekisho_token::{KeyId, Secret};
use sekisho_wire::{ClientId, RealmName, Scopes, Subject};
use serde::{Deserialize, Serialize};

use crate::declared::{Declared, Hashes, Rest, export, plan};
use crate::demo::premises::{Person, Program};
use crate::moment::written;
use crate::wiring::House;

/// A command.
#[derive(Serialize, Deserialize)]
pub enum Command {
    /// Do something in a realm.
    In {
        /// In which.
        realm: RealmName,
        /// What to do.
        what: What,
    },
    /// Say what would have to change so that everything is as declared.
    Compare {
        /// What is declared.
        wanted: Declared,
        /// What becomes of the rest.
        rest: Rest,
    },
    /// Make everything as declared.
    Carry {
        /// What is declared.
        wanted: Declared,
        /// What becomes of the rest.
        rest: Rest,
        /// The answer to the same question before; nothing is done when it would be another by now.
        seen: Outcome,
    },
    /// Write down what there is.
    Export {
        /// Of which realms; all of them when none is named.
        realms: Vec<RealmName>,
        /// Whether hashes go along.
        hashes: Hashes,
    },
    /// Begin a new epoch of the feed.
    NewEpoch {
        /// Of which realms; all of them when none is named.
        realms: Vec<RealmName>,
    },
}

/// What to do.
#[derive(Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is an operation of `sekisho_identity::Admin`, which documents it")]
pub enum What {
    CreateUser {
        name: String,
        password: String,
        scopes: Scopes,
        display_name: Option<String>,
        email: Option<String>,
    },
    ListUsers,
    DisableUser {
        name: String,
    },
    EnableUser {
        name: String,
    },
    SetPassword {
        name: String,
        password: String,
    },
    SetScopes {
        name: String,
        scopes: Scopes,
    },
    SignOut {
        name: String,
    },
    EndSession {
        id: String,
    },
    DeleteUser {
        name: String,
    },
    Sessions {
        name: String,
    },
    CreateClient {
        id: ClientId,
        registration: Box<Registration>,
    },
    ListClients,
    DisableClient {
        id: ClientId,
    },
    EnableClient {
        id: ClientId,
    },
    DeleteClient {
        id: ClientId,
    },
    RotateSecret {
        id: ClientId,
    },
    IssueToken {
        client: ClientId,
        subject: Option<Subject>,
        scope: Scopes,
        audiences: Vec<String>,
        ttl_s: u32,
    },
    RotateKey {
        at_once: bool,
    },
    /// Take a key back.
    RevokeKey {
        kid: String,
    },
    ListKeys,
    CreateRealm,
    ListRealms,
}

/// What came of a command: rows of named values, in the order in which they are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// One row per thing.
    pub rows: Vec<Vec<(String, String)>>,
}

/// Why nothing came of it: the reason, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct NotDone(pub String);

/// Carries a command out.
///
/// # Errors
/// [`NotDone`].
pub async fn execute(admin: &Admin, command: Command) -> Result<Outcome, NotDone> {
    match command {
        Command::In { realm, what } => in_realm(admin, realm, what).await,
        Command::Compare { wanted, rest } => plan::compare(admin, &wanted, rest).await,
        Command::Carry { wanted, rest, seen } => plan::carry(admin, &wanted, rest, &seen).await,
        Command::Export { realms, hashes } => export::export(admin, realms, hashes).await,
        Command::NewEpoch { realms } => new_epoch(admin, realms).await,
    }
}

/// The administration in the name of whoever may use the command line, which is what the audit says then.
#[must_use]
pub fn of_command_line(identity: &Identity) -> Admin {
    match command_line::ID.parse() {
        Ok(id) => identity.admin().acting_as(id),
        Err(_) => identity.admin(),
    }
}

async fn in_realm(admin: &Admin, realm: RealmName, what: What) -> Result<Outcome, NotDone> {
    let done = match what {
        What::CreateUser { name, password, scopes, display_name, email } => {
            let name = user_name(&name)?;
            let person = NewPerson { name: name.clone(), password: password.into(), scopes, display_name, email };
            let id = admin.create_user(&realm, person).await?;
            Outcome::row(&[("user", name.as_str()), ("id", &id.to_string())])
        }
        What::ListUsers => users(admin, &realm).await?,
        What::DisableUser { name } => told("disabled", &name, admin.disable_user(&realm, &user_name(&name)?).await)?,
        What::EnableUser { name } => told("enabled", &name, admin.enable_user(&realm, &user_name(&name)?).await)?,
        What::SetPassword { name, password } => {
            told("password set", &name, admin.set_password(&realm, &user_name(&name)?, &password.into()).await)?
        }
        What::SetScopes { name, scopes } => {
            admin.set_scopes(&realm, &user_name(&name)?, scopes.clone()).await?;
            Outcome::row(&[("user", &name), ("scopes", &scopes.to_string())])
        }
        What::SignOut { name } => {
            told("signed out everywhere", &name, admin.sign_out_everywhere(&realm, &user_name(&name)?).await)?
        }
        What::EndSession { id } => {
            let session = id.parse().map_err(|error| NotDone(format!("{error}")))?;
            admin.end_session(&realm, session).await?;
            Outcome::row(&[("session ended", &id)])
        }
        What::DeleteUser { name } => {
            let user = admin.user(&realm, &user_name(&name)?).await?;
            admin.delete_user(&realm, user).await?;
            Outcome::row(&[("removed", &name)])
        }
        What::Sessions { name } => sessions(admin, &realm, &user_name(&name)?).await?,
        What::CreateClient { id, registration } => {
            let secret = admin.create_client(&realm, id.clone(), *registration).await?;
            with_secret(&id, secret.as_ref())
        }
        What::ListClients => clients(admin, &realm).await?,
        What::DisableClient { id } => told("disabled", id.as_str(), admin.disable_client(&realm, &id).await)?,
        What::EnableClient { id } => told("enabled", id.as_str(), admin.enable_client(&realm, &id).await)?,
        What::DeleteClient { id } => {
            let client = admin.client(&realm, &id).await?;
            admin.delete_client(&realm, client).await?;
            Outcome::row(&[("removed", id.as_str())])
        }
        What::RotateSecret { id } => {
            let client = admin.client(&realm, &id).await?;
            let secret = admin.rotate_client_secret(&realm, client).await?;
            with_secret(&id, Some(&secret))
        }
        What::IssueToken { client, subject, scope, audiences, ttl_s } => {
            let wanted = HandMade { client, subject, scope, audiences, ttl_s };
            let token = admin.issue_token(&realm, wanted).await?;
            Outcome::row(&[("token", token.expose())])
        }
        What::RotateKey { at_once } => {
            let takeover = if at_once { Takeover::AtOnce } else { Takeover::AfterLead };
            let kid = admin.rotate_key(&realm, takeover).await?;
            Outcome::row(&[("published", kid.as_str())])
        }
        What::RevokeKey { kid } => told("revoked", &kid, admin.revoke_key(&realm, &key_id(&kid)?).await)?,
        What::ListKeys => keys(admin, &realm).await?,
        What::CreateRealm => {
            let made = admin.create_realm(&realm).await?;
            Outcome::row(&[("realm", realm.as_str()), ("issuer", made.issuer.as_str())])
        }
        What::ListRealms => realms(admin).await?,
    };
    Ok(done)
}

/// Makes the demo's person, unless there is one of that name.
///
/// # Errors
/// [`NotDone`].
pub async fn ensure_person(house: &House, person: Person) -> Result<(), NotDone> {
    let (admin, realm) = (admin_of(house)?, main_realm()?);
    let Person { name, password, scopes } = person;
    let name = user_name(&name)?;
    let person = NewPerson { name, password, scopes, display_name: None, email: None };
    match admin.create_user(&realm, person).await {
        Ok(_) | Err(AdminError::Exists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes the demo's client, unless there is one of that id; gives a secret where nobody knows one.
///
/// # Errors
/// [`NotDone`].
pub async fn ensure_program(house: &House, program: Program) -> Result<Option<Secret<String>>, NotDone> {
    let (admin, realm) = (admin_of(house)?, main_realm()?);
    let Program { id, registration, secret } = program;
    match admin.create_client(&realm, id.clone(), registration).await {
        Ok(secret) => Ok(secret),
        Err(AdminError::Exists(_)) => {
            let client = admin.client(&realm, &id).await?;
            let known =
                secret.is_some_and(|secret| client.has_secret(&sekisho_token::Digest::of(secret.expose().as_bytes())));
            if known || client.is_public() {
                return Ok(None);
            }
            Ok(Some(admin.rotate_client_secret(&realm, client).await?))
        }
        Err(error) => Err(error.into()),
    }
}

async fn users(admin: &Admin, realm: &RealmName) -> Result<Outcome, NotDone> {
    let (mut outcome, mut after) = (Outcome::default(), None);
    loop {
        let page = admin.users(realm, after.as_ref(), Limit::MAX).await?;
        for user in &page.items {
            let state = if user.disabled_at.is_some() { "disabled" } else { "active" };
            let (id, scopes) = (user.id.to_string(), user.scopes.to_string());
            outcome.add(&[("user", user.name.as_str()), ("id", &id), ("state", state), ("scopes", &scopes)]);
        }
        after = page.next;
        if after.is_none() {
            return Ok(outcome);
        }
    }
}

async fn clients(admin: &Admin, realm: &RealmName) -> Result<Outcome, NotDone> {
    let (mut outcome, mut after) = (Outcome::default(), None);
    loop {
        let page = admin.clients(realm, after.as_ref(), Limit::MAX).await?;
        for client in &page.items {
            let state = if client.disabled_at.is_some() { "disabled" } else { "active" };
            let (scopes, audiences) = (client.registration.scopes.to_string(), client.registration.audiences.join(" "));
            let name = client.registration.name.as_str();
            let id = client.id.as_str();
            outcome.add(&[
                ("client", id),
                ("name", name),
                ("state", state),
                ("audiences", &audiences),
                ("scopes", &scopes),
            ]);
        }
        after = page.next;
        if after.is_none() {
            return Ok(outcome);
        }
    }
}

async fn sessions(admin: &Admin, realm: &RealmName, name: &UserName) -> Result<Outcome, NotDone> {
    let mut outcome = Outcome::default();
    for session in admin.sessions(realm, name).await? {
        let address = session.address.map(|address| address.to_string()).unwrap_or_default();
        let (id, since) = (session.id.to_string(), written(session.auth_time));
        let (seen, with) = (written(session.last_seen), device(&session));
        outcome.add(&[("session", &id), ("since", &since), ("seen", &seen), ("from", &address), ("with", &with)]);
    }
    Ok(outcome)
}

async fn realms(admin: &Admin) -> Result<Outcome, NotDone> {
    let mut outcome = Outcome::default();
    for name in admin.realms().await? {
        let realm = admin.realm(&name).await?;
        outcome.add(&[("realm", name.as_str()), ("issuer", realm.issuer.as_str())]);
    }
    Ok(outcome)
}

/// One after the other: where it stops half-way it can be said again, and those that were done get another epoch.
async fn new_epoch(admin: &Admin, realms: Vec<RealmName>) -> Result<Outcome, NotDone> {
    let all = admin.realms().await?;
    if let Some(unknown) = realms.iter().find(|realm| !all.contains(realm)) {
        return Err(AdminError::NoRealm(unknown.clone()).into());
    }
    let mut outcome = Outcome::default();
    for realm in if realms.is_empty() { all } else { realms } {
        let begun = admin.start_epoch(&realm).await;
        let epoch =
            begun.map_err(|error| NotDone(format!("realm `{realm}`: {error}: nothing else was done; say it again")))?;
        outcome.add(&[("realm", realm.as_str()), ("epoch", &epoch.0.to_string())]);
    }
    Ok(outcome)
}

async fn keys(admin: &Admin, realm: &RealmName) -> Result<Outcome, NotDone> {
    let mut outcome = Outcome::default();
    for key in admin.keys(realm).await? {
        let stage = key.stage.map_or_else(|| "unpublished".to_owned(), |stage| format!("{stage:?}").to_lowercase());
        let gone = key.gone_at.map(written).unwrap_or_default();
        let signs = written(key.signs_from);
        outcome.add(&[("key", key.kid.as_str()), ("stage", &stage), ("signs from", &signs), ("gone at", &gone)]);
    }
    Ok(outcome)
}

/// It was done to this one.
fn told(what: &str, name: &str, done: Result<(), AdminError>) -> Result<Outcome, NotDone> {
    done?;
    Ok(Outcome::row(&[(what, name)]))
}

/// What is told of a backup.
#[must_use]
pub fn kept(backup: &Backup) -> Outcome {
    Outcome::row(&[("backup", &backup.path.display().to_string()), ("bytes", &backup.bytes.to_string())])
}

/// What is told of a restore.
#[must_use]
pub fn restored(restored: &Restored) -> Outcome {
    let replaced = restored.replaced.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let (epoch, schema) = (restored.epoch.0.to_string(), restored.schema.to_string());
    Outcome::row(&[("epoch", &epoch), ("schema", &schema), ("the database before", &replaced)])
}

fn with_secret(id: &ClientId, secret: Option<&Secret<String>>) -> Outcome {
    match secret {
        Some(secret) => Outcome::row(&[("client", id.as_str()), ("secret", secret.expose())]),
        None => Outcome::row(&[("client", id.as_str())]),
    }
}

fn key_id(text: &str) -> Result<KeyId, NotDone> {
    text.parse().map_err(|error| NotDone(format!("{error}")))
}

fn user_name(text: &str) -> Result<UserName, NotDone> {
    text.parse().map_err(|error| NotDone(format!("`{text}`: {error}")))
}

fn admin_of(house: &House) -> Result<Admin, NotDone> {
    house.identity().map(|identity| identity.admin()).ok_or_else(|| NotDone("identity is not open".to_owned()))
}

fn main_realm() -> Result<RealmName, NotDone> {
    RealmName::DEFAULT.parse().map_err(|error| NotDone(format!("{error}")))
}

// === impl Outcome ===

impl Outcome {
    /// One row.
    pub(crate) fn row(pairs: &[(&str, &str)]) -> Self {
        let mut outcome = Self::default();
        outcome.add(pairs);
        outcome
    }

    /// One row more.
    pub(crate) fn add(&mut self, pairs: &[(&str, &str)]) {
        self.rows.push(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let shown = row.iter().filter(|(_, value)| !value.is_empty());
            let texts: Vec<String> = shown.map(|(name, value)| format!("{name}: {value}")).collect();
            f.write_str(&texts.join("  "))?;
        }
        Ok(())
    }
}

// === impl Command ===

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In { realm, .. } => write!(f, "Command(in realm {realm})"),
            Self::Compare { .. } => f.write_str("Command(compare)"),
            Self::Carry { .. } => f.write_str("Command(carry)"),
            Self::Export { .. } => f.write_str("Command(export)"),
            Self::NewEpoch { .. } => f.write_str("Command(new epoch)"),
        }
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("What(…)")
    }
}

// === impl NotDone ===

impl From<AdminError> for NotDone {
    fn from(error: AdminError) -> Self {
        Self(error.to_string())
    }
}
