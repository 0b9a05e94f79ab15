//! Passwords: Argon2id on threads of its own, few and bounded, with memory that is used again.
//!
//! Hashing is the most expensive thing this room does, by three orders of magnitude, so it never runs where requests do,
//! and a full queue is an answer (503) rather than a delay. A name that nobody has costs the same run as one that somebody
//! has; the counter of runs lets a test say so.
//!
//! Specs: RFC 9106. Not here: who may try how often (`throttle`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_token::{Entropy, Secret};
use sekisho_wire::Unavailable;

mod phc;
mod pool;

use phc::Phc;
use pool::{Pool, Work};

/// 19 MiB, two passes, one lane: the second recommendation of OWASP, 24 ms on one core.
pub(crate) const MEMORY_KIB: u32 = 19_456;
pub(crate) const PASSES: u32 = 2;
pub(crate) const LANES: u32 = 1;
pub(crate) const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// When to come back after a full queue, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// Checks and makes hashes.
pub(crate) struct Passwords {
    pool: Pool,
    runs: Arc<AtomicU64>,
    entropy: Arc<dyn Entropy>,
    /// What a name that nobody has is checked against: well-formed, of today's parameters, matched by nothing.
    nobody: Phc,
    runs_at_rest: AtomicU64,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It is the password.
    Right,
    /// It is the password, and its hash was made with parameters that are not today's.
    RightButOld,
    /// It is not.
    Wrong,
}

// === impl Passwords ===

impl Passwords {
    pub(crate) fn start(threads: usize, queue_max: usize, entropy: Arc<dyn Entropy>) -> std::io::Result<Self> {
        let runs = Arc::new(AtomicU64::new(0));
        let nobody = Phc::today(random(&*entropy), random(&*entropy));
        let pool = Pool::start(threads, queue_max, &runs)?;
        Ok(Self { pool, runs, entropy, nobody, runs_at_rest: AtomicU64::new(0) })
    }

    /// Checks a password against a stored hash, or against nobody's.
    pub(crate) async fn check(
        &self,
        stored: Option<&Secret<String>>,
        password: &Secret<String>,
    ) -> Result<Checked, Unavailable> {
        let known = stored.and_then(|text| Phc::parse(text.expose()));
        if stored.is_some() && known.is_none() {
            tracing::error!("a stored password hash cannot be read; nobody can sign in with it");
        }
        let (phc, exists) = known.map_or((self.nobody.clone(), false), |phc| (phc, true));
        let old = !phc.is_of_today();
        let expected = phc.hash.clone();
        let hash = self.run(Work { phc, password: password.clone() }).await?;
        let same = sekisho_token::digest::same(&hash, &expected);
        Ok(match (exists && same, old) {
            (true, false) => Checked::Right,
            (true, true) => Checked::RightButOld,
            (false, _) => Checked::Wrong,
        })
    }

    /// Whether a hash that somebody brings can be checked against here.
    pub(crate) fn reads(hash: &Secret<String>) -> bool {
        Phc::parse(hash.expose()).is_some()
    }

    /// Makes the hash to be stored.
    pub(crate) async fn hash(&self, password: &Secret<String>) -> Result<Secret<String>, Unavailable> {
        let phc = Phc::today(random(&*self.entropy), [0; HASH_BYTES]);
        let hash = self.run(Work { phc: phc.clone(), password: password.clone() }).await?;
        Ok(Secret::new(Phc { hash, ..phc }.to_string()))
    }

    /// How often Argon2 ran.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Gives the memory back when nobody signed in since this was last asked.
    pub(crate) fn rest(&self) {
        let runs = self.runs();
        if self.runs_at_rest.swap(runs, Ordering::Relaxed) == runs {
            self.pool.give_memory_back();
        }
    }

    async fn run(&self, work: Work) -> Result<Vec<u8>, Unavailable> {
        let full = Unavailable { what: "password hashing", retry_after_s: Some(RETRY_AFTER_S) };
        let answer = self.pool.put(work).ok_or(full)?;
        answer.await.ok().flatten().ok_or(full)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({} runs)", self.runs())
    }
}

fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
