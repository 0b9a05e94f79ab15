//! How old knowledge of revocations may be where it is used, and what happens beyond.

use std::time::Duration;

use sekisho_guard::Follower;
use sekisho_wire::Reason;

use crate::config::OnStale;
use crate::refusal::Refused;

/// A route's terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) max_staleness: Duration,
    pub(crate) on_stale: OnStale,
}

/// How a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What is known is fresh enough, or the route serves on what is known.
    Good,
    /// Somebody has to be asked.
    Ask,
}

// === impl Lease ===

impl Lease {
    /// How the lease stands now.
    pub(crate) fn standing(&self, follower: &Follower) -> Result<Standing, Refused> {
        if follower.age() <= self.max_staleness {
            return Ok(Standing::Good);
        }
        match self.on_stale {
            OnStale::Serve => Ok(Standing::Good),
            OnStale::Ask => Ok(Standing::Ask),
            OnStale::Deny => Err(stale(follower)),
        }
    }

    /// Whether what is known is older than the route permits, whatever it does then.
    pub(crate) fn is_over(&self, follower: &Follower) -> bool {
        follower.age() > self.max_staleness
    }
}

/// The refusal of whoever depends on knowledge that is too old. Before the first snapshot it is the keys that are
/// missing, and that has another cause.
pub(crate) fn stale(follower: &Follower) -> Refused {
    if follower.ready() { Reason::FeedStale.into() } else { Reason::KeysUnavailable.into() }
}
