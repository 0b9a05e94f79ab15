//! The audit: what happened, beside what it speaks of.

use sekisho_model::StoreError;
use sekisho_model::audit::{AuditLog, AuditRow, Search};
use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;
use sekisho_wire::{AuditEvent, BoxFuture, RealmName};

use crate::LIST_ROWS_MAX;
use crate::connection::Connection;
use crate::store::SqlStore;
use crate::value::{Value, values};

// === impl AuditLog ===

impl AuditLog for SqlStore {
    fn note(&self, event: AuditEvent) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |db| Box::pin(async move { append(db, &event).await }))
    }

    fn audit<'a>(
        &'a self,
        realm: &'a RealmName,
        before: Option<i64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AuditRow>, StoreError>> {
        self.search_audit(realm, Search::default(), before, limit)
    }

    fn search_audit<'a>(
        &'a self,
        realm: &'a RealmName,
        search: Search,
        before: Option<i64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AuditRow>, StoreError>> {
        let (realm, Search { subject, event, since, until }) = (realm.clone(), search);
        self.look(move |db| {
            Box::pin(async move {
                // What is not looked for is an empty text, which no subject and no event is, or all of time.
                let rows = db
                    .fetch(
                        "SELECT sequence, line FROM audit WHERE realm = $1 AND sequence < $2 \
                         AND ($3 = '' OR subject = $3) AND ($4 = '' OR event = $4) AND at >= $5 AND at < $6 \
                         ORDER BY sequence DESC LIMIT $7",
                        values![
                            &realm,
                            before.unwrap_or(i64::MAX),
                            subject.map_or_else(String::new, |subject| subject.to_string()),
                            event.map(name).unwrap_or_default(),
                            since.unwrap_or(Timestamp(i64::MIN)),
                            until.unwrap_or(Timestamp(i64::MAX)),
                            limit.min(LIST_ROWS_MAX),
                        ],
                    )
                    .await?;
                let read = rows.into_iter().map(|row| {
                    let mut row = row.of("audit");
                    Ok(AuditRow { sequence: row.take()?, event: row.json()? })
                });
                read.collect()
            })
        })
    }
}

/// Appends a line in the transaction of what it speaks of.
pub(crate) async fn append(db: &mut Connection, line: &AuditEvent) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO audit (realm, at, event, subject, client, session_id, grant_id, request, line) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            line.realm.as_ref(),
            line.at,
            name(line.event),
            line.subject.as_ref(),
            line.client.as_ref(),
            line.session,
            line.grant,
            line.request,
            Value::json(line, "audit")?,
        ],
    )
    .await?;
    Ok(())
}

/// How an event is written.
fn name(event: Event) -> String {
    let name = serde_json::to_value(event).ok().and_then(|name| name.as_str().map(str::to_owned));
    name.unwrap_or_default()
}
