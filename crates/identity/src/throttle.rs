//! How often somebody may try: per account, per address, per client and address.
//!
//! A try counts when it begins, not when it has failed, so that fifty at once are fifty. After the free ones each failure
//! doubles the wait, up to a limit that is minutes: nobody can lock somebody else out for good. Names that nobody has are
//! counted like the others, so that the wait tells nothing. What is remembered is bounded; what is least used goes first.
//!
//! Not here: what a try is (`signin`, `oauth::client_auth`).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::unsync::Cache;
use sekisho_token::Digest;
use sekisho_wire::{Clock, Monotonic, RealmName};

use crate::settings::Limits;

/// Failures are forgotten when there was none for this long.
const MEMORY: Duration = Duration::from_secs(15 * 60);

/// Over what time the logins that begin from an address are counted.
const FLOWS_PERIOD: Duration = Duration::from_secs(60);

/// Whose tries are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// A user's name as typed, in a realm; its digest, so that an entry has one size.
    Account(Digest),
    /// An address; of IPv6 the network, because one customer has 2⁶⁴ of them.
    Address(IpAddr),
    /// A client that is asked for from an address.
    Client(Digest),
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    failures: u32,
    last: Monotonic,
    blocked_until: Monotonic,
    /// What `blocked_until` was before the last try.
    before: Monotonic,
}

/// Too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts: try again in {retry_after_s} s")]
pub(crate) struct Throttled {
    pub(crate) retry_after_s: u32,
}

/// How many logins began from an address since a moment.
#[derive(Clone, Copy, Debug)]
struct Begun {
    since: Monotonic,
    count: u32,
}

/// Counts tries.
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    limits: Limits,
    /// Accounts and addresses.
    counts: Mutex<Cache<Who, Count>>,
    /// Clients, apart: whoever asks for many that do not exist must not push out what is known of accounts.
    clients: Mutex<Cache<Who, Count>>,
    flows: Mutex<Cache<IpAddr, Begun>>,
}

/// A try that was let in, and counts as a failure until it is told otherwise.
#[derive(Debug)]
pub(crate) struct Try {
    account: Who,
    address: Option<Who>,
    began: Monotonic,
}

// === impl Throttle ===

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        Self {
            clock,
            limits: limits.clone(),
            counts: Mutex::new(Cache::new(limits.throttled_max)),
            clients: Mutex::new(Cache::new(limits.throttled_max)),
            flows: Mutex::new(Cache::new(limits.throttled_max)),
        }
    }

    /// Lets a try at a password in, or not.
    pub(crate) fn sign_in(&self, realm: &RealmName, name: &str, address: Option<IpAddr>) -> Result<Try, Throttled> {
        let account = Who::Account(Digest::of(format!("{realm} {}", name.to_lowercase()).as_bytes()));
        let address = address.map(|address| Who::Address(network(address)));
        let now = self.clock.monotonic();
        let mut counts = self.counts();
        for who in [Some(account), address].into_iter().flatten() {
            wait_is_over(&counts, who, now)?;
        }
        self.count(&mut counts, account, self.limits.account_failures_free, now);
        if let Some(address) = address {
            self.count(&mut counts, address, self.limits.address_failures_free, now);
        }
        Ok(Try { account, address, began: now })
    }

    /// The try succeeded: the account is free again, the address has one failure less.
    #[expect(clippy::needless_pass_by_value, reason = "a try has one outcome")]
    pub(crate) fn succeeded(&self, tried: Try) {
        let mut counts = self.counts();
        counts.remove(&tried.account);
        if let Some(address) = tried.address {
            take_back(&mut counts, address, tried.began);
        }
    }

    /// The try was neither right nor wrong: nobody looked.
    #[expect(clippy::needless_pass_by_value, reason = "a try has one outcome")]
    pub(crate) fn undecided(&self, tried: Try) {
        let mut counts = self.counts();
        for who in [Some(tried.account), tried.address].into_iter().flatten() {
            take_back(&mut counts, who, tried.began);
        }
    }

    /// A client's secret was wrong. The right one is never kept waiting, so this comes after looking: 256 random bits are
    /// not guessed, and what is saved is work.
    pub(crate) fn wrong_secret(
        &self,
        realm: &RealmName,
        client: &str,
        address: Option<IpAddr>,
    ) -> Result<(), Throttled> {
        let from = address.map(network);
        let client: String = client.chars().take(100).collect();
        let who = Who::Client(Digest::of(format!("{realm} {client} {from:?}").as_bytes()));
        let now = self.clock.monotonic();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        wait_is_over(&clients, who, now)?;
        self.count(&mut clients, who, self.limits.client_failures_free, now);
        Ok(())
    }

    /// Lets a login begin, which is kept in the database until somebody ends it or its time is over.
    pub(crate) fn begin_flow(&self, address: Option<IpAddr>) -> Result<(), Throttled> {
        let Some(address) = address.map(network) else { return Ok(()) };
        let now = self.clock.monotonic();
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let known = flows.get(&address).copied().filter(|begun| now.since(begun.since) < FLOWS_PERIOD);
        let begun = known.unwrap_or(Begun { since: now, count: 0 });
        if begun.count >= self.limits.flows_per_minute_max {
            let left = FLOWS_PERIOD.saturating_sub(now.since(begun.since));
            return Err(Throttled { retry_after_s: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1) });
        }
        flows.insert(address, Begun { count: begun.count + 1, ..begun });
        Ok(())
    }

    /// Forgets all failures.
    pub(crate) fn forget(&self) {
        *self.counts() = Cache::new(self.limits.throttled_max);
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) = Cache::new(self.limits.throttled_max);
    }

    fn count(&self, counts: &mut Cache<Who, Count>, who: Who, free: u32, now: Monotonic) {
        let mut count = counts.get(&who).copied().unwrap_or_default();
        if now.since(count.last) >= MEMORY {
            count = Count::default();
        }
        count.failures = count.failures.saturating_add(1);
        count.last = now;
        count.before = count.blocked_until;
        if let Some(beyond) = count.failures.checked_sub(free.max(1)) {
            let wait_s = 1_u32.checked_shl(beyond).unwrap_or(u32::MAX).min(self.limits.wait_s_max);
            count.blocked_until = now.plus(Duration::from_secs(u64::from(wait_s)));
        }
        counts.insert(who, count);
    }

    fn counts(&self) -> MutexGuard<'_, Cache<Who, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Throttle({} remembered)", self.counts().len())
    }
}

fn wait_is_over(counts: &Cache<Who, Count>, who: Who, now: Monotonic) -> Result<(), Throttled> {
    let left = counts.get(&who).map_or(Duration::ZERO, |count| count.blocked_until.since(now));
    if left.is_zero() {
        return Ok(());
    }
    let whole_s = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Err(Throttled { retry_after_s: u32::try_from(whole_s).unwrap_or(u32::MAX) })
}

/// A wait that another try brought stays: else one right password would buy many wrong ones.
fn take_back(counts: &mut Cache<Who, Count>, who: Who, began: Monotonic) {
    let Some(mut count) = counts.get(&who).copied() else { return };
    count.failures = count.failures.saturating_sub(1);
    if count.last == began {
        count.blocked_until = count.before;
    }
    counts.insert(who, count);
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests;
