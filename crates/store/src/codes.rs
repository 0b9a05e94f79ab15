//! Authorization codes: used up once, whatever comes of it.

use sekisho_model::code::{Codes, RedeemError, Redeemed, Redemption, Stage};
use sekisho_model::grant::{NewGrant, RefreshState};
use sekisho_model::{Act, Basis, Code, Grant, StoreError};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, GrantId, Position, RealmName, Reason};

use crate::connection::Connection;
use crate::grants::{self, LOOKS_MAX};
use crate::lane::UNAVAILABLE;
use crate::row::Row;
use crate::store::SqlStore;
use crate::value::{Value, values};
use crate::{audit, clients, feed, realms, sessions, users};

const PENDING: &str = "pending";
const REDEEMED: &str = "redeemed";
const BURNT: &str = "burnt";

// === impl Codes ===

impl Codes for SqlStore {
    fn issue_code(&self, act: Act, code: Code) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                realms::demand(db, &act.realm).await?;
                insert(db, &act.realm, &code).await
            })
        })
    }

    fn redeem_code(&self, act: Act, redemption: Redemption) -> BoxFuture<'_, Result<Redeemed, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| Box::pin(async move { redeem(db, &act, &redemption, until).await }))
    }
}

async fn redeem(
    db: &mut Connection,
    act: &Act,
    redemption: &Redemption,
    until: Timestamp,
) -> Result<Redeemed, StoreError> {
    let position = feed::position(db, &act.realm).await?;
    for _ in 0..LOOKS_MAX {
        let Some(code) = load(db, &act.realm, redemption.digest).await? else { return Ok(Redeemed::Unknown) };
        let outcome = match code.redeem(&redemption.presented, act.now) {
            Ok(()) => grant(db, act, code, &redemption.grant, position).await?,
            Err(error) => refuse(db, act, &code, error, until).await?,
        };
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
    Err(UNAVAILABLE)
}

/// Turns the code into a grant; nothing when another redemption was faster.
async fn grant(
    db: &mut Connection,
    act: &Act,
    code: Code,
    new: &NewGrant,
    position: Position,
) -> Result<Option<Redeemed>, StoreError> {
    // The client was known before this transaction began. One that was removed since took its codes along.
    let disabled = clients::is_disabled(db, &act.realm, &code.client).await?;
    // The rows of people go with their codes, those of sign-ins only when they have long been over.
    let user = users::load(db, &act.realm, code.user).await?;
    let session = sessions::load(db, &act.realm, code.session).await?;
    let basis = match (user, session) {
        _ if disabled => Err(Reason::ClientRevoked),
        (None, _) => Err(Reason::SubjectRevoked),
        (_, None) => Err(Reason::SessionEnded),
        (Some(user), session @ Some(_)) => {
            let basis = Basis { position, grant: new_grant(&code, new, act.now), user, session };
            basis.check(act.now).map(|()| basis)
        }
    };
    match basis {
        Ok(basis) => {
            if !settle(db, act, &code, REDEEMED, Some(new.id)).await? {
                return Ok(None);
            }
            grants::insert(db, &act.realm, &basis.grant).await?;
            grants::note(db, act, &basis.grant, Event::CodeRedeemed).await?;
            Ok(Some(Redeemed::Granted { basis: Box::new(basis), nonce: code.nonce }))
        }
        Err(reason) => {
            if !settle(db, act, &code, BURNT, None).await? {
                return Ok(None);
            }
            note_refusal(db, act, &code, &format!("code: {}", reason.code())).await?;
            Ok(Some(Redeemed::Gone(reason)))
        }
    }
}

/// Burns the code; a replay ends what the first redemption brought (RFC 6749 §4.1.2). Nothing when a redemption was
/// faster: then this one is a replay.
async fn refuse(
    db: &mut Connection,
    act: &Act,
    code: &Code,
    error: RedeemError,
    until: Timestamp,
) -> Result<Option<Redeemed>, StoreError> {
    let revoked_at = match error {
        RedeemError::AlreadyRedeemed { grant } => grants::end(db, act, grant, Event::CodeReplayed, until).await?,
        RedeemError::Burnt => None,
        RedeemError::Expired
        | RedeemError::WrongClient
        | RedeemError::WrongRedirectUri
        | RedeemError::WrongVerifier => {
            if !settle(db, act, code, BURNT, None).await? {
                return Ok(None);
            }
            note_refusal(db, act, code, &error.to_string()).await?;
            None
        }
    };
    Ok(Some(Redeemed::Refused { error, revoked_at }))
}

/// Compare-and-set of the stage. Says whether this call was the one that changed it.
async fn settle(
    db: &mut Connection,
    act: &Act,
    code: &Code,
    stage: &'static str,
    grant: Option<GrantId>,
) -> Result<bool, StoreError> {
    let changed = db
        .execute(
            "UPDATE codes SET stage = $3, grant_id = $4 WHERE realm = $1 AND digest = $2 AND stage = 'pending'",
            values![&act.realm, code.digest, stage, grant],
        )
        .await?;
    Ok(changed > 0)
}

fn new_grant(code: &Code, new: &NewGrant, now: Timestamp) -> Grant {
    Grant {
        id: new.id,
        client: code.client.clone(),
        user: code.user,
        session: Some(code.session),
        scopes: code.scopes.clone(),
        audiences: code.audiences.clone(),
        created_at: now,
        expires_at: now.plus_s(new.lifetime_s),
        refresh: new.refresh_idle_s.map(|idle_s| RefreshState { generation: 0, rotated_at: now, idle_s }),
        ended_at: None,
    }
}

async fn insert(db: &mut Connection, realm: &RealmName, code: &Code) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO codes (realm, digest, client, user_id, session_id, redirect_uri, challenge, scopes, audiences, \
         nonce, expires_at, stage) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        values![
            realm,
            code.digest,
            &code.client,
            code.user,
            code.session,
            code.redirect_uri.as_ref(),
            code.challenge.as_ref(),
            &code.scopes,
            Value::json(&code.audiences, "codes")?,
            code.nonce.as_ref(),
            code.expires_at,
            PENDING,
        ],
    )
    .await?;
    Ok(())
}

async fn load(db: &mut Connection, realm: &RealmName, digest: Digest) -> Result<Option<Code>, StoreError> {
    let sql = "SELECT digest, client, user_id, session_id, redirect_uri, challenge, scopes, audiences, nonce, \
               expires_at, stage, grant_id FROM codes WHERE realm = $1 AND digest = $2";
    db.fetch_one(sql, values![realm, digest]).await?.map(code).transpose()
}

fn code(row: Row) -> Result<Code, StoreError> {
    let mut row = row.of("codes");
    Ok(Code {
        digest: row.take()?,
        client: row.take()?,
        user: row.take()?,
        session: row.take()?,
        redirect_uri: row.take()?,
        challenge: row.take()?,
        scopes: row.take()?,
        audiences: row.json()?,
        nonce: row.take()?,
        expires_at: row.take()?,
        stage: match (row.take::<String>()?.as_str(), row.take()?) {
            (PENDING, None) => Stage::Pending,
            (REDEEMED, Some(grant)) => Stage::Redeemed { grant },
            (BURNT, None) => Stage::Burnt,
            (stage, _) => return Err(row.damaged(format!("stage `{stage}` does not fit its grant"))),
        },
    })
}

async fn note_refusal(db: &mut Connection, act: &Act, code: &Code, why: &str) -> Result<(), StoreError> {
    let mut line = act.audit(Event::Refused);
    line.subject = Some(code.user.into());
    line.session = Some(code.session);
    line.detail = Some(why.to_owned());
    audit::append(db, &line).await
}
