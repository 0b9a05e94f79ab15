//! From what is declared and what there is to steps, and from steps to what is declared.
//!
//! The steps are found before anything is done, and shown. What can be known to fail is found with them. Then they are found
//! again, and only where they are the same are they carried out, in their order: realms, clients, users, removals last.

use sekisho_identity::Admin;
use sekisho_identity::admin::{AdminError, Limit, Person};
use sekisho_model::user::Profile;
use sekisho_model::{Client, User};
use sekisho_token::Secret;
use sekisho_wire::{ClientId, RealmName};
use serde_json::Value;

use super::file::brought;
use super::{Declared, Proof, Realm, Rest, named};
use crate::admin::{NotDone, Outcome};

/// The name of the row that says why not everything was done.
pub const STOPPED: &str = "stopped";

/// Something to be done in a realm.
struct Step<'a> {
    realm: &'a RealmName,
    what: What<'a>,
}

/// What there is to be done.
enum What<'a> {
    MakeRealm,
    MakeClient(&'a ClientId, &'a super::Client),
    ChangeClient(Box<Client>, &'a super::Client),
    AddSecret(Box<Client>, &'a Proof),
    DisableClient(&'a ClientId),
    EnableClient(&'a ClientId),
    MakeUser(&'a str, &'a super::User),
    ChangeUser(Box<User>, Profile),
    SetPassword(&'a str, &'a Proof),
    DisableUser(&'a str),
    EnableUser(&'a str),
    RemoveClient(Box<Client>),
    RemoveUser(Box<User>),
}

/// Says what would have to change.
///
/// # Errors
/// [`NotDone`].
pub async fn compare(admin: &Admin, wanted: &Declared, rest: Rest) -> Result<Outcome, NotDone> {
    let steps = steps(admin, wanted, rest).await?;
    Ok(shown(&steps))
}

/// Makes everything as declared, unless something else would have to change by now than was seen. The outcome has what
/// was made and is told this once; a last row [`STOPPED`] says why the rest was not done.
///
/// # Errors
/// [`NotDone`], when nothing was.
pub async fn carry(admin: &Admin, wanted: &Declared, rest: Rest, seen: &Outcome) -> Result<Outcome, NotDone> {
    let steps = steps(admin, wanted, rest).await?;
    if shown(&steps) != *seen {
        return Err(NotDone("somebody else changed something meanwhile: look at the changes again".to_owned()));
    }
    let (mut told, count) = (Outcome::default(), steps.len());
    for (number, step) in steps.into_iter().enumerate() {
        if let Err(error) = step.carry(admin, &mut told).await {
            let words = format!("{number} of {count} changes were made, then: {}", error.0);
            told.add(&[(STOPPED, &words)]);
            break;
        }
    }
    Ok(told)
}

fn shown(steps: &[Step<'_>]) -> Outcome {
    let mut outcome = Outcome::default();
    for step in steps {
        let row = step.shown();
        let pairs: Vec<(&str, &str)> = row.iter().map(|(name, value)| (*name, value.as_str())).collect();
        outcome.add(&pairs);
    }
    outcome
}

async fn steps<'a>(admin: &Admin, wanted: &'a Declared, rest: Rest) -> Result<Vec<Step<'a>>, NotDone> {
    let (mut steps, mut removals) = (Vec::new(), Vec::new());
    let there = admin.realms().await?;
    for (name, realm) in &wanted.realms {
        let known = there.contains(name);
        let mut whats = if known { Vec::new() } else { vec![What::MakeRealm] };
        for (id, client) in &realm.clients {
            let found = clients_for(admin, name, (id, client), known).await;
            whats.extend(found.map_err(|error| NotDone(format!("realm `{name}`, client `{id}`: {}", error.0)))?);
        }
        for (user, said) in &realm.users {
            let found = users_for(admin, name, (user, said), known).await;
            whats.extend(found.map_err(|error| NotDone(format!("realm `{name}`, user `{user}`: {}", error.0)))?);
        }
        steps.extend(whats.into_iter().map(|what| Step { realm: name, what }));
        if known && rest == Rest::Goes {
            let others = others(admin, name, realm).await?;
            removals.extend(others.into_iter().map(|what| Step { realm: name, what }));
        }
    }
    steps.append(&mut removals);
    Ok(steps)
}

async fn clients_for<'a>(
    admin: &Admin,
    realm: &RealmName,
    (id, wanted): (&'a ClientId, &'a super::Client),
    known: bool,
) -> Result<Vec<What<'a>>, NotDone> {
    let found = match admin.client(realm, id).await {
        Ok(client) if known => client,
        Ok(_) | Err(AdminError::NoClient(_) | AdminError::NoRealm(_)) => {
            let disabled = (wanted.disabled == Some(true)).then_some(What::DisableClient(id));
            return Ok(std::iter::once(What::MakeClient(id, wanted)).chain(disabled).collect());
        }
        Err(error) => return Err(error.into()),
    };
    if found.is_kept_by_the_house() {
        return Err(AdminError::OfTheHouse(id.clone()).into());
    }
    let mut whats = Vec::new();
    if let Some(proof) = &wanted.secret
        && let Some(brought) = brought(proof)
        && !found.has_secret(&brought.digest()?)
    {
        whats.push(What::AddSecret(Box::new(found.clone()), proof));
    }
    match (wanted.disabled, found.disabled_at) {
        (Some(true), None) => whats.push(What::DisableClient(id)),
        (Some(false), Some(_)) => whats.push(What::EnableClient(id)),
        (Some(true), Some(_)) | (Some(false), None) | (None, _) => {}
    }
    if found.registration != wanted.registration {
        if found.is_public() != (wanted.registration.auth == sekisho_model::client::ClientAuth::None) {
            return Err(AdminError::OtherKind(id.clone()).into());
        }
        whats.insert(0, What::ChangeClient(Box::new(found), wanted));
    }
    Ok(whats)
}

async fn users_for<'a>(
    admin: &Admin,
    realm: &RealmName,
    (name, wanted): (&'a str, &'a super::User),
    known: bool,
) -> Result<Vec<What<'a>>, NotDone> {
    wanted.profile().check().map_err(AdminError::from)?;
    if let Some(Proof::Plain(password)) = &wanted.password {
        admin.takes(&Secret::from(password.as_str()))?;
    }
    let found = match admin.user(realm, &named(name)?).await {
        Ok(user) if known => user,
        Ok(_) | Err(AdminError::NoUser(_) | AdminError::NoRealm(_)) => {
            let disabled = (wanted.disabled == Some(true)).then_some(What::DisableUser(name));
            return Ok(std::iter::once(What::MakeUser(name, wanted)).chain(disabled).collect());
        }
        Err(error) => return Err(error.into()),
    };
    let mut whats = Vec::new();
    if let Some(proof) = &wanted.password {
        let same = match proof {
            Proof::Plain(password) => admin.has_password(&found, &Secret::from(password.as_str())).await?,
            Proof::Hash(hash) => found.password.expose() == hash,
        };
        if !same {
            whats.push(What::SetPassword(name, proof));
        }
    }
    match (wanted.disabled, found.disabled_at) {
        (Some(true), None) => whats.push(What::DisableUser(name)),
        (Some(false), Some(_)) => whats.push(What::EnableUser(name)),
        (Some(true), Some(_)) | (Some(false), None) | (None, _) => {}
    }
    let profile = wanted.profile();
    if found.profile() != profile {
        whats.insert(0, What::ChangeUser(Box::new(found), profile));
    }
    Ok(whats)
}

