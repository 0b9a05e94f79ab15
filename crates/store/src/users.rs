//! People with a password.

use sekisho_model::user::{CreateUserError, NewUser, PasswordChange, PasswordChanged, Profile, Rehash, Users};
use sekisho_model::{Act, Replaced, StoreError, User, UserName};
use sekisho_token::{Secret, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, Change, Position, RealmName, Scopes, SessionId, UserId};

use crate::connection::Connection;
use crate::row::{Columns, Row};
use crate::store::SqlStore;
use crate::value::values;
use crate::{LIST_ROWS_MAX, audit, feed, realms, sessions};

/// What [`user`] reads, from `users u`.
macro_rules! user_columns {
    () => {
        "u.id, u.name, u.password, u.scopes, u.display_name, u.email, u.email_verified, u.created_at, u.disabled_at"
    };
}
pub(crate) use user_columns;

// === impl Users ===

impl Users for SqlStore {
    fn create_user(&self, act: Act, user: NewUser) -> BoxFuture<'_, Result<(), CreateUserError>> {
        self.write(move |db| {
            Box::pin(async move {
                realms::demand(db, &act.realm).await?;
                let made = db
                    .execute(
                        "INSERT INTO users (realm, id, name, password, scopes, display_name, email, email_verified, \
                         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (realm, name) DO NOTHING",
                        values![
                            &act.realm,
                            user.id,
                            user.name,
                            user.password.expose(),
                            user.scopes,
                            user.display_name,
                            user.email,
                            false,
                            act.now,
                        ],
                    )
                    .await?;
                if made == 0 {
                    return Err(CreateUserError::NameTaken);
                }
                Ok(note(db, &act, user.id, Event::UserCreated).await?)
            })
        })
    }

    fn user_by_name<'a>(
        &'a self,
        realm: &'a RealmName,
        name: &'a UserName,
    ) -> BoxFuture<'a, Result<Option<User>, StoreError>> {
        let (realm, name) = (realm.clone(), name.clone());
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.realm = $1 AND u.name = $2");
                db.fetch_one(sql, values![&realm, &name]).await?.map(whole).transpose()
            })
        })
    }

    fn user<'a>(&'a self, realm: &'a RealmName, id: UserId) -> BoxFuture<'a, Result<Option<User>, StoreError>> {
        let realm = realm.clone();
        self.look(move |db| Box::pin(async move { load(db, &realm, id).await }))
    }

    fn users<'a>(
        &'a self,
        realm: &'a RealmName,
        after: Option<&'a UserName>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<User>, StoreError>> {
        let (realm, after) = (realm.clone(), after.map_or_else(String::new, ToString::to_string));
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    user_columns!(),
                    " FROM users u WHERE u.realm = $1 AND u.name > $2 ORDER BY u.name LIMIT $3"
                );
                let rows = db.fetch(sql, values![&realm, after, limit.min(LIST_ROWS_MAX)]).await?;
                rows.into_iter().map(whole).collect()
            })
        })
    }

    fn rehash_password(&self, act: Act, user: UserId, change: Rehash) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                // A password that was changed meanwhile stays what it is.
                let sql = "UPDATE users SET password = $4 WHERE realm = $1 AND id = $2 AND password = $3";
                let values = values![&act.realm, user, change.from.expose(), change.to.expose()];
                Ok(db.execute(sql, values).await? > 0)
            })
        })
    }

    fn set_password(
        &self,
        act: Act,
        user: UserId,
        password: Secret<String>,
    ) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                if !put_password(db, &act, user, &password).await? {
                    return Ok(None);
                }
                note(db, &act, user, Event::PasswordChanged).await?;
                take_everything_back(db, &act, user, None, until).await.map(Some)
            })
        })
    }

    fn change_password(
        &self,
        act: Act,
        user: UserId,
        change: PasswordChange,
    ) -> BoxFuture<'_, Result<PasswordChanged, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let PasswordChange { from, to, keep } = change;
                // The user's row first, as everywhere: two who wait for each other would wait for ever.
                let same = still_has(db, &act.realm, user, &from).await?;
                if !sessions::still_lives(db, &act, user, keep).await? {
                    return Ok(PasswordChanged::SignedOut);
                }
                if !same || !put_password(db, &act, user, &to).await? {
                    return Ok(PasswordChanged::Differs);
                }
                note(db, &act, user, Event::PasswordChanged).await?;
                take_everything_back(db, &act, user, Some(keep), until).await.map(PasswordChanged::Done)
            })
        })
    }

    fn set_user_scopes(&self, act: Act, user: UserId, scopes: Scopes) -> BoxFuture<'_, Result<bool, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let Some(was) = held(db, &act.realm, user).await? else { return Ok(false) };
                let sql = "UPDATE users SET scopes = $3 WHERE realm = $1 AND id = $2";
                db.execute(sql, values![&act.realm, user, &scopes]).await?;
                note(db, &act, user, Event::UserChanged).await?;
                take_scopes_back(db, (&act, until), &was, &scopes).await?;
                Ok(true)
            })
        })
    }

    fn change_user(&self, act: Act, was: User, profile: Profile) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                match hold(db, &act.realm, &was).await? {
                    Replaced::Done => {}
                    other @ (Replaced::Differs | Replaced::Missing) => return Ok(other),
                }
                // Nobody has proved yet that another address is theirs.
                let verified = was.email_verified && profile.email == was.email;
                let Profile { scopes, display_name, email } = profile;
                db.execute(
                    "UPDATE users SET scopes = $3, display_name = $4, email = $5, email_verified = $6 \
                     WHERE realm = $1 AND id = $2",
                    values![&act.realm, was.id, &scopes, display_name, email, verified],
                )
                .await?;
                note(db, &act, was.id, Event::UserChanged).await?;
                take_scopes_back(db, (&act, until), &was, &scopes).await?;
                Ok(Replaced::Done)
            })
        })
    }

    fn disable_user(&self, act: Act, user: UserId) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let sql = "UPDATE users SET disabled_at = coalesce(disabled_at, $3) WHERE realm = $1 AND id = $2";
                if db.execute(sql, values![&act.realm, user, act.now]).await? == 0 {
                    return Ok(None);
                }
                note(db, &act, user, Event::UserDisabled).await?;
                take_everything_back(db, &act, user, None, until).await.map(Some)
            })
        })
    }

    fn enable_user(&self, act: Act, user: UserId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let sql = "UPDATE users SET disabled_at = NULL WHERE realm = $1 AND id = $2";
                let found = db.execute(sql, values![&act.realm, user]).await? > 0;
                if found {
                    note(db, &act, user, Event::UserEnabled).await?;
                }
                Ok(found)
            })
        })
    }

    fn sign_out_everywhere(&self, act: Act, user: UserId) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                if load(db, &act.realm, user).await?.is_none() {
                    return Ok(None);
                }
                note(db, &act, user, Event::UserSignedOutEverywhere).await?;
                take_everything_back(db, &act, user, None, until).await.map(Some)
            })
        })
    }

    fn delete_user(&self, act: Act, was: User) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                match hold(db, &act.realm, &was).await? {
                    Replaced::Done => {}
                    other @ (Replaced::Differs | Replaced::Missing) => return Ok(other),
                }
                for sql in TRACES {
                    db.execute(sql, values![&act.realm, was.id]).await?;
                }
                note(db, &act, was.id, Event::UserDeleted).await?;
                feed::append(db, &act, &[Change::SubjectRevoked { subject: was.id.into() }], until).await?;
                Ok(Replaced::Done)
            })
        })
    }
}

