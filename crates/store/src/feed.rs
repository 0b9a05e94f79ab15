//! The log behind the feed.
//!
//! ```text
//!   heads     one row per realm: epoch, revision, newest link of the hash chain
//!   entries   the log, trimmed at its old end only
//! ```
//!
//! INVARIANT (last-lock): [`append`] takes the realm's head row as the last lock of its transaction, and holds it until
//! the commit. So revisions become visible in their order and without a gap, also where transactions run side by side.
//!
//! What `until` means, and what a reader does with all this: `sekisho_wire::feed`.

use sekisho_model::feed::FeedLog;
use sekisho_model::{Act, StoreError};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::feed::{After, ChainHash, Entry, Envelope, Head, PAGE_ENTRIES_MAX, Snapshot, Standing};
use sekisho_wire::{BoxFuture, Change, Epoch, Position, RealmName, Revision};

use crate::connection::Connection;
use crate::{audit, keys};

use crate::row::{Columns, Row};
use crate::store::SqlStore;
use crate::value::{Value, values};

/// How long a revocation stays in snapshots and in the log beyond its `until`, in seconds: more than any leeway that a
/// verifier grants an expired token, and any difference between two clocks that we work with.
pub(crate) const FORGET_GRACE_S: i64 = 300;

// === impl FeedLog ===

impl FeedLog for SqlStore {
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| Box::pin(async move { head(db, &realm).await }))
    }

    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, StoreError>> {
        let realm = realm.clone();
        self.read(move |db| Box::pin(async move { after(db, &realm, position).await }))
    }

    fn snapshot<'a>(&'a self, realm: &'a RealmName, now: Timestamp) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        let realm = realm.clone();
        self.read(move |db| {
            Box::pin(async move {
                // The head first: a database whose statements see different states then gives too much, never too little.
                let head = head(db, &realm).await?;
                let keys = keys::living(db, &realm, now).await?;
                let keys = keys.into_iter().map(|key| key.published).collect();
                let standing = standing(db, &realm, now).await?;
                Ok(Snapshot { realm, head, keys, standing })
            })
        })
    }

    fn start_epoch(&self, act: Act) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let row = db
                    .fetch_one(
                        "UPDATE heads SET epoch = CASE WHEN epoch < $2 THEN $2 ELSE epoch + 1 END, revision = 0 \
                         WHERE realm = $1 RETURNING epoch",
                        values![&act.realm, first_epoch(act.now)],
                    )
                    .await?;
                let epoch: Epoch = found(row, &act.realm)?.take()?;
                let mut line = act.audit(Event::EpochBegun);
                line.detail = Some(epoch.0.to_string());
                audit::append(db, &line).await?;
                Ok(epoch)
            })
        })
    }
}

/// Begins a new epoch in every realm, later than those that are here and than `known`; where nobody else writes.
pub(crate) async fn begin_epoch(db: &mut Connection, now: Timestamp, known: Epoch) -> Result<Epoch, StoreError> {
    let newest = newest_epoch(db).await?.max(known);
    let epoch = first_epoch(now).max(Epoch(newest.0.saturating_add(1)));
    db.execute("UPDATE heads SET epoch = $1, revision = 0", values![epoch]).await?;
    Ok(epoch)
}

/// 0 where there is no realm.
pub(crate) async fn newest_epoch(db: &mut Connection) -> Result<Epoch, StoreError> {
    let newest = db.fetch_one("SELECT coalesce(max(epoch), 0) FROM heads", &[]).await?;
    newest.map_or(Ok(Epoch(0)), |row| row.of("heads").take())
}

/// The epoch of a feed that begins now.
pub(crate) fn first_epoch(now: Timestamp) -> Epoch {
    Epoch(u64::try_from(now.0).unwrap_or(0).max(1))
}

/// Makes the head of a new realm, before its first entry.
pub(crate) async fn begin(db: &mut Connection, act: &Act) -> Result<(), StoreError> {
    let genesis = ChainHash::genesis(&act.realm);
    db.execute(
        "INSERT INTO heads (realm, epoch, revision, hash) VALUES ($1, $2, 0, $3)",
        values![&act.realm, first_epoch(act.now), genesis.0],
    )
    .await?;
    Ok(())
}

