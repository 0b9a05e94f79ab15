//! Sign-ins, and what ends with them.

use sekisho_model::session::{LIVING_MAX, NewSession, Origin, Sessions};
use sekisho_model::{Act, Session, StoreError, User};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, Change, ClientId, Position, RealmName, SessionId, UserId};

use crate::connection::Connection;
use crate::row::{Columns, Row};
use crate::store::SqlStore;
use crate::users::{self, user_columns};
use crate::value::{Value, values};
use crate::{AFTER_EVERY_ID, LIST_ROWS_MAX, audit, feed, realms};

/// What [`session`] reads, from `sessions s`.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.client, s.auth_time, s.amr, s.last_seen, s.idle_until, s.expires_at, s.ended_at, s.address, \
         s.user_agent"
    };
}
pub(crate) use session_columns;

// === impl Sessions ===

impl Sessions for SqlStore {
    fn open_session(&self, act: Act, session: NewSession) -> BoxFuture<'_, Result<Option<Session>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                realms::demand(db, &act.realm).await?;
                if !users::still_has(db, &act.realm, session.user, &session.password).await? {
                    return Ok(None);
                }
                let (ended, opened) = match session.held {
                    Some(held) if goes_on(db, &act, held, &session).await? => (None, begun(&act, session, held)),
                    Some(held) => (end(db, &act, held).await?, insert(db, &act, session).await?),
                    None => (None, insert(db, &act, session).await?),
                };
                let mut line = act.audit(Event::LoginSucceeded);
                line.subject = Some(opened.user.into());
                line.session = Some(opened.id);
                audit::append(db, &line).await?;
                if let Some(change) = ended {
                    feed::append(db, &act, &[change], until).await?;
                }
                Ok(Some(opened))
            })
        })
    }

    fn session_by_cookie<'a>(
        &'a self,
        realm: &'a RealmName,
        cookie: Digest,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<(Session, User)>, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    session_columns!(),
                    ", ",
                    user_columns!(),
                    " FROM sessions s JOIN users u ON u.realm = s.realm AND u.id = s.user_id \
                     WHERE s.realm = $1 AND s.cookie = $2"
                );
                let Some(row) = db.fetch_one(sql, values![&realm, cookie]).await? else { return Ok(None) };
                let mut row = row.of("sessions");
                let session = session(&mut row)?;
                row.go_on_with("users");
                let user = users::user(&mut row)?;
                Ok(session.lives(now).then_some((session, user)))
            })
        })
    }

    fn touch_session(&self, act: Act, session: SessionId, idle_s: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let Some(found) = load(db, &act.realm, session).await? else { return Ok(()) };
                // Written at most every tenth of the idle time, so that browsing does not become writing.
                if !found.lives(act.now) || act.now.seconds_since(found.last_seen) < idle_s / 10 {
                    return Ok(());
                }
                let idle_until = act.now.plus_s(idle_s);
                db.execute(
                    "UPDATE sessions SET last_seen = $3, idle_until = $4, over_at = $5 \
                     WHERE realm = $1 AND id = $2 AND ended_at IS NULL",
                    values![&act.realm, session, act.now, idle_until, idle_until.min(found.expires_at)],
                )
                .await?;
                Ok(())
            })
        })
    }

    fn end_session(&self, act: Act, session: SessionId) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let Some(change) = end(db, &act, session).await? else { return Ok(None) };
                feed::append(db, &act, &[change], until).await.map(Some)
            })
        })
    }

    fn sessions_before(
        &self,
        (realm, user): (RealmName, UserId),
        before: Option<SessionId>,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>> {
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    session_columns!(),
                    " FROM sessions s WHERE s.realm = $1 AND s.user_id = $2 AND s.over_at > $3 AND s.id < $4 \
                     ORDER BY s.id DESC LIMIT $5"
                );
                let before = before.map_or_else(|| AFTER_EVERY_ID.to_owned(), |id| id.to_string());
                let rows = db.fetch(sql, values![&realm, user, now, before, limit.min(LIST_ROWS_MAX)]).await?;
                rows.into_iter().map(whole).collect()
            })
        })
    }

    fn sessions_of(
        &self,
        realm: RealmName,
        user: UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>> {
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    session_columns!(),
                    " FROM sessions s WHERE s.realm = $1 AND s.user_id = $2 AND s.over_at > $3 \
                     ORDER BY s.auth_time DESC, s.id DESC LIMIT $4"
                );
                let rows = db.fetch(sql, values![&realm, user, now, LIVING_MAX]).await?;
                let mut sessions = rows.into_iter().map(whole).collect::<Result<Vec<_>, _>>()?;
                sessions.retain(|session| session.lives(now));
                Ok(sessions)
            })
        })
    }
}

/// The sign-in of this id.
pub(crate) async fn load(db: &mut Connection, realm: &RealmName, id: SessionId) -> Result<Option<Session>, StoreError> {
    let sql = concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.realm = $1 AND s.id = $2");
    db.fetch_one(sql, values![realm, id]).await?.map(whole).transpose()
}

/// Reads [`session_columns`].
pub(crate) fn session(row: &mut Columns) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.take()?,
        user: row.take()?,
        origin: row.take::<Option<ClientId>>()?.map_or(Origin::Browser, Origin::FirstParty),
        auth_time: row.take()?,
        amr: row.json()?,
        last_seen: row.take()?,
        idle_until: row.take()?,
        expires_at: row.take()?,
        ended_at: row.take()?,
        address: row.take()?,
        user_agent: row.take()?,
    })
}

