//! Opaque access tokens: digests that refer to a grant.

use sekisho_model::opaque::{NewOpaque, Opaque, OpaqueTokens};
use sekisho_model::{Act, StoreError};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, RealmName};

use crate::grants::{self, basis_columns, basis_tables};
use crate::store::SqlStore;
use crate::value::{Value, values};
use crate::{audit, realms};

// === impl OpaqueTokens ===

impl OpaqueTokens for SqlStore {
    fn keep_opaque(&self, act: Act, token: NewOpaque) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                realms::demand(db, &act.realm).await?;
                db.execute(
                    "INSERT INTO opaque_tokens (realm, digest, grant_id, scopes, audiences, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    values![
                        &act.realm,
                        token.digest,
                        token.grant,
                        &token.scopes,
                        Value::json(&token.audiences, "opaque_tokens")?,
                        token.expires_at,
                    ],
                )
                .await?;
                let mut line = act.audit(Event::OpaqueIssued);
                line.grant = Some(token.grant);
                audit::append(db, &line).await
            })
        })
    }

    fn opaque<'a>(
        &'a self,
        realm: &'a RealmName,
        digest: Digest,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Opaque>, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| {
            Box::pin(async move {
                // One statement sees one state, so the position is as old as the rest at the latest.
                let sql = concat!(
                    "WITH o AS MATERIALIZED (SELECT * FROM opaque_tokens \
                       WHERE realm = $1 AND digest = $2 AND expires_at > $3), \
                     g AS MATERIALIZED (SELECT grants.* FROM o JOIN grants ON grants.realm = o.realm \
                       AND grants.id = o.grant_id) \
                     SELECT o.digest, o.scopes, o.audiences, o.expires_at, ",
                    basis_columns!(),
                    " FROM ",
                    basis_tables!(),
                    " CROSS JOIN o"
                );
                let Some(row) = db.fetch_one(sql, values![&realm, digest, now]).await? else { return Ok(None) };
                let mut row = row.of("opaque_tokens");
                let _: Digest = row.take()?;
                let (scopes, audiences) = (row.take()?, row.json()?);
                Ok(Some(Opaque { scopes, audiences, expires_at: row.take()?, basis: grants::basis(&mut row)? }))
            })
        })
    }

    fn drop_opaque(&self, act: Act, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let sql = "DELETE FROM opaque_tokens WHERE realm = $1 AND digest = $2";
                Ok(db.execute(sql, values![&act.realm, digest]).await? > 0)
            })
        })
    }
}
