//! Randomness as an argument, so that a test can own it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of bytes that nobody can guess.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` whole.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator, through the crypto library.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

/// Draws from another source in blocks: for ids, of which there are many and which are no secrets. What is left of a block
/// lies in memory until it is handed out, so no key and no credential comes from here.
#[derive(Debug)]
pub struct Drawn {
    from: Arc<dyn Entropy>,
    left: Mutex<Block>,
}

struct Block {
    bytes: [u8; BLOCK_BYTES],
    used: usize,
}

/// How much is drawn at once.
const BLOCK_BYTES: usize = 1024;

// === impl Drawn ===

impl From<Arc<dyn Entropy>> for Drawn {
    fn from(from: Arc<dyn Entropy>) -> Self {
        Self { from, left: Mutex::new(Block { bytes: [0; BLOCK_BYTES], used: BLOCK_BYTES }) }
    }
}

impl Entropy for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Block { bytes: block, used } = &mut *left;
        for piece in bytes.chunks_mut(BLOCK_BYTES) {
            if BLOCK_BYTES - *used < piece.len() {
                self.from.fill(block);
                *used = 0;
            }
            let end = *used + piece.len();
            piece.copy_from_slice(block.get(*used..end).unwrap_or_default());
            *used = end;
        }
    }
}

// === impl Block ===

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("used", &self.used).finish_non_exhaustive()
    }
}

// === impl SystemEntropy ===

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "without randomness no secret may be made; stopping is the safe answer"
        )]
        self.0.fill(bytes).expect("the operating system gave no randomness");
    }
}

#[cfg(test)]
mod tests;