/// Everything of a user, in the order in which it can go: whoever is referred to goes last.
const TRACES: [&str; 5] = [
    "DELETE FROM opaque_tokens WHERE realm = $1 AND grant_id IN (SELECT id FROM grants WHERE realm = $1 AND user_id = $2)",
    "DELETE FROM grants WHERE realm = $1 AND user_id = $2",
    "DELETE FROM codes WHERE realm = $1 AND user_id = $2",
    "DELETE FROM sessions WHERE realm = $1 AND user_id = $2",
    "DELETE FROM users WHERE realm = $1 AND id = $2",
];

/// Makes the row ours until this transaction is over, and reads it.
async fn held(db: &mut Connection, realm: &RealmName, id: UserId) -> Result<Option<User>, StoreError> {
    // Written, so that another administrator's change comes before or after, never in between.
    let sql = "UPDATE users SET name = name WHERE realm = $1 AND id = $2";
    db.execute(sql, values![realm, id]).await?;
    load(db, realm, id).await
}

/// The same, where it still is what somebody saw.
async fn hold(db: &mut Connection, realm: &RealmName, was: &User) -> Result<Replaced, StoreError> {
    Ok(match held(db, realm, was.id).await? {
        None => Replaced::Missing,
        Some(user) if user.is_still(was) => Replaced::Done,
        Some(_) => Replaced::Differs,
    })
}

