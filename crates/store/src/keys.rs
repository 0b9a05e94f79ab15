//! Signing keys: public parts with their times, private parts sealed.

use sekisho_model::key::{KeyRecord, Keys, NewKey};
use sekisho_model::{Act, StoreError};
use sekisho_token::Timestamp;
use sekisho_token::key::KeyId;
use sekisho_wire::audit::Event;
use sekisho_wire::change::PublishedKey;
use sekisho_wire::{BoxFuture, Change, Position, RealmName};

use crate::connection::Connection;
use crate::row::{Columns, Row};
use crate::store::SqlStore;
use crate::value::{Value, values};
use crate::{audit, feed, realms};

// === impl Keys ===

impl Keys for SqlStore {
    fn keys<'a>(
        &'a self,
        realm: &'a RealmName,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(Position, Vec<KeyRecord>), StoreError>> {
        let realm = realm.clone();
        self.read(move |db| {
            Box::pin(async move {
                let position = feed::position(db, &realm).await?;
                Ok((position, living(db, &realm, now).await?))
            })
        })
    }

    fn publish_key(
        &self,
        act: Act,
        key: NewKey,
        others_gone_at: Timestamp,
    ) -> BoxFuture<'_, Result<Position, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                realms::hold(db, &act.realm).await?;
                let others = db
                    .fetch(
                        "UPDATE signing_keys SET gone_at = $2 WHERE realm = $1 AND gone_at IS NULL \
                         RETURNING kid, jwk, published_at, signs_from, gone_at",
                        values![&act.realm, others_gone_at],
                    )
                    .await?;
                let mut keys = others
                    .into_iter()
                    .map(|row| published(&mut row.of("signing_keys")))
                    .collect::<Result<Vec<_>, _>>()?;
                // RETURNING promises no order; readers and the hash chain want the same one everywhere.
                keys.sort_by_key(|key| (key.published_at, key.signs_from));
                keys.push(insert(db, &act, key).await?);
                let mut line = act.audit(Event::KeyPublished);
                line.detail = keys.last().and_then(kid);
                audit::append(db, &line).await?;
                let changes: Vec<Change> = keys.into_iter().map(|key| Change::KeyScheduled { key }).collect();
                feed::append(db, &act, &changes, until).await
            })
        })
    }

    fn revoke_key(&self, act: Act, kid: KeyId) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let sql = "UPDATE signing_keys SET gone_at = $3 WHERE realm = $1 AND kid = $2";
                if db.execute(sql, values![&act.realm, &kid, act.now]).await? == 0 {
                    return Ok(None);
                }
                let mut line = act.audit(Event::KeyRevoked);
                line.detail = Some(kid.as_str().to_owned());
                audit::append(db, &line).await?;
                feed::append(db, &act, &[Change::KeyRevoked { kid }], until).await.map(Some)
            })
        })
    }
}

/// Keeps a key and returns its public part.
pub(crate) async fn insert(db: &mut Connection, act: &Act, key: NewKey) -> Result<PublishedKey, StoreError> {
    let NewKey { published, sealed } = key;
    let kid = kid(&published).ok_or_else(|| StoreError::Damaged {
        table: "signing_keys",
        row: "(new)".to_owned(),
        what: "the key has no `kid`".to_owned(),
    })?;
    db.execute(
        "INSERT INTO signing_keys (realm, kid, jwk, published_at, signs_from, gone_at, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values![
            &act.realm,
            kid,
            Value::json(&published.jwk, "signing_keys")?,
            published.published_at,
            published.signs_from,
            published.gone_at,
            sealed,
        ],
    )
    .await?;
    Ok(published)
}

/// Every key that is not gone, oldest first.
pub(crate) async fn living(
    db: &mut Connection,
    realm: &RealmName,
    now: Timestamp,
) -> Result<Vec<KeyRecord>, StoreError> {
    let rows = db
        .fetch(
            "SELECT kid, jwk, published_at, signs_from, gone_at, sealed FROM signing_keys \
             WHERE realm = $1 AND (gone_at IS NULL OR gone_at > $2) ORDER BY published_at, signs_from, kid",
            values![realm, now],
        )
        .await?;
    rows.into_iter().map(record).collect()
}

fn record(row: Row) -> Result<KeyRecord, StoreError> {
    let mut row = row.of("signing_keys");
    Ok(KeyRecord { published: published(&mut row)?, sealed: row.take()? })
}

fn published(row: &mut Columns) -> Result<PublishedKey, StoreError> {
    let _: KeyId = row.take()?;
    Ok(PublishedKey { jwk: row.json()?, published_at: row.take()?, signs_from: row.take()?, gone_at: row.take()? })
}

fn kid(key: &PublishedKey) -> Option<String> {
    key.jwk.kid().map(|kid| kid.as_str().to_owned())
}
