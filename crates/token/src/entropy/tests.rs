//! What is drawn in blocks is handed out once.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Counts: every eight bytes are the next number.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for eight in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            eight.copy_from_slice(&next[..eight.len()]);
        }
    }
}

#[test]
fn no_byte_of_a_block_is_handed_out_twice_and_none_before_it_was_drawn() {
    let from = Arc::new(Counting::default());
    let drawn = Drawn::from(Arc::clone(&from) as Arc<dyn Entropy>);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let mut id = [0; 16];
        drawn.fill(&mut id);
        assert!(seen.insert(id));
    }
    // 64 ids of a block, 128 numbers of eight bytes.
    assert_eq!(from.0.load(Ordering::Relaxed), 16 * 128);
}

#[test]
fn more_than_a_block_is_filled_whole() {
    let drawn = Drawn::from(Arc::new(Counting::default()) as Arc<dyn Entropy>);
    let mut bytes = vec![0; 3 * BLOCK_BYTES + 8];
    drawn.fill(&mut bytes);
    let numbers: Vec<u64> = bytes.chunks(8).map(|eight| u64::from_be_bytes(eight.try_into().unwrap())).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
}
