//! Opaque access tokens: digests that refer to a grant.

use sekisho_model::opaque::{Found, NewOpaque, Opaque, OpaqueTokens, TOGETHER_MAX};
use sekisho_model::{Act, StoreError};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, RealmName};

use crate::grants::{self, basis_columns, basis_tables};
use crate::row::Columns;
use crate::store::SqlStore;
use crate::value::{Value, values};
use crate::{audit, realms};

/// Looks for the tokens in the places of `$places`, from `$3` on. One statement sees one state, so the position is as old as
/// the rest at the latest. A token's own columns travel with its grant's, beside which nothing else is joined to it.
macro_rules! lookup {
    ($places:literal) => {
        concat!(
            "WITH o AS MATERIALIZED (SELECT * FROM opaque_tokens \
               WHERE realm = $1 AND expires_at > $2 AND digest IN (",
            $places,
            ")), g AS MATERIALIZED (SELECT grants.*, o.digest AS token, o.scopes AS token_scopes, \
               o.audiences AS token_audiences, o.expires_at AS token_expires_at \
               FROM o JOIN grants ON grants.realm = o.realm AND grants.id = o.grant_id) \
             SELECT g.token, g.token_scopes, g.token_audiences, g.token_expires_at, ",
            basis_columns!(),
            " FROM ",
            basis_tables!()
        )
    };
}

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

    fn opaques<'a>(
        &'a self,
        realm: &'a RealmName,
        digests: Vec<Digest>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Found>, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| {
            Box::pin(async move {
                if digests.is_empty() {
                    return Ok(Vec::new());
                }
                let (sql, mut values) = (statement(digests.len()), values![&realm, now].to_vec());
                // A statement has a fixed number of places: the last token fills those that are left.
                let last = digests.last().copied().into_iter().cycle();
                let places = if digests.len() == 1 { 1 } else { TOGETHER_MAX };
                values.extend(digests.iter().copied().chain(last).take(places).map(Value::from));
                let rows = db.fetch(sql, &values).await?;
                rows.into_iter().map(|row| found(&mut row.of("opaque_tokens"))).collect()
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

/// The statement for so many tokens: for one, which most readings are about, or for as many as there may be.
const fn statement(tokens: usize) -> &'static str {
    match tokens {
        1 => lookup!("$3"),
        _ => lookup!("$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18"),
    }
}

fn found(row: &mut Columns) -> Result<Found, StoreError> {
    Ok((row.take()?, token(row)))
}

fn token(row: &mut Columns) -> Result<Opaque, StoreError> {
    let (scopes, audiences) = (row.take()?, row.json()?);
    Ok(Opaque { scopes, audiences, expires_at: row.take()?, basis: grants::basis(row)? })
}
