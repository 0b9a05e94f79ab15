//! What happened: the audit as an administrator searches it.

use sekisho_model::audit::{AuditRow, Search};
use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;
use sekisho_wire::{AuditEvent, RealmName, Reason, Subject};

use super::page::{Limit, Page};
use super::{Admin, AdminError};

/// Rows that are read at a time, and for one page. A page that found less than its limit says where to go on.
const READ_ROWS: u32 = 1000;
const READS_MAX: u32 = 10;

/// Which lines are wanted; everything that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who did it: an administrator, or the client where none did.
    pub actor: Option<Subject>,
    /// To whom.
    pub subject: Option<Subject>,
    /// What happened.
    pub event: Option<Event>,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Earlier than this.
    pub until: Option<Timestamp>,
}

// === impl Wanted ===

impl Wanted {
    fn search(&self) -> Search {
        Search { subject: self.subject.clone(), event: self.event, since: self.since, until: self.until }
    }

    /// Whether everything is found by the database alone.
    const fn is_searched(&self) -> bool {
        self.actor.is_none() && self.reason.is_none()
    }

    fn is_wanted(&self, line: &AuditEvent) -> bool {
        let actor = line.by.as_ref().map(Subject::as_str).or(line.client.as_ref().map(sekisho_wire::ClientId::as_str));
        self.actor.as_ref().is_none_or(|wanted| actor == Some(wanted.as_str()))
            && self.reason.is_none_or(|wanted| line.reason == Some(wanted))
    }
}

// === impl Admin ===

impl Admin {
    /// Lines of a realm, newest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit(
        &self,
        realm: &RealmName,
        wanted: &Wanted,
        mut before: Option<i64>,
        limit: Limit,
    ) -> Result<Page<AuditRow, i64>, AdminError> {
        self.realm_state(realm).await?;
        let most = usize::try_from(limit.rows()).unwrap_or(usize::MAX);
        let rows_max = if wanted.is_searched() { limit.rows_and_one() } else { READ_ROWS };
        let mut found = Vec::new();
        for _ in 0..READS_MAX {
            let rows = self.room.store.search_audit(realm, wanted.search(), before, rows_max).await?;
            let whole = rows.len() < usize::try_from(rows_max).unwrap_or(usize::MAX);
            for row in rows {
                if wanted.is_wanted(&row.event) {
                    // One more than fits: there is another page, and it begins here.
                    if found.len() == most {
                        return Ok(Page { items: found, next: before });
                    }
                    before = Some(row.sequence);
                    found.push(row);
                } else {
                    before = Some(row.sequence);
                }
            }
            if whole {
                return Ok(Page { items: found, next: None });
            }
        }
        Ok(Page { items: found, next: before })
    }
}