/// The user of this id.
pub(crate) async fn load(db: &mut Connection, realm: &RealmName, id: UserId) -> Result<Option<User>, StoreError> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.realm = $1 AND u.id = $2");
    db.fetch_one(sql, values![realm, id]).await?.map(whole).transpose()
}

/// Whether an enabled user still has this password hash, and will have it until this transaction is over.
pub(crate) async fn still_has(
    db: &mut Connection,
    realm: &RealmName,
    user: UserId,
    password: &Secret<String>,
) -> Result<bool, StoreError> {
    // Written, so that the row is ours: a change of the password comes before or after, never in between.
    let sql = "UPDATE users SET password = $3 \
               WHERE realm = $1 AND id = $2 AND password = $3 AND disabled_at IS NULL";
    Ok(db.execute(sql, values![realm, user, password.expose()]).await? > 0)
}

/// Reads [`user_columns`].
pub(crate) fn user(row: &mut Columns) -> Result<User, StoreError> {
    Ok(User {
        id: row.take()?,
        name: row.take()?,
        password: Secret::new(row.take()?),
        scopes: row.take()?,
        display_name: row.take()?,
        email: row.take()?,
        email_verified: row.take()?,
        created_at: row.take()?,
        disabled_at: row.take()?,
    })
}

fn whole(row: Row) -> Result<User, StoreError> {
    user(&mut row.of("users"))
}

async fn put_password(
    db: &mut Connection,
    act: &Act,
    user: UserId,
    password: &Secret<String>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE users SET password = $3 WHERE realm = $1 AND id = $2";
    Ok(db.execute(sql, values![&act.realm, user, password.expose()]).await? > 0)
}

/// Ends all sessions and grants but those of `keep`, and refuses every token minted so far; those of `keep` too, whose
/// holder simply gets new ones.
async fn take_everything_back(
    db: &mut Connection,
    act: &Act,
    user: UserId,
    keep: Option<SessionId>,
    until: Timestamp,
) -> Result<Position, StoreError> {
    sessions::end_all_of(db, act, user, keep).await?;
    feed::append(db, act, &[Change::SubjectRevoked { subject: user.into() }], until).await
}

/// Refuses every token minted so far, where one of them may permit what its owner may not do any more. Sign-ins and grants
/// stay: what they give from now on is minted from what remains.
async fn take_scopes_back(
    db: &mut Connection,
    (act, until): (&Act, Timestamp),
    was: &User,
    scopes: &Scopes,
) -> Result<(), StoreError> {
    if !was.scopes.is_subset_of(scopes) {
        feed::append(db, act, &[Change::SubjectRevoked { subject: was.id.into() }], until).await?;
    }
    Ok(())
}

async fn note(db: &mut Connection, act: &Act, user: UserId, event: Event) -> Result<(), StoreError> {
    let mut line = act.audit(event);
    line.subject = Some(user.into());
    audit::append(db, &line).await
}
