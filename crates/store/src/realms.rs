//! Realms: their rows, and the first entry of their feeds.

use sekisho_model::realm::{CreateRealmError, NewRealm, Realms};
use sekisho_model::{Act, Realm, StoreError};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, Change, Position, RealmName};

use crate::connection::Connection;
use crate::row::Row;
use crate::store::SqlStore;
use crate::value::values;
use crate::{LIST_ROWS_MAX, audit, feed, keys};

// === impl Realms ===

impl Realms for SqlStore {
    fn create_realm(&self, act: Act, realm: NewRealm) -> BoxFuture<'_, Result<Position, CreateRealmError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let made = db
                    .execute(
                        "INSERT INTO realms (name, created_at, refresh_key_sealed) VALUES ($1, $2, $3) \
                         ON CONFLICT DO NOTHING",
                        values![&act.realm, act.now, realm.refresh_key_sealed],
                    )
                    .await?;
                if made == 0 {
                    return Err(CreateRealmError::Exists(act.realm));
                }
                feed::begin(db, &act).await?;
                let published = keys::insert(db, &act, realm.key).await?;
                audit::append(db, &act.audit(Event::RealmCreated)).await?;
                let changes = [Change::KeyScheduled { key: published }];
                Ok(feed::append(db, &act, &changes, until).await?)
            })
        })
    }

    fn realm<'a>(&'a self, name: &'a RealmName) -> BoxFuture<'a, Result<Option<Realm>, StoreError>> {
        let name = name.clone();
        self.look(move |db| {
            Box::pin(async move {
                let sql = "SELECT name, created_at, refresh_key_sealed FROM realms WHERE name = $1";
                db.fetch_one(sql, values![&name]).await?.map(realm).transpose()
            })
        })
    }

    fn realms(&self) -> BoxFuture<'_, Result<Vec<Realm>, StoreError>> {
        self.look(move |db| {
            Box::pin(async move {
                let sql = "SELECT name, created_at, refresh_key_sealed FROM realms ORDER BY name LIMIT $1";
                let rows = db.fetch(sql, values![LIST_ROWS_MAX]).await?;
                rows.into_iter().map(realm).collect()
            })
        })
    }
}

/// Fails where the realm does not exist; for writes that make a row of a realm.
pub(crate) async fn demand(db: &mut Connection, realm: &RealmName) -> Result<(), StoreError> {
    let row = db.fetch_one("SELECT 1 FROM realms WHERE name = $1", values![realm]).await?;
    row.map(drop).ok_or_else(|| StoreError::NoRealm(realm.to_string()))
}

/// As [`demand`], and nobody else holds the realm until this transaction is over; for writes that must see each other.
pub(crate) async fn hold(db: &mut Connection, realm: &RealmName) -> Result<(), StoreError> {
    // Written, so that the row is ours.
    let found = db.execute("UPDATE realms SET created_at = created_at WHERE name = $1", values![realm]).await?;
    if found > 0 { Ok(()) } else { Err(StoreError::NoRealm(realm.to_string())) }
}

fn realm(row: Row) -> Result<Realm, StoreError> {
    let mut row = row.of("realms");
    Ok(Realm { name: row.take()?, created_at: row.take()?, refresh_key_sealed: row.take()? })
}