/// What is there and not declared.
async fn others<'a>(admin: &Admin, realm: &RealmName, wanted: &Realm) -> Result<Vec<What<'a>>, NotDone> {
    let mut whats = Vec::new();
    let mut after = None;
    loop {
        let page = admin.clients(realm, after.as_ref(), Limit::MAX).await?;
        let others = page.items.into_iter().filter(|client| !client.is_kept_by_the_house());
        let others = others.filter(|client| !wanted.clients.contains_key(&client.id));
        whats.extend(others.map(|client| What::RemoveClient(Box::new(client))));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut after = None;
    loop {
        let page = admin.users(realm, after.as_ref(), Limit::MAX).await?;
        let others = page.items.into_iter().filter(|user| !wanted.users.contains_key(user.name.as_str()));
        whats.extend(others.map(|user| What::RemoveUser(Box::new(user))));
        after = page.next;
        if after.is_none() {
            return Ok(whats);
        }
    }
}

// === impl Step ===

impl Step<'_> {
    /// A row: what is done, where, to whom, and how.
    fn shown(&self) -> Vec<(&'static str, String)> {
        let (verb, kind, name, mut how) = match &self.what {
            What::MakeRealm => ("make", "realm", self.realm.to_string(), Vec::new()),
            What::MakeClient(id, client) => ("make", "client", id.to_string(), registration_of(client)),
            What::ChangeClient(was, client) => ("change", "client", was.id.to_string(), differences(was, client)),
            What::AddSecret(was, _) => ("change", "client", was.id.to_string(), vec![("secret", "added".to_owned())]),
            What::DisableClient(id) => ("disable", "client", id.to_string(), Vec::new()),
            What::EnableClient(id) => ("enable", "client", id.to_string(), Vec::new()),
            What::MakeUser(name, user) => ("make", "user", (*name).to_owned(), profile_of(user)),
            What::ChangeUser(was, profile) => {
                ("change", "user", was.name.to_string(), profile_differences(&was.profile(), profile))
            }
            What::SetPassword(name, _) => {
                ("change", "user", (*name).to_owned(), vec![("password", "set; all sessions end".to_owned())])
            }
            What::DisableUser(name) => ("disable", "user", (*name).to_owned(), Vec::new()),
            What::EnableUser(name) => ("enable", "user", (*name).to_owned(), Vec::new()),
            What::RemoveClient(client) => ("remove", "client", client.id.to_string(), Vec::new()),
            What::RemoveUser(user) => ("remove", "user", user.name.to_string(), Vec::new()),
        };
        let mut row = vec![("do", verb.to_owned())];
        if kind != "realm" {
            row.push(("realm", self.realm.to_string()));
        }
        row.push((kind, name));
        row.append(&mut how);
        row
    }

    async fn carry(self, admin: &Admin, told: &mut Outcome) -> Result<(), NotDone> {
        let realm = self.realm;
        match self.what {
            What::MakeRealm => {
                admin.create_realm(realm).await?;
            }
            What::MakeClient(id, client) => make_client(admin, realm, (id, client), told).await?,
            What::ChangeClient(was, client) => {
                admin.change_client(realm, *was, client.registration.clone()).await?;
            }
            What::AddSecret(was, proof) => {
                if let Some(brought) = brought(proof) {
                    admin.add_client_secret(realm, *was, &brought).await?;
                }
            }
            What::DisableClient(id) => admin.disable_client(realm, id).await?,
            What::EnableClient(id) => admin.enable_client(realm, id).await?,
            What::MakeUser(name, user) => make_user(admin, realm, (name, user), told).await?,
            What::ChangeUser(was, profile) => {
                admin.change_user(realm, *was, profile).await?;
            }
            What::SetPassword(name, Proof::Plain(password)) => {
                admin.set_password(realm, &named(name)?, &Secret::from(password.as_str())).await?;
            }
            What::SetPassword(name, Proof::Hash(hash)) => {
                admin.set_password_hash(realm, &named(name)?, &Secret::from(hash.as_str())).await?;
            }
            What::DisableUser(name) => admin.disable_user(realm, &named(name)?).await?,
            What::EnableUser(name) => admin.enable_user(realm, &named(name)?).await?,
            What::RemoveClient(was) => admin.delete_client(realm, *was).await?,
            What::RemoveUser(was) => admin.delete_user(realm, *was).await?,
        }
        Ok(())
    }
}

