//! Sign-ins of users, and what applications were granted for them.

use http::Method;
use schemars::JsonSchema;
use sekisho_model::session::Origin;
use sekisho_model::{Grant, Session};
use serde::Serialize;

use super::answer::{Done, Listed};
use super::call::{Call, NoQuery, Nothing, Paging};
use super::problem::Problem;
use super::table::{Route, route};
use crate::admin::device;

/// A living sign-in. Times are in seconds since 1970 in UTC.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct SessionShown {
    /// The `sid` of its tokens.
    id: String,
    /// Whose it is.
    user: String,
    /// What signed them in, in a few words: `Firefox on Linux`.
    device: String,
    /// What it called itself.
    user_agent: Option<String>,
    /// From where.
    address: Option<String>,
    /// The client it exists for alone; null for one at identity's own page.
    client: Option<String>,
    /// How they proved who they are (RFC 8176).
    amr: Vec<String>,
    /// When they did.
    signed_in_at: i64,
    /// When it was last used, to within a tenth of its idle time.
    last_seen_at: i64,
    /// When it ends unless it is used.
    idle_until: i64,
    /// When it ends in any case.
    expires_at: i64,
}

/// What an application was granted for a user. Times are in seconds since 1970 in UTC.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Grant")]
struct GrantShown {
    /// The `grant` of its tokens.
    id: String,
    /// For whom.
    user: String,
    /// To whom.
    client: String,
    /// The sign-in it ends with.
    session: Option<String>,
    /// What was granted, separated by spaces.
    scopes: String,
    /// For which services.
    audiences: Vec<String>,
    /// When.
    created_at: i64,
    /// When it ends in any case.
    expires_at: i64,
    /// Whether it has refresh tokens.
    refreshes: bool,
}

pub(super) fn routes() -> Vec<Route> {
    const SESSIONS: &str = "/realms/{realm}/users/{user}/sessions";
    vec![
        route((Method::GET, SESSIONS), "listSessions", "List a user's living sign-ins, the latest first", list),
        route(
            (Method::DELETE, SESSIONS),
            "endSessions",
            "End all sign-ins of a user and take back every token of theirs",
            end_all,
        ),
        route(
            (Method::DELETE, "/realms/{realm}/sessions/{session}"),
            "endSession",
            "End a sign-in and take back every token of it",
            end,
        ),
        route(
            (Method::GET, "/realms/{realm}/users/{user}/grants"),
            "listGrants",
            "List what applications were granted for a user, the latest first",
            list_grants,
        ),
        route(
            (Method::DELETE, "/realms/{realm}/grants/{grant}"),
            "revokeGrant",
            "Take back a grant and every token of it",
            revoke,
        ),
    ]
}

async fn list(call: Call<Paging, Nothing>) -> Result<Listed<SessionShown>, Problem> {
    let (realm, user) = (call.realm()?, call.user()?);
    let page = call.admin.sessions_page(&realm, user, call.query.key()?, call.query.limit.0).await?;
    Ok(Listed::of(page, SessionShown::of))
}

async fn end_all(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.sign_out_everywhere(&call.realm()?, call.user()?).await?;
    Ok(Done)
}

async fn end(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.end_session(&call.realm()?, call.session()?).await?;
    Ok(Done)
}

async fn list_grants(call: Call<Paging, Nothing>) -> Result<Listed<GrantShown>, Problem> {
    let (realm, user) = (call.realm()?, call.user()?);
    let page = call.admin.grants_page(&realm, user, call.query.key()?, call.query.limit.0).await?;
    Ok(Listed::of(page, GrantShown::of))
}

async fn revoke(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.revoke_grant(&call.realm()?, call.grant()?).await?;
    Ok(Done)
}

// === impl SessionShown ===

impl SessionShown {
    fn of(session: Session) -> Self {
        Self {
            id: session.id.to_string(),
            user: session.user.to_string(),
            device: device(&session),
            user_agent: session.user_agent,
            address: session.address.map(|address| address.to_string()),
            client: match session.origin {
                Origin::Browser => None,
                Origin::FirstParty(client) => Some(client.to_string()),
            },
            amr: session.amr,
            signed_in_at: session.auth_time.0,
            last_seen_at: session.last_seen.0,
            idle_until: session.idle_until.0,
            expires_at: session.expires_at.0,
        }
    }
}

// === impl GrantShown ===

impl GrantShown {
    fn of(grant: Grant) -> Self {
        Self {
            id: grant.id.to_string(),
            user: grant.user.to_string(),
            client: grant.client.to_string(),
            session: grant.session.map(|session| session.to_string()),
            scopes: grant.scopes.to_string(),
            audiences: grant.audiences,
            created_at: grant.created_at.0,
            expires_at: grant.expires_at.0,
            refreshes: grant.refresh.is_some(),
        }
    }
}
