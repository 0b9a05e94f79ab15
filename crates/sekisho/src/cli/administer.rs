//! `realm`, `user`, `client`, `token`, `key`, `feed`: from words to a command, and to whoever can carry it out.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;
use std::sync::Arc;

use sekisho_identity::admin::{AUDIENCE, READ, WRITE, command_line};
use sekisho_model::client::{AccessTokenForm, Capability, ClientAuth, Consent, GrantType, Pkce, Registration};
use sekisho_token::Secret;
use sekisho_wire::RealmName;

use super::run::{Outcome, configured, data_dir, make_data_dir, print, surroundings};
use super::{Client, ClientKind, Feed, Key, Place, Realm, Token, User, Where};
use crate::admin::{self, Command, What, execute};
use crate::audit::AuditFiles;
use crate::config::{Config, Span};
use crate::database::Database;
use crate::http::admin_socket::{SendError, send};
use crate::kek::{self, KekSource};
use crate::wiring::{House, IdentityPlan};

/// The longest password that is read from standard input, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;

pub(super) async fn user(command: User) -> Outcome {
    let (at, what) = match command {
        User::Create { name, scopes, display_name, email, at } => {
            let password = password(&name)?.expose().clone();
            (at, What::CreateUser { name, password, scopes, display_name, email })
        }
        User::List { at } => (at, What::ListUsers),
        User::Disable { name, at } => (at, What::DisableUser { name }),
        User::Enable { name, at } => (at, What::EnableUser { name }),
        User::SetPassword { name, at } => {
            let password = password(&name)?.expose().clone();
            (at, What::SetPassword { name, password })
        }
        User::Scopes { name, scopes, at } => (at, What::SetScopes { name, scopes }),
        User::SignOut { name, at } => (at, What::SignOut { name }),
        User::EndSession { id, at } => (at, What::EndSession { id }),
        User::Delete { name, at } => (at, What::DeleteUser { name }),
        User::Sessions { name, at } => (at, What::Sessions { name }),
    };
    administer(at, what).await
}

pub(super) async fn client(command: Client) -> Outcome {
    let (at, what) = match command {
        Client::Create { id, kind, redirect_uris, post_logout_redirect_uris, scopes, audiences, consent, pkce, at } => {
            if kind == ClientKind::Public && pkce == super::Pkce::Optional {
                return Err("a public client always needs PKCE: expected `--pkce required`".into());
            }
            let registration = Registration {
                name: id.to_string(),
                redirect_uris,
                post_logout_redirect_uris,
                scopes,
                audiences,
                consent: if consent { Consent::Required } else { Consent::Implied },
                pkce: match pkce {
                    super::Pkce::Required => Pkce::Required,
                    super::Pkce::Optional => Pkce::Optional,
                },
                ..registration(kind)
            };
            (at, What::CreateClient { id, registration: Box::new(registration) })
        }
        Client::List { at } => (at, What::ListClients),
        Client::Disable { id, at } => (at, What::DisableClient { id }),
        Client::Enable { id, at } => (at, What::EnableClient { id }),
        Client::Delete { id, at } => (at, What::DeleteClient { id }),
        Client::RotateSecret { id, at } => (at, What::RotateSecret { id }),
    };
    administer(at, what).await
}

pub(super) async fn token(command: Token) -> Outcome {
    match command {
        Token::Issue { client, subject, scope, audiences, ttl, at } => {
            let subject = subject.map(|subject| subject.parse()).transpose()?;
            let ttl_s = whole_seconds(ttl)?;
            administer(at, What::IssueToken { client, subject, scope, audiences, ttl_s }).await
        }
        Token::Admin { read_only, name, ttl, place, json } => {
            let scope = if read_only { READ.to_owned() } else { format!("{READ} {WRITE}") };
            let what = What::IssueToken {
                client: command_line::ID.parse()?,
                subject: name.map(|name| name.parse()).transpose()?,
                scope: scope.parse()?,
                audiences: vec![AUDIENCE.to_owned()],
                ttl_s: whole_seconds(ttl)?,
            };
            administer(Where { place, realm: RealmName::SYSTEM.parse()?, json }, what).await
        }
    }
}

pub(super) async fn realm(command: Realm) -> Outcome {
    let (place, realm, json, what) = match command {
        Realm::Create { name, place, json } => (place, name, json, What::CreateRealm),
        Realm::List { place, json } => (place, RealmName::DEFAULT.parse()?, json, What::ListRealms),
    };
    administer(Where { place, realm, json }, what).await
}

fn whole_seconds(Span(ttl): Span) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    match u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX) {
        0 => Err("a token lives for at least 1s".into()),
        ttl_s => Ok(ttl_s),
    }
}

