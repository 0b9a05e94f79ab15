//! Grants: the basis of tokens, rotation, and the end of a family.
//!
//! Rotation reads the grant, asks [`Grant::refresh`] what the token means, and writes the next generation only where the
//! row still has the one that was read. Where transactions run side by side and another was faster, it looks again.

use sekisho_model::grant::{Grants, RefreshRequest, RefreshState, RefreshStep, Refreshed};
use sekisho_model::session::{LIVING_MAX, Origin};
use sekisho_model::{Act, Basis, Grant, StoreError};
use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, Change, GrantId, Position, RealmName, Reason, TokenId, UserId};

use crate::connection::Connection;
use crate::lane::UNAVAILABLE;
use crate::row::{Columns, Row};
use crate::sessions;
use crate::store::SqlStore;
use crate::users;
use crate::value::{Value, values};
use crate::{AFTER_EVERY_ID, LIST_ROWS_MAX, audit, feed};

/// How often a compare-and-set looks again when another was faster. Each round somebody got ahead.
pub(crate) const LOOKS_MAX: usize = 64;

/// What [`grant`] reads, from `grants g`.
macro_rules! grant_columns {
    () => {
        "g.id, g.client, g.user_id, g.session_id, g.scopes, g.audiences, g.created_at, g.expires_at, g.generation, \
         g.rotated_at, g.refresh_idle_s, g.ended_at"
    };
}

/// What [`basis`] reads, from [`basis_tables`].
macro_rules! basis_columns {
    () => {
        concat!(
            "h.epoch, h.revision, ",
            crate::grants::grant_columns!(),
            ", ",
            crate::users::user_columns!(),
            ", ",
            crate::sessions::session_columns!()
        )
    };
}

/// The position and everything of the grants in `g`. Whoever makes that materializes it: a planner without
/// statistics takes a realm for one row, and would walk all users and sign-ins of it for each grant.
macro_rules! basis_tables {
    () => {
        "heads h JOIN g ON g.realm = h.realm \
         JOIN users u ON u.realm = g.realm AND u.id = g.user_id \
         LEFT JOIN sessions s ON s.realm = g.realm AND s.id = g.session_id"
    };
}
pub(crate) use {basis_columns, basis_tables, grant_columns};

// === impl Grants ===

impl Grants for SqlStore {
    fn refresh_grant(&self, act: Act, request: RefreshRequest) -> BoxFuture<'_, Result<Refreshed, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| Box::pin(async move { refresh(db, &act, &request, until).await }))
    }

    fn basis<'a>(&'a self, realm: &'a RealmName, grant: GrantId) -> BoxFuture<'a, Result<Option<Basis>, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| Box::pin(async move { load_basis(db, &realm, grant).await }))
    }

    fn revoke_grant(&self, act: Act, grant: GrantId) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| Box::pin(async move { end(db, &act, grant, Event::GrantRevoked, until).await }))
    }

    fn revoke_token(
        &self,
        act: Act,
        token: TokenId,
        expires_at: Timestamp,
    ) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let mut line = act.audit(Event::TokenRevoked);
                line.detail = Some(token.to_string());
                audit::append(db, &line).await?;
                feed::append(db, &act, &[Change::TokenRevoked { token }], expires_at).await
            })
        })
    }

    fn grants_before(
        &self,
        (realm, user): (RealmName, UserId),
        before: Option<GrantId>,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Grant>, StoreError>> {
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    grant_columns!(),
                    " FROM grants g WHERE g.realm = $1 AND g.user_id = $2 AND g.over_at > $3 AND g.id < $4 \
                     ORDER BY g.id DESC LIMIT $5"
                );
                let before = before.map_or_else(|| AFTER_EVERY_ID.to_owned(), |id| id.to_string());
                let rows = db.fetch(sql, values![&realm, user, now, before, limit.min(LIST_ROWS_MAX)]).await?;
                rows.into_iter().map(|row: Row| grant(&mut row.of("grants"))).collect()
            })
        })
    }

    fn grants_of(
        &self,
        realm: RealmName,
        user: UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Grant>, StoreError>> {
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    grant_columns!(),
                    " FROM grants g WHERE g.realm = $1 AND g.user_id = $2 AND g.over_at > $3 \
                     ORDER BY g.created_at DESC, g.id DESC LIMIT $4"
                );
                let rows = db.fetch(sql, values![&realm, user, now, LIVING_MAX]).await?;
                rows.into_iter().map(|row: Row| grant(&mut row.of("grants"))).collect()
            })
        })
    }
}

/// Keeps a new grant.
pub(crate) async fn insert(db: &mut Connection, realm: &RealmName, grant: &Grant) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO grants (realm, id, client, user_id, session_id, scopes, audiences, created_at, expires_at, \
         generation, rotated_at, refresh_idle_s, over_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $9)",
        values![
            realm,
            grant.id,
            &grant.client,
            grant.user,
            grant.session,
            &grant.scopes,
            Value::json(&grant.audiences, "grants")?,
            grant.created_at,
            grant.expires_at,
            grant.refresh.map(|state| state.generation),
            grant.refresh.map(|state| state.rotated_at),
            grant.refresh.map(|state| state.idle_s),
        ],
    )
    .await?;
    Ok(())
}

