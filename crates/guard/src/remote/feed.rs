//! The feed over HTTP: head, entries and snapshots by question, wake-ups by a stream of server-sent events.
//!
//! Everything that revokes is signed by the issuer and checked here; the hash chain is checked where entries are applied.
//! The stream only makes readers quick: it is asked anew whenever it breaks, and nobody relies on it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};
use sekisho_fetch::Request;
use sekisho_token::jws::Typ;
use sekisho_wire::feed::{
    After, ENTRY_BYTES_MAX, ENTRY_TYP, Entry, Envelope, Head, PAGE_ENTRIES_MAX, Reader, SNAPSHOT_BYTES_MAX,
    SNAPSHOT_TYP, Snapshot,
};
use sekisho_wire::{BoxFuture, Feed, Position, RealmName, Unavailable};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::events::{Event, Events};
use super::trust::Trust;
use super::{Failure, RemoteIdentity};

/// The longest page of entries, in bytes. An ordinary entry has under 1 KiB.
const PAGE_BYTES_MAX: usize = 16 << 20;
/// How long a snapshot may take; the follower has its own deadline.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(30);
/// The pause before a broken stream is asked for anew; doubled each time nothing came.
const RECONNECT_MIN: Duration = Duration::from_millis(500);
/// The longest such pause.
const RECONNECT_MAX: Duration = Duration::from_secs(30);

/// A realm's feed at its issuer. The stream ends when this is dropped.
#[derive(Debug)]
pub struct RemoteFeed {
    shared: Arc<Shared>,
    stream: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct Shared {
    identity: RemoteIdentity,
    trust: Trust,
    readers: Mutex<Vec<Weak<dyn Reader>>>,
    /// Up to where something was read: where the stream begins.
    read: Mutex<Option<Position>>,
    first_read: Notify,
}

#[derive(Deserialize)]
struct SignedSnapshot {
    signed: String,
}

#[derive(Deserialize)]
struct SignedEnvelope {
    prev: Position,
    signed: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    entries: Vec<SignedEnvelope>,
    #[serde(default)]
    resnapshot: bool,
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// After it had brought something.
    Used,
    /// Without.
    Unused,
}

// === impl RemoteFeed ===

impl RemoteFeed {
    pub(super) fn new(identity: RemoteIdentity) -> Self {
        let shared = Shared {
            identity,
            trust: Trust::default(),
            readers: Mutex::default(),
            read: Mutex::new(None),
            first_read: Notify::new(),
        };
        Self { shared: Arc::new(shared), stream: Mutex::new(None) }
    }
}

impl Feed for RemoteFeed {
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, Unavailable>> {
        Box::pin(async move {
            let identity = &self.shared.identity;
            identity.same_realm(realm)?;
            Ok(identity.get(Request::get(identity.address("/feed/head"))).await?)
        })
    }

    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, Unavailable>> {
        Box::pin(async move {
            let identity = &self.shared.identity;
            identity.same_realm(realm)?;
            let request = Request::get(self.shared.after(position)).response_bytes_max(PAGE_BYTES_MAX);
            let page: Page = identity.get(request).await?;
            if page.resnapshot {
                return Ok(After::Resnapshot);
            }
            let mut entries = Vec::with_capacity(page.entries.len().min(PAGE_ENTRIES_MAX));
            for signed in page.entries {
                entries.push(self.shared.open(signed).await?);
            }
            self.shared.read_up_to(entries.last().map_or(position, |last| last.entry.position));
            Ok(After::Entries(entries))
        })
    }

    fn snapshot<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Snapshot, Unavailable>> {
        Box::pin(async move {
            let identity = &self.shared.identity;
            identity.same_realm(realm)?;
            let request = Request::get(identity.address("/feed/snapshot"))
                .response_bytes_max(SNAPSHOT_BYTES_MAX)
                .deadline(SNAPSHOT_DEADLINE);
            let SignedSnapshot { signed } = identity.get(request).await?;
            let typ = Typ::OneOf(&[SNAPSHOT_TYP]);
            let opened = self.shared.trust.open(identity, &signed, typ, SNAPSHOT_BYTES_MAX).await?;
            let snapshot: Snapshot = read(opened.payload())?;
            self.shared.trust.learn_snapshot(&snapshot);
            self.shared.read_up_to(snapshot.head.position);
            Ok(snapshot)
        })
    }