async fn make_client(
    admin: &Admin,
    realm: &RealmName,
    (id, client): (&ClientId, &super::Client),
    told: &mut Outcome,
) -> Result<(), NotDone> {
    let registration = client.registration.clone();
    match client.secret.as_ref().and_then(brought) {
        Some(secret) => admin.create_client_with(realm, (id.clone(), registration), &secret).await?,
        None => {
            if let Some(secret) = admin.create_client(realm, id.clone(), registration).await? {
                told.add(&[("realm", realm.as_str()), ("client", id.as_str()), ("secret", secret.expose())]);
            }
        }
    }
    Ok(())
}

async fn make_user(
    admin: &Admin,
    realm: &RealmName,
    (name, user): (&str, &super::User),
    told: &mut Outcome,
) -> Result<(), NotDone> {
    let Profile { scopes, display_name, email } = user.profile();
    let name = named(name)?;
    let person = |password| Person { name: name.clone(), password, scopes, display_name, email };
    match &user.password {
        Some(Proof::Plain(password)) => {
            admin.create_user(realm, person(Secret::from(password.as_str()))).await?;
        }
        Some(Proof::Hash(hash)) => {
            admin.create_user_with_hash(realm, person(Secret::from(hash.as_str()))).await?;
        }
        None => {
            let password = admin.fresh_password();
            admin.create_user(realm, person(password.clone())).await?;
            told.add(&[("realm", realm.as_str()), ("user", name.as_str()), ("password", password.expose())]);
        }
    }
    Ok(())
}

