//! Where a reader stands in a realm's feed.
//!
//! A [`Revision`] counts transactions within an [`Epoch`]; a restore from backup or a failover that may have lost commits
//! starts a new epoch. Positions are always compared epoch first, so nothing written before a restore can look newer
//! than what came after it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One continuous life of a realm's feed: max(previous + 1, unix seconds) when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// How many transactions of this epoch changed what may be accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A point in a realm's feed, written `EPOCH.REVISION`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Compared first.
    pub epoch: Epoch,
    /// Compared second.
    pub revision: Revision,
}

/// A text is not `EPOCH.REVISION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position in the feed: expected `EPOCH.REVISION`, two decimal numbers")]
pub struct MalformedPosition;

// === impl Position ===

impl Position {
    /// The position `revision` of `epoch`.
    #[must_use]
    pub const fn new(epoch: u64, revision: u64) -> Self {
        Self { epoch: Epoch(epoch), revision: Revision(revision) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.revision.0)
    }
}

impl FromStr for Position {
    type Err = MalformedPosition;

    fn from_str(text: &str) -> Result<Self, MalformedPosition> {
        let (epoch, revision) = text.split_once('.').ok_or(MalformedPosition)?;
        let position = Self::new(number(epoch)?, number(revision)?);
        if position.to_string() == text { Ok(position) } else { Err(MalformedPosition) }
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn number(text: &str) -> Result<u64, MalformedPosition> {
    text.parse().map_err(|_| MalformedPosition)
}

#[cfg(test)]
mod tests;
