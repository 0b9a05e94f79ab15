//! OAuth clients.
//!
//! A client's two secrets are two pairs of columns: a third cannot be there, and replacing one is a single statement.

use sekisho_model::client::{ClientSecret, Clients, CreateClientError, NewClient, Registration};
use sekisho_model::{Act, Client, Replaced, StoreError};
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{BoxFuture, Change, ClientId, Position, RealmName};

use crate::connection::Connection;
use crate::row::{Columns, Row};
use crate::store::SqlStore;
use crate::value::{Value, values};
use crate::{LIST_ROWS_MAX, audit, feed, realms, sessions};

/// What [`client`] reads, from `clients c`.
macro_rules! client_columns {
    () => {
        "c.id, c.registration, c.secret, c.secret_at, c.previous_secret, c.previous_secret_at, c.created_at, c.disabled_at"
    };
}

// === impl Clients ===

impl Clients for SqlStore {
    fn create_client(&self, act: Act, client: NewClient) -> BoxFuture<'_, Result<(), CreateClientError>> {
        self.write(move |db| {
            Box::pin(async move {
                realms::demand(db, &act.realm).await?;
                let registration = Value::json(&client.registration, "clients")?;
                let made = db
                    .execute(
                        "INSERT INTO clients (realm, id, registration, secret, secret_at, created_at) \
                         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                        values![
                            &act.realm,
                            &client.id,
                            registration,
                            client.secret,
                            client.secret.map(|_| act.now),
                            act.now,
                        ],
                    )
                    .await?;
                if made == 0 {
                    return Err(CreateClientError::Exists(client.id));
                }
                Ok(note(db, &act, &client.id, Event::ClientCreated).await?)
            })
        })
    }

    fn client<'a>(
        &'a self,
        realm: &'a RealmName,
        id: &'a ClientId,
    ) -> BoxFuture<'a, Result<Option<(Position, Client)>, StoreError>> {
        let (realm, id) = (realm.clone(), id.clone());
        self.look(move |db| {
            Box::pin(async move {
                // One statement sees one state, so the position is as old as the client at the latest.
                let sql = concat!(
                    "SELECT h.epoch, h.revision, ",
                    client_columns!(),
                    " FROM heads h JOIN clients c ON c.realm = h.realm WHERE h.realm = $1 AND c.id = $2"
                );
                let Some(row) = db.fetch_one(sql, values![&realm, &id]).await? else { return Ok(None) };
                let mut row = row.of("heads");
                let position = row.position()?;
                row.go_on_with("clients");
                Ok(Some((position, client(&mut row)?)))
            })
        })
    }

    fn clients<'a>(
        &'a self,
        realm: &'a RealmName,
        after: Option<&'a ClientId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Client>, StoreError>> {
        let (realm, after) = (realm.clone(), after.map_or_else(String::new, ToString::to_string));
        self.look(move |db| {
            Box::pin(async move {
                let sql = concat!(
                    "SELECT ",
                    client_columns!(),
                    " FROM clients c WHERE c.realm = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"
                );
                let rows = db.fetch(sql, values![&realm, after, limit.min(LIST_ROWS_MAX)]).await?;
                rows.into_iter().map(|row: Row| client(&mut row.of("clients"))).collect()
            })
        })
    }

    fn replace_client(
        &self,
        act: Act,
        was: Client,
        registration: Registration,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                match hold(db, &act.realm, &was).await? {
                    Replaced::Done => {}
                    other @ (Replaced::Differs | Replaced::Missing) => return Ok(other),
                }
                register(db, (&act, until), &was, &registration).await?;
                Ok(Replaced::Done)
            })
        })
    }

    fn update_client(
        &self,
        act: Act,
        client: ClientId,
        registration: Registration,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let Some(was) = held(db, &act.realm, &client).await? else { return Ok(false) };
                register(db, (&act, until), &was, &registration).await?;
                Ok(true)
            })
        })
    }

    fn add_client_secret(&self, act: Act, was: Client, secret: Digest) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                match held(db, &act.realm, &was.id).await? {
                    None => return Ok(Replaced::Missing),
                    Some(client) if client.secrets == was.secrets => {}
                    Some(_) => return Ok(Replaced::Differs),
                }
                let sql = "UPDATE clients SET previous_secret = secret, previous_secret_at = secret_at, \
                           secret = $3, secret_at = $4 WHERE realm = $1 AND id = $2";
                db.execute(sql, values![&act.realm, &was.id, secret, act.now]).await?;
                note(db, &act, &was.id, Event::ClientSecretRotated).await?;
                Ok(Replaced::Done)
            })
        })
    }

    fn disable_client(&self, act: Act, client: ClientId) -> BoxFuture<'_, Result<Option<Position>, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                let sql = "UPDATE clients SET disabled_at = coalesce(disabled_at, $3) WHERE realm = $1 AND id = $2";
                if db.execute(sql, values![&act.realm, &client, act.now]).await? == 0 {
                    return Ok(None);
                }
                sessions::end_all_through(db, &act, &client).await?;
                note(db, &act, &client, Event::ClientDisabled).await?;
                feed::append(db, &act, &[Change::ClientRevoked { client }], until).await.map(Some)
            })
        })
    }

    fn enable_client(&self, act: Act, client: ClientId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |db| {
            Box::pin(async move {
                let sql = "UPDATE clients SET disabled_at = NULL WHERE realm = $1 AND id = $2";
                let found = db.execute(sql, values![&act.realm, &client]).await? > 0;
                if found {
                    note(db, &act, &client, Event::ClientEnabled).await?;
                }
                Ok(found)
            })
        })
    }

    fn delete_client(&self, act: Act, was: Client) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        let until = self.until(&act);
        self.write(move |db| {
            Box::pin(async move {
                match hold(db, &act.realm, &was).await? {
                    Replaced::Done => {}
                    other @ (Replaced::Differs | Replaced::Missing) => return Ok(other),
                }
                for sql in TRACES {
                    db.execute(sql, values![&act.realm, &was.id]).await?;
                }
                note(db, &act, &was.id, Event::ClientDeleted).await?;
                feed::append(db, &act, &[Change::ClientRevoked { client: was.id }], until).await?;
                Ok(Replaced::Done)
            })
        })
    }
}

