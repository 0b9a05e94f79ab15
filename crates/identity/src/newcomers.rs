//! Realms that another process made in the same database: they are opened when somebody asks for one, and by the upkeep.
//!
//! Whoever asks for what nobody made could cause work at the database each time. So strangers cause one look a second at
//! most, for all of them together; and a look opens every realm that is new, so that none can be kept out by asking for
//! others. An administrator has shown who they are, and does not wait for the next second.
//!
//! Not here: what opening a realm takes (`open_kept`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sekisho_wire::{Monotonic, RealmName, Unavailable};

use crate::open_kept;
use crate::realms::RealmState;
use crate::room::{Room, unavailable};

/// How long strangers are answered by what the last look found.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The last look, held while the next one is taken.
#[derive(Debug, Default)]
pub(crate) struct Newcomers(tokio::sync::Mutex<Option<Looked>>);

/// What the database said.
#[derive(Debug)]
struct Looked {
    /// When it was over: of those who waited for a database that hangs, none begins to wait anew.
    over_at: Monotonic,
    found: Result<Found, Unavailable>,
}

#[derive(Debug, Default)]
struct Found {
    /// Every realm.
    names: Vec<RealmName>,
    /// Those that cannot be opened here.
    shut: BTreeSet<RealmName>,
}

// === impl Room ===

impl Room {
    /// The realm of this name. That there is none is known by a look of the last second.
    pub(crate) async fn realm(&self, name: &str) -> Result<Option<Arc<RealmState>>, Unavailable> {
        if let Some(realm) = self.realms.get(name) {
            return Ok(Some(realm));
        }
        let Ok(name) = name.parse::<RealmName>() else { return Ok(None) };
        let mut last = self.newcomers.0.lock().await;
        let due = |last: &Looked| self.clock.monotonic() >= last.over_at.plus(LOOK_EVERY);
        if let Some(looked) = last.as_ref().filter(|looked| !due(looked)) {
            return looked.realm(self, &name);
        }
        // Counts although whoever asks may go away before it is over, else each of them would cause another.
        last.get_or_insert_with(Looked::unknown).over_at = self.clock.monotonic();
        last.insert(look(self).await).realm(self, &name)
    }

    /// The realm of this name, for somebody who may cause a look each time.
    pub(crate) async fn realm_by_now(&self, name: &RealmName) -> Result<Option<Arc<RealmState>>, Unavailable> {
        if let Some(realm) = self.realms.get(name.as_str()) {
            return Ok(Some(realm));
        }
        let mut last = self.newcomers.0.lock().await;
        last.insert(look(self).await).realm(self, name)
    }

    /// Opens what is new, and names every realm that is open and still in the database.
    pub(crate) async fn realms_by_now(&self) -> Result<Vec<RealmName>, Unavailable> {
        let mut last = self.newcomers.0.lock().await;
        let Found { names, shut } = last.insert(look(self).await).found.as_ref().map_err(|error| *error)?;
        Ok(names.iter().filter(|name| !shut.contains(*name)).cloned().collect())
    }
}

// === impl Looked ===

impl Looked {
    /// Before the first look is over nobody can tell.
    fn unknown() -> Self {
        Self { over_at: Monotonic::default(), found: Err(Unavailable::of("store")) }
    }

    fn realm(&self, room: &Room, name: &RealmName) -> Result<Option<Arc<RealmState>>, Unavailable> {
        if let Some(realm) = room.realms.get(name.as_str()) {
            return Ok(Some(realm));
        }
        match &self.found {
            Ok(found) if found.shut.contains(name) => Err(Unavailable::of("keys")),
            Ok(_) => Ok(None),
            // Whether there is one cannot be told.
            Err(error) => Err(*error),
        }
    }
}

async fn look(room: &Room) -> Looked {
    let found = open_new(room).await;
    Looked { over_at: room.clock.monotonic(), found }
}

async fn open_new(room: &Room) -> Result<Found, Unavailable> {
    let mut found = Found::default();
    for row in room.store.realms().await.map_err(unavailable)? {
        if room.realms.get(row.name.as_str()).is_none() {
            match open_kept(room, &row).await {
                Ok(realm) => {
                    room.realms.put(&realm);
                    tracing::info!(realm = %row.name, "a realm that another process made is open");
                }
                Err(error) => {
                    tracing::error!(realm = %row.name, %error, "a realm that another process made cannot be opened");
                    found.shut.insert(row.name.clone());
                }
            }
        }
        found.names.push(row.name);
    }
    Ok(found)
}
