//! Randomness as an argument, so that a test can own it.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of bytes that nobody can guess.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` whole.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator, through the crypto library.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

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
