//! The identity provider: the one room that knows credentials and sessions, and the only one that signs.
//!
//! ```text
//!   http ─────────┐                     ports (Exchange, Login, Feed, as a client of this process)
//!     pages ─► flow ─► signin ─┐          │
//!     oauth endpoints ─────────┴─► oauth ─┴─► mint ─► keys, realms
//!                                    │
//!                                  store (model's traits)  ─► feed: offered to readers before the answer
//! ```
//!
//! Not here: SQL, proxying, where configuration comes from.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use sekisho_model::opaque::TOGETHER_MAX;
use sekisho_model::realm::{CreateRealmError, NewRealm};
use sekisho_model::{Act, Realm, Store, StoreError};
use sekisho_token::Entropy;
use sekisho_token::seal::SealingKey;
use sekisho_wire::trace::Tracer;
use sekisho_wire::{Audit, ClientId, Clock, Exchange, Feed, Login, RealmName};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

mod account;
pub mod admin;
mod batch;
mod device;
mod feed;
mod flow;
mod http;
mod joint;
mod keys;
mod language;
mod look;
mod meters;
mod mint;
mod newcomers;
mod oauth;
mod observe;
mod password;
mod ports;
mod realms;
mod room;
pub mod settings;
mod signin;
mod throttle;

pub use admin::Admin;
pub use keys::{Examined, KeyTrouble, RotateError, Takeover, examine};
pub use meters::{EndpointReading, HashingReading, Readings, RealmReading, SignInEnd};
pub use oauth::redirect_uri::BadRedirectUri;
pub use settings::{
    Accent, BadAccent, BadBaseUrl, BadLogo, BadName, Limits, Logo, Name, RealmSettings, Settings, Theme,
};

use crate::feed::Hub;
use crate::feed::signed::Signed;
use crate::newcomers::Newcomers;
use crate::password::Passwords;
use crate::ports::AsClient;
use crate::realms::{RealmState, Realms};
use crate::room::Room;
use crate::settings::Base;
use crate::throttle::Throttle;

/// How often expired rows are swept, keys looked at, and memory given back.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);

/// What an identity provider is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What everything waits on.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Where lines go.
    pub audit: Arc<dyn Audit>,
    /// What begins spans, where somebody collects them.
    pub tracer: Option<Tracer>,
    /// What the operator decided.
    pub settings: Settings,
    /// The key that private keys are sealed under.
    pub seal: SealingKey,
    /// Where tasks run.
    pub handle: Handle,
}

/// A running identity provider. Its upkeep ends when it is dropped.
pub struct Identity {
    room: Arc<Room>,
    upkeep: AbortHandle,
}

/// Why identity did not start. All of it is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The public address is not one.
    #[error(transparent)]
    Base(#[from] BadBaseUrl),
    /// A realm's keys cannot be made or opened.
    #[error("realm `{realm}`: {trouble}")]
    Keys {
        /// Which.
        realm: RealmName,
        /// What is wrong.
        trouble: KeyTrouble,
    },
    /// No threads for hashing.
    #[error("no thread can be started to hash passwords: {0}")]
    Threads(#[from] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

// === impl Identity ===

impl Identity {
    /// Opens every realm that is kept or configured, and the two that always exist; makes those that are missing.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        let Parts { store, clock, entropy, audit, tracer, settings, seal, handle } = parts;
        let limits = &settings.limits;
        let room = Arc::new(Room {
            base: Base::of(&settings.base_url)?,
            passwords: Passwords::start(limits.hashing_threads, limits.hashing_queue_max, Arc::clone(&entropy))?,
            throttle: Throttle::new(Arc::clone(&clock), limits),
            verified: Cache::new(limits.verified_tokens_max),
            streams: Arc::new(Semaphore::new(limits.feed_streams_max)),
            hub: Arc::new(Hub::new(Arc::clone(&store), Arc::clone(&clock))),
            signed: Signed::new(limits.signed_entries_max),
            form_key: seal.derive("form tokens"),
            realms: Realms::default(),
            meter: meters::ListenerMeter::new(),
            clients: joint::Joint::default(),
            opaques: batch::Batch::of(TOGETHER_MAX),
            newcomers: Newcomers::default(),
            draining: watch::Sender::new(false),
            store,
            clock,
            entropy,
            audit,
            tracer,
            settings,
            seal,
            handle,
        });
        open_realms(&room).await?;
        admin::command_line::ensure(&room).await?;
        let upkeep = room.handle.spawn(keep_up(Arc::clone(&room))).abort_handle();
        Ok(Self { room, upkeep })
    }

    /// Every endpoint and page, below `/realms/{realm}` and `/.well-known`.
    pub fn router(&self) -> http::Router {
        http::router(Arc::clone(&self.room))
    }

    /// The feed of every realm.
    #[must_use]
    pub fn feed(&self) -> Arc<dyn Feed> {
        Arc::clone(&self.room.hub) as _
    }

    /// Credentials for credentials, with the rights of this client.
    #[must_use]
    pub fn exchange(&self, client: ClientId) -> Arc<dyn Exchange> {
        Arc::new(AsClient::new(Arc::clone(&self.room), client))
    }

    /// First-party login, with the rights of this client.
    #[must_use]
    pub fn login(&self, client: ClientId) -> Arc<dyn Login> {
        Arc::new(AsClient::new(Arc::clone(&self.room), client))
    }

    /// Administration.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::of(Arc::clone(&self.room))
    }

    /// What was counted so far, and what is known now. Asks nobody: a scrape must not wait for the database.
    #[must_use]
    pub fn readings(&self) -> Readings {
        meters::read(&self.room)
    }

    /// Ends the feed's streams, which would otherwise keep their connections open for ever.
    pub fn drain(&self) {
        self.room.draining.send_replace(true);
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.room)
    }
}