/// Ends a sign-in with its grants and says what the feed must carry; nothing when it was ended before. One that has
/// idled out is ended too: tokens of it may still be about.
///
/// Tokens of its grants carry its `sid`, so one change hits them all.
pub(crate) async fn end(db: &mut Connection, act: &Act, id: SessionId) -> Result<Option<Change>, StoreError> {
    let row = db
        .fetch_one(
            "UPDATE sessions SET ended_at = $3, over_at = $3 WHERE realm = $1 AND id = $2 AND ended_at IS NULL \
             RETURNING user_id",
            values![&act.realm, id, act.now],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let user: UserId = row.of("sessions").take()?;
    db.execute(
        "UPDATE grants SET ended_at = $3, over_at = $3 WHERE realm = $1 AND session_id = $2 AND ended_at IS NULL",
        values![&act.realm, id, act.now],
    )
    .await?;
    let mut line = act.audit(Event::SessionEnded);
    line.subject = Some(user.into());
    line.session = Some(id);
    audit::append(db, &line).await?;
    Ok(Some(Change::SessionEnded { session: id }))
}

/// Whether this sign-in of somebody's lives, and will until this transaction is over.
pub(crate) async fn still_lives(
    db: &mut Connection,
    act: &Act,
    user: UserId,
    id: SessionId,
) -> Result<bool, StoreError> {
    // Written, so that the row is ours: whoever ends it comes before or after, never in between.
    let sql = "UPDATE sessions SET last_seen = last_seen \
               WHERE realm = $1 AND id = $2 AND user_id = $3 AND ended_at IS NULL AND over_at > $4";
    Ok(db.execute(sql, values![&act.realm, id, user, act.now]).await? > 0)
}

/// Ends every sign-in and grant of a user but those of `keep`.
pub(crate) async fn end_all_of(
    db: &mut Connection,
    act: &Act,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<(), StoreError> {
    // No id is empty.
    let keep = keep.map_or_else(String::new, |session| session.to_string());
    db.execute(
        "UPDATE sessions SET ended_at = $3, over_at = $3 \
         WHERE realm = $1 AND user_id = $2 AND ended_at IS NULL AND id <> $4",
        values![&act.realm, user, act.now, &keep],
    )
    .await?;
    db.execute(
        "UPDATE grants SET ended_at = $3, over_at = $3 \
         WHERE realm = $1 AND user_id = $2 AND ended_at IS NULL AND coalesce(session_id, '-') <> $4",
        values![&act.realm, user, act.now, &keep],
    )
    .await?;
    Ok(())
}

/// Ends every grant of a client, and the sign-ins that exist for it alone.
pub(crate) async fn end_all_through(db: &mut Connection, act: &Act, client: &ClientId) -> Result<(), StoreError> {
    db.execute(
        "UPDATE sessions SET ended_at = $3, over_at = $3 WHERE realm = $1 AND client = $2 AND ended_at IS NULL",
        values![&act.realm, client, act.now],
    )
    .await?;
    db.execute(
        "UPDATE grants SET ended_at = $3, over_at = $3 WHERE realm = $1 AND client = $2 AND ended_at IS NULL",
        values![&act.realm, client, act.now],
    )
    .await?;
    Ok(())
}

/// Whether the sign-in that a browser holds is the same person's and lives; then it goes on as of now.
async fn goes_on(db: &mut Connection, act: &Act, held: SessionId, new: &NewSession) -> Result<bool, StoreError> {
    let (idle_until, expires_at) = (act.now.plus_s(new.idle_s), act.now.plus_s(new.lifetime_s));
    let went_on = db
        .execute(
            "UPDATE sessions SET cookie = $4, auth_time = $5, amr = $6, last_seen = $5, idle_until = $7, expires_at = $8, \
             address = $9, user_agent = $10, over_at = $11 \
             WHERE realm = $1 AND id = $2 AND user_id = $3 AND ended_at IS NULL AND over_at > $5",
            values![
                &act.realm,
                held,
                new.user,
                new.cookie,
                act.now,
                Value::json(&new.amr, "sessions")?,
                idle_until,
                expires_at,
                act.address,
                new.user_agent.as_ref(),
                idle_until.min(expires_at),
            ],
        )
        .await?;
    Ok(went_on == 1)
}

/// What a sign-in is at its beginning, or when its person has proved again who they are.
fn begun(act: &Act, new: NewSession, id: SessionId) -> Session {
    Session {
        id,
        user: new.user,
        origin: new.origin,
        auth_time: act.now,
        amr: new.amr,
        last_seen: act.now,
        idle_until: act.now.plus_s(new.idle_s),
        expires_at: act.now.plus_s(new.lifetime_s),
        ended_at: None,
        address: act.address,
        user_agent: new.user_agent,
    }
}

async fn insert(db: &mut Connection, act: &Act, new: NewSession) -> Result<Session, StoreError> {
    let (id, cookie) = (new.id, new.cookie);
    let session = begun(act, new, id);
    let client = match &session.origin {
        Origin::Browser => None,
        Origin::FirstParty(client) => Some(client),
    };
    db.execute(
        "INSERT INTO sessions (realm, id, user_id, client, cookie, auth_time, amr, last_seen, idle_until, expires_at, \
         address, user_agent, over_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        values![
            &act.realm,
            session.id,
            session.user,
            client,
            cookie,
            session.auth_time,
            Value::json(&session.amr, "sessions")?,
            session.last_seen,
            session.idle_until,
            session.expires_at,
            session.address,
            session.user_agent.as_ref(),
            session.idle_until.min(session.expires_at),
        ],
    )
    .await?;
    Ok(session)
}

fn whole(row: Row) -> Result<Session, StoreError> {
    session(&mut row.of("sessions"))
}
