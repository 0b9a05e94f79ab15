//! The feed: one ordered log of [`Change`]s per realm, and the port through which readers follow it.
//!
//! What may be accepted is a fold over this log. A reader loads a [`Snapshot`], then applies each [`Entry`] in order; an
//! [`Envelope`] names the position it follows, so a reader that missed one knows and catches up. Freshness is not
//! carried by entries: it is a lease that a reader takes by asking for the [`Head`] (see [`Feed::head`]).
//!
//! Over HTTP, identity signs entries and snapshots as JWS (RFC 7515) with the types below; the envelope around them is
//! unsigned because each hop writes its own.

use std::fmt;
use std::sync::Weak;

use sekisho_token::{Digest, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::change::PublishedKey;
use crate::{BoxFuture, Change, Position, RealmName, Unavailable};

/// `typ` of a signed [`Entry`].
pub const ENTRY_TYP: &str = "sekisho-feed-entry+jws";
/// `typ` of a signed [`Snapshot`].
pub const SNAPSHOT_TYP: &str = "sekisho-feed-snapshot+jws";
/// The longest signed entry a reader accepts, in bytes.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;
/// The longest signed snapshot a reader accepts, in bytes.
pub const SNAPSHOT_BYTES_MAX: usize = 256 << 20;
/// The most entries one [`Feed::after`] returns; a reader asks again until there are none.
pub const PAGE_ENTRIES_MAX: usize = 1000;

/// A link of the hash chain: SHA-256 over the previous link and the entry, lower-case hex on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash(pub Digest);

/// One transaction's changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands in the realm's log.
    pub position: Position,
    /// What changed; never empty.
    pub changes: Vec<Change>,
    /// When the longest-lived token that these changes can hit has expired; readers may then forget them.
    pub until: Timestamp,
    /// This entry's link of the hash chain.
    pub hash: ChainHash,
}

/// An entry as one hop sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The last position that was sent on this stream, or asked for with `after`.
    pub prev: Position,
    /// What is sent.
    pub entry: Entry,
}

/// The newest position of a realm, read from the primary after the question arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The newest position.
    pub position: Position,
    /// The newest link of the hash chain.
    pub hash: ChainHash,
}

/// A change that still matters, and where in the log it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The change.
    pub change: Change,
    /// The position of the entry that carries it.
    pub at: Position,
    /// When it may be forgotten.
    pub until: Timestamp,
}

/// Everything a reader needs to start: the fold of the log up to a position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose it is; a signed snapshot of another realm is refused.
    pub realm: RealmName,
    /// Up to where it is folded.
    pub head: Head,
    /// Every key that is coming, signing or retiring.
    pub keys: Vec<PublishedKey>,
    /// Every revocation whose `until` lies ahead, oldest first.
    pub standing: Vec<Standing>,
}

/// What follows a position.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// The entries in order, at most [`PAGE_ENTRIES_MAX`]; empty when the position is the head.
    Entries(Vec<Envelope>),
    /// The position is of another epoch, ahead of the head, or trimmed away: load a snapshot.
    Resnapshot,
}

/// A reader inside this process: it is handed each entry in the commit's wake, before the commit is answered.
pub trait Reader: Send + Sync + fmt::Debug {
    /// Applies `envelopes` before it returns, or, where they do not follow what it has applied, stops trusting what it
    /// knows until it has caught up.
    fn offer(&self, envelopes: &[Envelope]);

    /// Stops trusting what it knows until it has caught up: something was committed that cannot be offered entry by
    /// entry, because the log began anew or was trimmed.
    fn distrust(&self);
}

/// A realm's feed. Answered by identity; asked by everything that enforces.
pub trait Feed: Send + Sync + fmt::Debug {
    /// The newest position. The answering node reads it from the primary *after* the question arrived, or fails; that is
    /// what makes "I have applied this head" a proof of freshness as of the moment the question was sent.
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, Unavailable>>;

    /// The entries after `position`.
    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, Unavailable>>;

    /// The fold up to now.
    fn snapshot<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Snapshot, Unavailable>>;

    /// Hands entries to `reader` as they appear, until it is dropped. A convenience for speed: a reader that is never
    /// offered anything is still right, because it asks for the head.
    fn attach(&self, realm: &RealmName, reader: Weak<dyn Reader>);
}

// === impl ChainHash ===

impl ChainHash {
    /// The link before a realm's first entry.
    #[must_use]
    pub fn genesis(realm: &RealmName) -> Self {
        Self(Digest::of(format!("sekisho feed of {realm}").as_bytes()))
    }

    /// The link of an entry that follows `self`.
    ///
    /// What is hashed is the previous link, then the JSON of position, time and changes in this order.
    #[must_use]
    pub fn next(&self, position: Position, until: Timestamp, changes: &[Change]) -> Self {
        let mut bytes = self.0.0.to_vec();
        #[expect(clippy::expect_used, reason = "these types have no map with non-string keys, the one way JSON fails")]
        serde_json::to_writer(&mut bytes, &(position, until, changes)).expect("changes serialise");
        Self(Digest::of(&bytes))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = hex(&text).ok_or_else(|| serde::de::Error::custom("expected 64 lower-case hex digits"))?;
        Ok(Self(Digest(bytes)))
    }
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 64 || !lower {
        return None;
    }
    let mut out = [0; 32];
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests;