async fn open_realms(room: &Room) -> Result<(), OpenError> {
    let kept = room.store.realms().await?.into_iter().map(|realm| realm.name);
    let always = [RealmName::SYSTEM, RealmName::DEFAULT].into_iter().filter_map(|name| name.parse().ok());
    let mut names: Vec<RealmName> = kept.chain(room.settings.realms.keys().cloned()).chain(always).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let opened = open_realm(room, Act::by_house(name.clone(), room.now())).await;
        let (state, _) = opened.map_err(|trouble| OpenError::Keys { realm: name.clone(), trouble })?;
        room.realms.put(&state);
    }
    Ok(())
}

/// Who made a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Us,
    /// Before we did, or meanwhile.
    Another,
}

/// Opens the realm of the act, which makes it where it is missing. Nobody knows of it yet.
async fn open_realm(room: &Room, act: Act) -> Result<(Arc<RealmState>, Maker), KeyTrouble> {
    let name = act.realm.clone();
    let maker = match room.store.realm(&name).await? {
        Some(_) => Maker::Another,
        None => make_realm(room, act).await?,
    };
    let row = room.store.realm(&name).await?.ok_or_else(|| StoreError::NoRealm(name.to_string()))?;
    Ok((open_kept(room, &row).await?, maker))
}

async fn make_realm(room: &Room, act: Act) -> Result<Maker, KeyTrouble> {
    let refresh_key_sealed = keys::make_refresh_key(&room.seal, &act.realm, &*room.entropy)?;
    let key = keys::make(room, &act.realm, room.settings.of_realm(&act.realm), act.now).await?;
    match room.store.create_realm(act, NewRealm { refresh_key_sealed, key }).await {
        Ok(_) => Ok(Maker::Us),
        // Theirs counts.
        Err(CreateRealmError::Exists(_)) => Ok(Maker::Another),
        Err(CreateRealmError::Store(error)) => Err(error.into()),
    }
}

/// Opens a realm that is kept. Nobody knows of it yet.
async fn open_kept(room: &Room, row: &Realm) -> Result<Arc<RealmState>, KeyTrouble> {
    let (issuer, settings) = (row.name.issuer(&room.base.url), room.settings.of_realm(&row.name).clone());
    let state = Arc::new(RealmState::open(row, issuer, settings, &room.seal)?);
    keys::reload(room, &state).await?;
    // From here on what is committed can be offered entry by entry.
    room.hub.settle(&row.name).await.map_err(StoreError::from)?;
    Ok(state)
}

/// What other processes wrote to the same database: their revocations for the readers of this one, their keys for its ring.
async fn catch_up(room: &Room) {
    for realm in room.realms.all() {
        if let Err(error) = room.hub.settle(&realm.name).await {
            tracing::debug!(realm = %realm.name, %error, "what is new in the feed could not be read");
            continue;
        }
        if room.hub.keys_changed_at(&realm.name) > realm.ring_at()
            && let Err(error) = keys::reload(room, &realm).await
        {
            tracing::error!(realm = %realm.name, %error, "the signing keys could not be read again");
        }
    }
}

/// Follows other processes; sweeps, rotates keys that are due, forgets revocations, gives memory back.
async fn keep_up(room: Arc<Room>) {
    loop {
        let next = room.clock.monotonic().plus(UPKEEP_EVERY);
        loop {
            tokio::select! {
                () = room.clock.sleep_until(next) => break,
                () = room.hub.behind() => catch_up(&room).await,
            }
        }
        // Also where no reader asked.
        catch_up(&room).await;
        if let Err(error) = room.realms_by_now().await {
            tracing::debug!(%error, "which realms there are could not be read");
        }
        let (now, rows_max) = (room.now(), room.settings.limits.sweep_rows_max);
        while let Ok(swept) = room.store.sweep(now, rows_max).await {
            if swept < rows_max {
                break;
            }
        }
        for realm in room.realms.all() {
            if keys::is_due(&realm, now)
                && let Err(error) =
                    keys::rotate(&room, &realm, Takeover::AfterLead, Act::by_house(realm.name.clone(), now)).await
            {
                tracing::error!(realm = %realm.name, %error, "the next signing key could not be published");
            }
        }
        room.hub.forget();
        room.passwords.rest();
    }
}