/// Ends a grant and a first-party sign-in that exists for it alone, with an audit line of `event`. Nothing happens when
/// it is over already or never was.
pub(crate) async fn end(
    db: &mut Connection,
    act: &Act,
    id: GrantId,
    event: Event,
    until: Timestamp,
) -> Result<Option<Position>, StoreError> {
    let row = db
        .fetch_one(
            "UPDATE grants SET ended_at = $3, over_at = $3 WHERE realm = $1 AND id = $2 AND ended_at IS NULL \
             RETURNING id, client, user_id, session_id, scopes, audiences, created_at, expires_at, generation, \
             rotated_at, refresh_idle_s, ended_at",
            values![&act.realm, id, act.now],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let ended = grant(&mut row.of("grants"))?;
    note(db, act, &ended, event).await?;
    let mut changes = vec![Change::GrantRevoked { grant: id }];
    if let Some(session) = ended.session
        && let Some(found) = sessions::load(db, &act.realm, session).await?
        && matches!(found.origin, Origin::FirstParty(_))
    {
        changes.extend(sessions::end(db, act, session).await?);
    }
    feed::append(db, act, &changes, until).await.map(Some)
}

/// An audit line about a grant.
pub(crate) async fn note(db: &mut Connection, act: &Act, grant: &Grant, event: Event) -> Result<(), StoreError> {
    let mut line = act.audit(event);
    line.client.get_or_insert_with(|| grant.client.clone());
    line.subject = Some(grant.user.into());
    line.session = grant.session;
    line.grant = Some(grant.id);
    audit::append(db, &line).await
}

/// Reads [`basis_columns`].
pub(crate) fn basis(row: &mut Columns) -> Result<Basis, StoreError> {
    row.go_on_with("heads");
    let position = row.position()?;
    row.go_on_with("grants");
    let grant = grant(row)?;
    row.go_on_with("users");
    let user = users::user(row)?;
    row.go_on_with("sessions");
    // A grant whose sign-in has no row is damage, not a grant without a sign-in.
    let session = grant.session.map(|_| sessions::session(row)).transpose()?;
    Ok(Basis { position, grant, user, session })
}

async fn load_basis(db: &mut Connection, realm: &RealmName, grant: GrantId) -> Result<Option<Basis>, StoreError> {
    // One statement sees one state, so the position is as old as the rest at the latest.
    let sql = concat!(
        "WITH g AS MATERIALIZED (SELECT * FROM grants WHERE realm = $1 AND id = $2) SELECT ",
        basis_columns!(),
        " FROM ",
        basis_tables!()
    );
    let row = db.fetch_one(sql, values![realm, grant]).await?;
    row.map(|row| basis(&mut row.of("heads"))).transpose()
}

fn grant(row: &mut Columns) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: row.take()?,
        client: row.take()?,
        user: row.take()?,
        session: row.take()?,
        scopes: row.take()?,
        audiences: row.json()?,
        created_at: row.take()?,
        expires_at: row.take()?,
        refresh: match (row.take()?, row.take()?, row.take()?) {
            (Some(generation), Some(rotated_at), Some(idle_s)) => Some(RefreshState { generation, rotated_at, idle_s }),
            (None, None, None) => None,
            _ => return Err(row.damaged("half a refresh state")),
        },
        ended_at: row.take()?,
    })
}

async fn refresh(
    db: &mut Connection,
    act: &Act,
    request: &RefreshRequest,
    until: Timestamp,
) -> Result<Refreshed, StoreError> {
    for _ in 0..LOOKS_MAX {
        let Some(mut basis) = load_basis(db, &act.realm, request.grant).await? else {
            return Ok(Refreshed::Refused(Reason::UnknownToken));
        };
        if basis.grant.client != request.client {
            return Ok(Refreshed::Refused(Reason::UnknownToken));
        }
        let generation = match basis.grant.refresh(request.generation, act.now, request.grace_s) {
            RefreshStep::Advance { to } | RefreshStep::Repeat { to } => to,
            RefreshStep::Reuse => {
                // Nothing when another was faster; then there is something else to see.
                let ended = end(db, act, request.grant, Event::RefreshReused, until).await?;
                let Some(position) = ended else { continue };
                return Ok(Refreshed::Reused(Some(position)));
            }
            RefreshStep::Expired => return Ok(Refreshed::Refused(Reason::Expired)),
            RefreshStep::Ended => return Ok(Refreshed::Refused(Reason::GrantRevoked)),
        };
        if let Err(reason) = basis.check(act.now) {
            return Ok(Refreshed::Refused(reason));
        }
        if advance(db, act, &mut basis.grant, generation).await? {
            note(db, act, &basis.grant, Event::TokenRefreshed).await?;
            return Ok(Refreshed::Granted { generation, basis: Box::new(basis) });
        }
    }
    Err(UNAVAILABLE)
}

/// Compare-and-set of the generation. Says whether the grant has it now; giving out the current one again changes
/// nothing.
async fn advance(db: &mut Connection, act: &Act, grant: &mut Grant, to: u32) -> Result<bool, StoreError> {
    let Some(state) = &mut grant.refresh else { return Ok(false) };
    if state.generation == to {
        return Ok(true);
    }
    let changed = db
        .execute(
            "UPDATE grants SET generation = $4, rotated_at = $5 \
             WHERE realm = $1 AND id = $2 AND generation = $3 AND ended_at IS NULL",
            values![&act.realm, grant.id, state.generation, to, act.now],
        )
        .await?;
    *state = RefreshState { generation: to, rotated_at: act.now, idle_s: state.idle_s };
    Ok(changed > 0)
}
