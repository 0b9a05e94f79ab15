//! The audit: what happened in a realm, newest first.

use http::Method;
use schemars::JsonSchema;
use sekisho_model::audit::AuditRow;
use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;
use sekisho_wire::{Reason, Subject};
use serde::{Deserialize, Serialize};

use super::answer::Listed;
use super::call::{Call, Cursor, Nothing, Rows, Seconds};
use super::problem::Problem;
use super::table::{Route, route};
use crate::admin::Wanted;

/// Something that happened.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditLine")]
struct LineShown {
    /// Ascending; no two lines of a database have the same.
    sequence: i64,
    /// When, in seconds since 1970 in UTC.
    at: i64,
    /// What.
    #[schemars(with = "String")]
    event: Event,
    /// Why, for a refusal: a stable code.
    reason: Option<&'static str>,
    /// What the event and the reason leave open.
    detail: Option<String>,
    /// The administrator who did it; null where the house or the person did.
    by: Option<String>,
    /// To whom or for whom: a user's id, or a client's.
    subject: Option<String>,
    /// Through which client.
    client: Option<String>,
    /// In which sign-in.
    session: Option<String>,
    /// Under which grant.
    grant: Option<String>,
    /// From where.
    address: Option<String>,
    /// On behalf of which request.
    request: Option<String>,
}

/// Which lines.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Lines {
    /// How many at most: 1 to 200. A search may give fewer and still go on.
    limit: Rows,
    /// Where the list goes on: the `next` of the page before.
    after: Option<Cursor>,
    /// Only what this administrator did, or this client where no administrator did.
    #[schemars(with = "Option<String>")]
    actor: Option<Subject>,
    /// Only what was done to this user or client.
    #[schemars(with = "Option<String>")]
    subject: Option<Subject>,
    /// Only this event.
    #[schemars(with = "Option<String>")]
    event: Option<Event>,
    /// Only what was refused for this reason.
    reason: Option<String>,
    /// Not earlier than this, in seconds since 1970 in UTC.
    since: Option<Seconds>,
    /// Earlier than this, in seconds since 1970 in UTC.
    until: Option<Seconds>,
}

pub(super) fn routes() -> Vec<Route> {
    let path = (Method::GET, "/realms/{realm}/audit");
    vec![route(path, "searchAudit", "List what happened, newest first", list)]
}

async fn list(call: Call<Lines, Nothing>) -> Result<Listed<LineShown>, Problem> {
    let (realm, lines) = (call.realm()?, call.query);
    let before: Option<i64> = lines.after.as_ref().map(Cursor::key).transpose()?;
    let reason = lines
        .reason
        .as_deref()
        .map(|code| Reason::of_code(code).ok_or_else(|| Problem::parameter("reason", "expected the code of a reason")));
    let wanted = Wanted {
        actor: lines.actor,
        subject: lines.subject,
        event: lines.event,
        reason: reason.transpose()?,
        since: lines.since.map(|Seconds(at)| Timestamp(at)),
        until: lines.until.map(|Seconds(at)| Timestamp(at)),
    };
    Ok(Listed::of(call.admin.audit(&realm, &wanted, before, lines.limit.0).await?, LineShown::of))
}

// === impl LineShown ===

impl LineShown {
    fn of(row: AuditRow) -> Self {
        let AuditRow { sequence, event: line } = row;
        Self {
            sequence,
            at: line.at.0,
            event: line.event,
            reason: line.reason.map(Reason::code),
            detail: line.detail,
            by: line.by.map(|by| by.to_string()),
            subject: line.subject.map(|subject| subject.to_string()),
            client: line.client.map(|client| client.to_string()),
            session: line.session.map(|session| session.to_string()),
            grant: line.grant.map(|grant| grant.to_string()),
            address: line.address.map(|address| address.to_string()),
            request: line.request.map(|request| request.to_string()),
        }
    }
}