pub(super) async fn key(command: Key) -> Outcome {
    let (at, what) = match command {
        Key::Rotate { at_once, at } => (at, What::RotateKey { at_once }),
        Key::Revoke { kid, at } => (at, What::RevokeKey { kid }),
        Key::List { at } => (at, What::ListKeys),
    };
    administer(at, what).await
}

pub(super) async fn feed(command: Feed) -> Outcome {
    let Feed::NewEpoch { realms, place, json } = command;
    let outcome = carried_out(&place, Command::NewEpoch { realms }).await?;
    if json { print(as_json(&outcome)) } else { print(outcome) }
}

/// What a kind of client may do, before its own scopes, audiences and addresses.
fn registration(kind: ClientKind) -> Registration {
    let (auth, grants, capabilities) = match kind {
        ClientKind::Public => {
            (ClientAuth::None, vec![GrantType::AuthorizationCode, GrantType::RefreshToken], Vec::new())
        }
        ClientKind::Web => {
            (ClientAuth::ClientSecretBasic, vec![GrantType::AuthorizationCode, GrantType::RefreshToken], Vec::new())
        }
        ClientKind::Machine => (ClientAuth::ClientSecretBasic, vec![GrantType::ClientCredentials], Vec::new()),
        ClientKind::Service => (
            ClientAuth::ClientSecretBasic,
            vec![GrantType::ClientCredentials, GrantType::TokenExchange],
            vec![Capability::ReadFeed, Capability::Introspect],
        ),
        ClientKind::Gateway => (
            ClientAuth::ClientSecretBasic,
            vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange],
            vec![Capability::ReadFeed, Capability::Introspect, Capability::Swap, Capability::FirstPartyLogin],
        ),
    };
    Registration {
        name: String::new(),
        auth,
        grants,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        scopes: sekisho_wire::Scopes::default(),
        audiences: Vec::new(),
        pkce: Pkce::Required,
        tokens: AccessTokenForm::Jwt,
        consent: Consent::Implied,
        capabilities,
    }
}

/// Has it done, and prints what came of it.
async fn administer(at: Where, what: What) -> Outcome {
    let Where { place, realm, json } = at;
    let outcome = carried_out(&place, Command::In { realm, what }).await?;
    if json {
        return print(as_json(&outcome));
    }
    print(outcome)
}

/// By the server that runs on the directory, or by our own hands.
pub(super) async fn carried_out(
    place: &Place,
    command: Command,
) -> Result<admin::Outcome, Box<dyn std::error::Error + Send + Sync>> {
    let dir = data_dir(place)?;
    match send(&dir, &command).await {
        Err(SendError::NoServer) => by_hand(&dir, place.config.as_deref(), command).await,
        sent => Ok(sent?),
    }
}

/// Opens the directory as a server would, under its lock, without listening anywhere.
async fn by_hand(
    dir: &Path,
    file: Option<&Path>,
    command: Command,
) -> Result<admin::Outcome, Box<dyn std::error::Error + Send + Sync>> {
    let Config { database, kek, identity, .. } = configured(file)?;
    let identity = identity.ok_or("the configuration has no identity provider")?;
    let kek = if file.is_none() { KekSource::Generated } else { kek };
    // A directory that is misspelt must not look like a house in which nobody lives.
    if database == Database::Directory && !dir.join("kek").exists() && !dir.join("sekisho.db").exists() {
        tracing::warn!("nothing was kept in `{}` before: a new house is made there", dir.display());
    }
    make_data_dir(dir)?;
    let audit = Arc::new(AuditFiles::open(&dir.join("audit"))?);
    let surroundings = surroundings(&audit);
    let seal = kek::load(&kek, dir, &*surroundings.entropy)?;
    let mut house = House::within(surroundings);
    let plan = IdentityPlan { keep: database.keep(dir)?, settings: identity.settings, seal };
    house.open_identity(plan).await?;
    let admin = house.identity().map(|identity| admin::of_command_line(identity)).ok_or("identity did not open")?;
    let outcome = execute(&admin, command).await;
    drop(admin);
    house.shutdown(std::time::Duration::from_secs(5)).await;
    audit.close();
    Ok(outcome?)
}

pub(super) fn as_json(outcome: &admin::Outcome) -> String {
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = outcome
        .rows
        .iter()
        .map(|row| row.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
        .collect();
    format!("{:#}", serde_json::Value::from_iter(rows))
}

/// From the terminal, without echo and twice; or the first line of standard input.
fn password(name: &str) -> Result<Secret<String>, Box<dyn std::error::Error + Send + Sync>> {
    if !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().take(PASSWORD_BYTES_MAX).read_to_string(&mut text)?;
        return Ok(Secret::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    let first = Secret::new(rpassword::prompt_password(format!("password for {name}: "))?);
    let second = Secret::new(rpassword::prompt_password("again: ")?);
    if first.expose() != second.expose() {
        return Err("the two passwords differ".into());
    }
    Ok(first)
}
