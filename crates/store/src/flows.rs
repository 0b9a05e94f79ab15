//! Logins in progress.

use sekisho_model::flow::{Flows, Progress};
use sekisho_model::{Act, Flow, StoreError};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{BoxFuture, RealmName};

use crate::realms;
use crate::row::Row;
use crate::store::SqlStore;
use crate::value::{Value, values};

// === impl Flows ===

impl Flows for SqlStore {
    fn start_flow(&self, act: Act, flow: Flow) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                realms::demand(db, &act.realm).await?;
                db.execute(
                    "INSERT INTO flows (realm, digest, browser, request, started_at, expires_at, session_id, \
                     consented_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    values![
                        &act.realm,
                        flow.digest,
                        flow.browser,
                        Value::json(&flow.request, "flows")?,
                        flow.started_at,
                        flow.expires_at,
                        flow.progress.session,
                        flow.progress.consented_at,
                    ],
                )
                .await?;
                Ok(())
            })
        })
    }

    fn flow<'a>(
        &'a self,
        realm: &'a RealmName,
        digest: Digest,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Flow>, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| {
            Box::pin(async move {
                let row = db
                    .fetch_one(
                        "SELECT digest, browser, request, started_at, expires_at, session_id, consented_at FROM flows \
                         WHERE realm = $1 AND digest = $2 AND expires_at > $3",
                        values![&realm, digest, now],
                    )
                    .await?;
                row.map(flow).transpose()
            })
        })
    }

    fn advance_flow(&self, act: Act, digest: Digest, progress: Progress) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                db.execute(
                    "UPDATE flows SET session_id = $3, consented_at = $4 WHERE realm = $1 AND digest = $2",
                    values![&act.realm, digest, progress.session, progress.consented_at],
                )
                .await?;
                Ok(())
            })
        })
    }

    fn finish_flow(&self, act: Act, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let sql = "DELETE FROM flows WHERE realm = $1 AND digest = $2";
                Ok(db.execute(sql, values![&act.realm, digest]).await? > 0)
            })
        })
    }
}

fn flow(row: Row) -> Result<Flow, StoreError> {
    let mut row = row.of("flows");
    Ok(Flow {
        digest: row.take()?,
        browser: row.take()?,
        request: row.json()?,
        started_at: row.take()?,
        expires_at: row.take()?,
        progress: Progress { session: row.take()?, consented_at: row.take()? },
    })
}