    fn attach(&self, realm: &RealmName, reader: Weak<dyn Reader>) {
        if self.shared.identity.same_realm(realm).is_err() {
            return;
        }
        self.shared.readers().push(reader);
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if stream.as_ref().is_none_or(AbortHandle::is_finished) {
            let task = self.shared.identity.handle().spawn(Arc::clone(&self.shared).run());
            *stream = Some(task.abort_handle());
        }
    }
}

impl Drop for RemoteFeed {
    fn drop(&mut self) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.iter().for_each(AbortHandle::abort);
    }
}

// === impl Shared ===

impl Shared {
    /// Keeps a stream open while there are readers.
    async fn run(self: Arc<Self>) {
        let mut pause = RECONNECT_MIN;
        while self.has_readers() {
            let position = self.first_position().await;
            pause = match self.listen(position).await {
                Ended::Used => RECONNECT_MIN,
                Ended::Unused => (pause * 2).min(RECONNECT_MAX),
            };
            let clock = self.identity.clock();
            clock.sleep_until(clock.monotonic().plus(pause)).await;
        }
    }

    async fn first_position(&self) -> Position {
        loop {
            let read = self.first_read.notified();
            if let Some(position) = *self.read() {
                return position;
            }
            read.await;
        }
    }

    /// One stream, up to its end.
    async fn listen(&self, position: Position) -> Ended {
        let request = self.identity.authenticated(Request::get(self.after(position)));
        let request = request.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let mut body = match self.identity.http().stream(request).await {
            Ok(response) if response.status() == StatusCode::OK => response.into_body(),
            Ok(response) => {
                tracing::debug!(identity = ?self.identity, status = %response.status(), "no stream of the feed");
                return Ended::Unused;
            }
            Err(error) => {
                tracing::debug!(identity = ?self.identity, %error, "no stream of the feed");
                return Ended::Unused;
            }
        };
        let (mut events, mut ended) = (Events::default(), Ended::Unused);
        while let Ok(Some(part)) = body.chunk().await {
            let Ok(whole) = events.push(&part) else { return ended };
            for event in whole {
                if self.pass_on(&event).await.is_err() {
                    return ended;
                }
                ended = Ended::Used;
            }
        }
        ended
    }

    /// Hands an event to the readers; an error ends the stream.
    async fn pass_on(&self, event: &Event) -> Result<(), Unavailable> {
        if event.name != "entry" {
            // `resnapshot`, or something newer than us: the next head will show what is missing.
            return Err(Unavailable::of("feed"));
        }
        let envelope = self.open(read(event.data.as_bytes())?).await?;
        self.read_up_to(envelope.entry.position);
        let readers = self.readers().clone();
        readers.iter().filter_map(Weak::upgrade).for_each(|reader| reader.offer(std::slice::from_ref(&envelope)));
        if self.has_readers() { Ok(()) } else { Err(Unavailable::of("feed")) }
    }

    async fn open(&self, envelope: SignedEnvelope) -> Result<Envelope, Unavailable> {
        let SignedEnvelope { prev, signed } = envelope;
        let opened = self.trust.open(&self.identity, &signed, Typ::OneOf(&[ENTRY_TYP]), ENTRY_BYTES_MAX).await?;
        let entry: Entry = read(opened.payload())?;
        self.trust.learn_entry(&entry);
        Ok(Envelope { prev, entry })
    }

    fn after(&self, position: Position) -> url::Url {
        let mut url = self.identity.address("/feed");
        url.set_query(Some(&format!("after={position}")));
        url
    }

    fn read_up_to(&self, position: Position) {
        // Set, not raised: after a new epoch or a snapshot the stream begins where that one ended.
        *self.read() = Some(position);
        self.first_read.notify_waiters();
    }

    fn has_readers(&self) -> bool {
        let mut readers = self.readers();
        readers.retain(|reader| reader.strong_count() > 0);
        !readers.is_empty()
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Weak<dyn Reader>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> MutexGuard<'_, Option<Position>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Unavailable ===

impl From<Failure> for Unavailable {
    /// The feed knows one error. What the operator must act on was logged where it was found.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(unavailable) => unavailable,
            Failure::Throttled { retry_after_s } => Self { what: "feed", retry_after_s: Some(retry_after_s) },
            Failure::Misconfigured(_) => Self::of("feed (identity refuses this client)"),
            Failure::Refused(_) => Self::of("feed"),
        }
    }
}

fn read<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, Unavailable> {
    serde_json::from_slice(json).map_err(|error| {
        tracing::error!(%error, "the feed cannot be read");
        Unavailable::of("feed")
    })
}