/// Appends one entry with these changes; the last thing that a transaction does.
pub(crate) async fn append(
    db: &mut Connection,
    act: &Act,
    changes: &[Change],
    until: Timestamp,
) -> Result<Position, StoreError> {
    let row = db
        .fetch_one(
            "UPDATE heads SET revision = revision + 1 WHERE realm = $1 RETURNING epoch, revision, hash",
            values![&act.realm],
        )
        .await?;
    let mut row = found(row, &act.realm)?;
    let position = row.position()?;
    let hash = ChainHash(row.take()?).next(position, until, changes);
    let Position { epoch, revision } = position;
    db.execute(
        "INSERT INTO entries (realm, epoch, revision, changes, until, hash, written_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values![&act.realm, epoch, revision, Value::json(&changes, "entries")?, until, hash.0, act.now],
    )
    .await?;
    // The row is ours already, so this waits for nobody.
    db.execute("UPDATE heads SET hash = $2 WHERE realm = $1", values![&act.realm, hash.0]).await?;
    Ok(position)
}

/// The realm's position. Read before the state that a token is minted from: what is revoked after that has a later one.
pub(crate) async fn position(db: &mut Connection, realm: &RealmName) -> Result<Position, StoreError> {
    Ok(head(db, realm).await?.position)
}

/// Deletes entries that no token needs any more, from the old end on and at most `rows_max`. An entry whose time is over
/// waits for those before it: what is left of the log is always its end, without a gap.
pub(crate) async fn trim(
    db: &mut Connection,
    realm: &RealmName,
    now: Timestamp,
    rows_max: u32,
) -> Result<u64, StoreError> {
    let oldest = db
        .fetch(
            "SELECT epoch, revision, until FROM entries WHERE realm = $1 ORDER BY epoch, revision LIMIT $2",
            values![realm, rows_max],
        )
        .await?;
    let mut last = None;
    for row in oldest {
        let mut row = row.of("entries");
        let position = row.position()?;
        if row.take::<Timestamp>()?.plus_s(FORGET_GRACE_S) > now {
            break;
        }
        last = Some(position);
    }
    let Some(Position { epoch, revision }) = last else { return Ok(0) };
    db.execute(
        "DELETE FROM entries WHERE realm = $1 AND (epoch, revision) <= ($2, $3)",
        values![realm, epoch, revision],
    )
    .await
}

async fn head(db: &mut Connection, realm: &RealmName) -> Result<Head, StoreError> {
    let row = db.fetch_one("SELECT epoch, revision, hash FROM heads WHERE realm = $1", values![realm]).await?;
    let mut row = found(row, realm)?;
    Ok(Head { position: row.position()?, hash: ChainHash(row.take::<Digest>()?) })
}

fn found(row: Option<Row>, realm: &RealmName) -> Result<Columns, StoreError> {
    row.map(|row| row.of("heads")).ok_or_else(|| StoreError::NoRealm(realm.to_string()))
}

async fn after(db: &mut Connection, realm: &RealmName, position: Position) -> Result<After, StoreError> {
    let head = head(db, realm).await?.position;
    if position == head {
        return Ok(After::Entries(Vec::new()));
    }
    if position.epoch != head.epoch || position > head {
        return Ok(After::Resnapshot);
    }
    let rows = db
        .fetch(
            "SELECT epoch, revision, changes, until, hash FROM entries \
             WHERE realm = $1 AND epoch = $2 AND revision > $3 ORDER BY revision LIMIT $4",
            values![realm, position.epoch, position.revision, i64::try_from(PAGE_ENTRIES_MAX).unwrap_or(i64::MAX)],
        )
        .await?;
    let mut prev = position;
    let mut envelopes = Vec::with_capacity(rows.len());
    for row in rows {
        let entry = entry(row)?;
        if entry.position.revision != Revision(prev.revision.0.saturating_add(1)) {
            return Ok(After::Resnapshot);
        }
        let envelope = Envelope { prev, entry };
        prev = envelope.entry.position;
        envelopes.push(envelope);
    }
    // There is a head beyond the position, so nothing found means that it was trimmed.
    Ok(if envelopes.is_empty() { After::Resnapshot } else { After::Entries(envelopes) })
}

fn entry(row: Row) -> Result<Entry, StoreError> {
    let mut row = row.of("entries");
    Ok(Entry { position: row.position()?, changes: row.json()?, until: row.take()?, hash: ChainHash(row.take()?) })
}

async fn standing(db: &mut Connection, realm: &RealmName, now: Timestamp) -> Result<Vec<Standing>, StoreError> {
    let rows = db
        .fetch(
            "SELECT epoch, revision, changes, until FROM entries WHERE realm = $1 AND until > $2 \
             ORDER BY epoch, revision",
            values![realm, now.plus_s(-FORGET_GRACE_S)],
        )
        .await?;
    let mut standing = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = row.of("entries");
        let at = row.position()?;
        let changes: Vec<Change> = row.json()?;
        let until = row.take()?;
        // Keys stand in the snapshot by themselves, as they are now.
        let revocations = changes.into_iter().filter(|change| !matches!(change, Change::KeyScheduled { .. }));
        standing.extend(revocations.map(|change| Standing { change, at, until }));
    }
    Ok(standing)
}