// === impl User ===

impl super::User {
    /// What an administrator may change about them.
    pub(super) fn profile(&self) -> Profile {
        Profile { scopes: self.scopes.clone(), display_name: self.display_name.clone(), email: self.email.clone() }
    }
}

fn profile_of(user: &super::User) -> Vec<(&'static str, String)> {
    let said = [
        ("scopes", Some(user.scopes.to_string()).filter(|scopes| !scopes.is_empty())),
        ("display_name", user.display_name.clone()),
        ("email", user.email.clone()),
        ("password", user.password.is_none().then(|| "made, and shown once".to_owned())),
    ];
    said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn profile_differences(was: &Profile, becomes: &Profile) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let pairs = [
        ("scopes", was.scopes.to_string(), becomes.scopes.to_string()),
        ("display_name", text(&was.display_name), text(&becomes.display_name)),
        ("email", text(&was.email), text(&becomes.email)),
    ];
    let differ = pairs.into_iter().filter(|(_, was, becomes)| was != becomes);
    differ.map(|(name, was, becomes)| (name, arrow(&was, &becomes))).collect()
}

/// The members of a registration, in the order in which they are told.
const MEMBERS: [&str; 11] = [
    "name",
    "auth",
    "grants",
    "redirect_uris",
    "post_logout_redirect_uris",
    "scopes",
    "audiences",
    "pkce",
    "tokens",
    "consent",
    "capabilities",
];

fn registration_of(client: &super::Client) -> Vec<(&'static str, String)> {
    let members = serde_json::to_value(&client.registration).unwrap_or_default();
    let said = MEMBERS.into_iter().map(|name| (name, members.get(name).map(text).unwrap_or_default()));
    let public = client.registration.auth == sekisho_model::client::ClientAuth::None;
    let made = (client.secret.is_none() && !public).then(|| ("secret", "made, and shown once".to_owned()));
    said.filter(|(_, value)| !value.is_empty()).chain(made).collect()
}

fn differences(was: &Client, becomes: &super::Client) -> Vec<(&'static str, String)> {
    let was = serde_json::to_value(&was.registration).unwrap_or_default();
    let becomes = serde_json::to_value(&becomes.registration).unwrap_or_default();
    let member = |of: &Value, name: &str| of.get(name).map(text).unwrap_or_default();
    let pairs = MEMBERS.into_iter().map(|name| (name, member(&was, name), member(&becomes, name)));
    pairs.filter(|(_, was, becomes)| was != becomes).map(|(name, was, becomes)| (name, arrow(&was, &becomes))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn arrow(was: &str, becomes: &str) -> String {
    let shown = |text: &str| if text.is_empty() { "(nothing)".to_owned() } else { text.to_owned() };
    format!("{} -> {}", shown(was), shown(becomes))
}
