//! Counters that many threads raise and one scrape adds up.
//!
//! Every proxied request raises a few, so raising one must neither lock nor make cores fight for a cache line. Each thread
//! has a stripe of its own, two lines apart from the next because processors fetch lines in pairs, and a reading is the sum of
//! all stripes. Measured on a busy x86-64 with two cores: 5 to 9 ns for raising a striped counter, alone or together; 29 ns for both
//! raising one shared word, and that grows with every core.
//!
//! Rooms own what they count and hand out plain readings; nobody here knows who exports them.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How many threads raise a counter without meeting another. More than that share, and stay right.
const STRIPES: usize = 16;
/// Upper bounds of a histogram's buckets; what is slower is in one more bucket.
pub const BOUNDS: [Duration; 14] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
/// The bucket above all bounds.
const BEYOND: usize = BOUNDS.len();
/// Where the sum stands, in nanoseconds.
const SUM: usize = BEYOND + 1;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

/// `N` counters that are raised together or one by one.
pub struct Tally<const N: usize>(Box<[Stripe<N>]>);

#[repr(align(128))]
struct Stripe<const N: usize>([AtomicU64; N]);

/// One counter.
#[derive(Debug, Default)]
pub struct Counter(Tally<1>);

/// How often something was found in memory, and how often not.
#[derive(Debug, Default)]
pub struct LookupMeter(Tally<2>);

/// What a [`LookupMeter`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Found.
    pub hits: u64,
    /// Not found, or no longer good.
    pub misses: u64,
}

/// How long something took, by [`BOUNDS`].
#[derive(Debug, Default)]
pub struct Histogram(Tally<{ SUM + 1 }>);

/// What a [`Histogram`] has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// How many took up to each of the [`BOUNDS`] and longer than the one before; at last, how many took longer than all.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

// === impl Tally ===

impl<const N: usize> Tally<N> {
    /// Raises the counter of this number; one that does not exist is nobody's.
    pub fn add(&self, which: usize, by: u64) {
        let stripe = STRIPE.with(|stripe| *stripe);
        if let Some(counter) = self.0.get(stripe).and_then(|stripe| stripe.0.get(which)) {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> [u64; N] {
        let mut sums = [0_u64; N];
        for stripe in &self.0 {
            for (sum, counter) in sums.iter_mut().zip(&stripe.0) {
                *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
            }
        }
        sums
    }
}

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Self((0..STRIPES).map(|_| Stripe(std::array::from_fn(|_| AtomicU64::new(0)))).collect())
    }
}

impl<const N: usize> fmt::Debug for Tally<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.read()).finish()
    }
}

// === impl Counter ===

impl Counter {
    /// One more.
    pub fn raise(&self) {
        self.0.add(0, 1);
    }

    /// How many so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        let [count] = self.0.read();
        count
    }
}

// === impl LookupMeter ===

impl LookupMeter {
    /// It was there.
    pub fn hit(&self) {
        self.0.add(0, 1);
    }

    /// It was not.
    pub fn miss(&self) {
        self.0.add(1, 1);
    }

    /// How often so far.
    #[must_use]
    pub fn read(&self) -> Lookups {
        let [hits, misses] = self.0.read();
        Lookups { hits, misses }
    }
}

// === impl Lookups ===

impl Lookups {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, misses: self.misses + other.misses }
    }
}

// === impl Histogram ===

impl Histogram {
    /// One more, that took this long.
    pub fn observe(&self, took: Duration) {
        let bucket = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BEYOND);
        self.0.add(bucket, 1);
        self.0.add(SUM, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was observed so far.
    #[must_use]
    pub fn read(&self) -> Spread {
        let cells = self.0.read();
        let mut buckets = [0; BOUNDS.len() + 1];
        for (bucket, cell) in buckets.iter_mut().zip(cells) {
            *bucket = cell;
        }
        let [.., sum_ns] = cells;
        Spread { buckets, sum: Duration::from_nanos(sum_ns) }
    }
}

#[cfg(test)]
mod tests;
