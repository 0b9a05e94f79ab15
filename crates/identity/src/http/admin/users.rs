//! Users.

use http::Method;
use schemars::JsonSchema;
use sekisho_model::user::Profile;
use sekisho_model::{User, UserName};
use sekisho_token::Secret;
use sekisho_wire::Scopes;
use serde::{Deserialize, Serialize};

use super::answer::{Done, Listed, Made, Seen};
use super::call::{Call, Cursor, Json, NoQuery, Nothing, Rows};
use super::problem::{Finding, Kind, Problem};
use super::table::{Route, route};
use crate::admin::{AdminError, Page, Person};

/// A person who can sign in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
struct UserShown {
    /// For ever; the `sub` of their tokens.
    id: String,
    /// What they type to sign in, in lower case; unique in the realm.
    name: String,
    /// What they may be granted, separated by spaces.
    scopes: String,
    /// Their full name.
    display_name: Option<String>,
    /// Their mail address.
    email: Option<String>,
    /// Whether somebody proved that the address is theirs.
    email_verified: bool,
    /// When they were made, in seconds since 1970 in UTC.
    created_at: i64,
    /// Since when they may not sign in; null while they may.
    disabled_at: Option<i64>,
}

/// A person to be made, with a password or the hash of one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewUser")]
struct NewUser {
    /// What they will type to sign in: 1 to 100 characters.
    name: String,
    /// Their password.
    password: Option<String>,
    /// In its place: an Argon2id hash of it, `$argon2id$v=19$…`.
    password_hash: Option<String>,
    /// What they may be granted, separated by spaces.
    #[serde(default)]
    #[schemars(with = "String")]
    scopes: Scopes,
    /// Their full name: 1 to 200 characters.
    display_name: Option<String>,
    /// Their mail address: at most 254 bytes.
    email: Option<String>,
}

/// What a person is from now on; what is left out they are no more.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UserProfile")]
struct NewProfile {
    /// What they may be granted, separated by spaces.
    #[serde(default)]
    #[schemars(with = "String")]
    scopes: Scopes,
    /// Their full name: 1 to 200 characters.
    display_name: Option<String>,
    /// Their mail address, at most 254 bytes; another one than before is unverified.
    email: Option<String>,
}

/// A new password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// In full.
    password: String,
}

/// Which users.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Users {
    /// How many at most: 1 to 200.
    limit: Rows,
    /// Where the list goes on: the `next` of the page before.
    after: Option<Cursor>,
    /// Only the one of this name.
    name: Option<String>,
}

pub(super) fn routes() -> Vec<Route> {
    const USERS: &str = "/realms/{realm}/users";
    const USER: &str = "/realms/{realm}/users/{user}";
    vec![
        route((Method::GET, USERS), "listUsers", "List users by name", list),
        route((Method::POST, USERS), "createUser", "Make a user", create),
        route((Method::GET, USER), "getUser", "Look at a user", get),
        route((Method::PUT, USER), "replaceUser", "Replace what a user may be granted and is called", replace)
            .guarded(),
        route((Method::DELETE, USER), "deleteUser", "Remove a user and take back everything of theirs", delete)
            .guarded(),
        route(
            (Method::POST, "/realms/{realm}/users/{user}/disable"),
            "disableUser",
            "Let a user sign in no more, and take back everything of theirs",
            disable,
        ),
        route((Method::POST, "/realms/{realm}/users/{user}/enable"), "enableUser", "Let a user sign in again", enable),
        route(
            (Method::PUT, "/realms/{realm}/users/{user}/password"),
            "setPassword",
            "Set a user's password and end all their sessions",
            set_password,
        ),
    ]
}

async fn list(call: Call<Users, Nothing>) -> Result<Listed<UserShown>, Problem> {
    let (realm, Users { limit, after, name }) = (call.realm()?, call.query);
    let Some(name) = name else {
        let after: Option<UserName> = after.as_ref().map(Cursor::key).transpose()?;
        return Ok(Listed::of(call.admin.users(&realm, after.as_ref(), limit.0).await?, UserShown::of));
    };
    let name: UserName = name.parse().map_err(|error| Problem::parameter("name", format!("{error}")))?;
    let found = match call.admin.user(&realm, &name).await {
        Ok(user) => vec![user],
        Err(AdminError::NoUser(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(Listed::of(Page { items: found, next: None::<UserName> }, UserShown::of))
}

async fn create(call: Call<NoQuery, Json<NewUser>>) -> Result<Made<UserShown>, Problem> {
    let (realm, admin) = (call.realm()?, call.admin);
    let NewUser { name, password, password_hash, scopes, display_name, email } = call.body.0;
    let name = name.parse().map_err(|error| {
        let finding = Finding { pointer: Some("/name".to_owned()), ..Finding::default() };
        Problem::new(Kind::Unacceptable, format!("{error}")).at(finding)
    })?;
    let person = |password: String| Person { name, password: Secret::new(password), scopes, display_name, email };
    let id = match (password, password_hash) {
        (Some(password), None) => admin.create_user(&realm, person(password)).await?,
        (None, Some(hash)) => {
            let person = person(hash);
            admin.create_user_with_hash(&realm, person).await?
        }
        (Some(_), Some(_)) | (None, None) => {
            let finding = Finding { pointer: Some("/password".to_owned()), ..Finding::default() };
            return Err(Problem::new(Kind::Unacceptable, "expected one of `password` and `password_hash`").at(finding));
        }
    };
    let user = admin.user(&realm, id).await?;
    Ok(Made { place: id.to_string(), what: UserShown::of(user) })
}

async fn get(call: Call<NoQuery, Nothing>) -> Result<Seen<UserShown>, Problem> {
    Ok(Seen(UserShown::of(call.admin.user(&call.realm()?, call.user()?).await?)))
}

async fn replace(call: Call<NoQuery, Json<NewProfile>>) -> Result<Seen<UserShown>, Problem> {
    let realm = call.realm()?;
    let was = call.admin.user(&realm, call.user()?).await?;
    call.demand_seen(&UserShown::of(was.clone()))?;
    let NewProfile { scopes, display_name, email } = call.body.0;
    let user = call.admin.change_user(&realm, was, Profile { scopes, display_name, email }).await?;
    Ok(Seen(UserShown::of(user)))
}

async fn delete(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    let realm = call.realm()?;
    let was = call.admin.user(&realm, call.user()?).await?;
    call.demand_seen(&UserShown::of(was.clone()))?;
    call.admin.delete_user(&realm, was).await?;
    Ok(Done)
}

async fn disable(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.disable_user(&call.realm()?, call.user()?).await?;
    Ok(Done)
}

async fn enable(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.enable_user(&call.realm()?, call.user()?).await?;
    Ok(Done)
}

async fn set_password(call: Call<NoQuery, Json<NewPassword>>) -> Result<Done, Problem> {
    let (realm, user) = (call.realm()?, call.user()?);
    call.admin.set_password(&realm, user, &Secret::new(call.body.0.password)).await?;
    Ok(Done)
}

// === impl UserShown ===

impl UserShown {
    fn of(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name.to_string(),
            scopes: user.scopes.to_string(),
            display_name: user.display_name,
            email: user.email,
            email_verified: user.email_verified,
            created_at: user.created_at.0,
            disabled_at: user.disabled_at.map(|at| at.0),
        }
    }
}