/// Everything of a client, in the order in which it can go. Sign-ins that exist for it alone go with their grants, which
/// are its grants.
const TRACES: [&str; 5] = [
    "DELETE FROM opaque_tokens WHERE realm = $1 AND grant_id IN (SELECT id FROM grants WHERE realm = $1 AND client = $2)",
    "DELETE FROM grants WHERE realm = $1 AND client = $2",
    "DELETE FROM codes WHERE realm = $1 AND client = $2",
    "DELETE FROM sessions WHERE realm = $1 AND client = $2",
    "DELETE FROM clients WHERE realm = $1 AND id = $2",
];

/// Makes the row ours until this transaction is over, and reads it.
async fn held(db: &mut Connection, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
    // Written, so that another administrator's change comes before or after, never in between.
    let sql = "UPDATE clients SET id = id WHERE realm = $1 AND id = $2";
    db.execute(sql, values![realm, id]).await?;
    let sql = concat!("SELECT ", client_columns!(), " FROM clients c WHERE c.realm = $1 AND c.id = $2");
    let row = db.fetch_one(sql, values![realm, id]).await?;
    row.map(|row| client(&mut row.of("clients"))).transpose()
}

/// The same, where it still is what somebody saw.
async fn hold(db: &mut Connection, realm: &RealmName, was: &Client) -> Result<Replaced, StoreError> {
    Ok(match held(db, realm, &was.id).await? {
        None => Replaced::Missing,
        Some(client) if client.is_still(was) => Replaced::Done,
        Some(_) => Replaced::Differs,
    })
}

/// Whether a client may do nothing more.
pub(crate) async fn is_disabled(db: &mut Connection, realm: &RealmName, id: &ClientId) -> Result<bool, StoreError> {
    let sql = "SELECT disabled_at FROM clients WHERE realm = $1 AND id = $2 AND disabled_at IS NOT NULL";
    Ok(db.fetch_one(sql, values![realm, id]).await?.is_some())
}

/// Registers a client that is held anew. What is taken from it is taken from its tokens too.
async fn register(
    db: &mut Connection,
    (act, until): (&Act, Timestamp),
    was: &Client,
    registration: &Registration,
) -> Result<(), StoreError> {
    let sql = "UPDATE clients SET registration = $3 WHERE realm = $1 AND id = $2";
    db.execute(sql, values![&act.realm, &was.id, Value::json(registration, "clients")?]).await?;
    note(db, act, &was.id, Event::ClientChanged).await?;
    if registration.takes_from(&was.registration) {
        feed::append(db, act, &[Change::ClientRevoked { client: was.id.clone() }], until).await?;
    }
    Ok(())
}

fn client(row: &mut Columns) -> Result<Client, StoreError> {
    Ok(Client {
        id: row.take()?,
        registration: row.json()?,
        secrets: [secret(row)?, secret(row)?].into_iter().flatten().collect(),
        created_at: row.take()?,
        disabled_at: row.take()?,
    })
}

fn secret(row: &mut Columns) -> Result<Option<ClientSecret>, StoreError> {
    let (digest, created_at): (Option<Digest>, Option<Timestamp>) = (row.take()?, row.take()?);
    match (digest, created_at) {
        (Some(digest), Some(created_at)) => Ok(Some(ClientSecret { digest, created_at })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(row.damaged("half a secret")),
    }
}

/// The line's `client` is who acted; the one that it was done to is the subject.
async fn note(db: &mut Connection, act: &Act, client: &ClientId, event: Event) -> Result<(), StoreError> {
    let mut line = act.audit(event);
    line.subject = Some(client.into());
    audit::append(db, &line).await
}
