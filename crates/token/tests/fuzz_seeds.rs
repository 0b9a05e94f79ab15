//! The fuzz targets on their seeds, and on what a few cheap changes make of them: what a fuzzer does first, in a second.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

use std::path::Path;

#[path = "../fuzz/targets.rs"]
mod targets;

/// Bytes that mean something to one of the parsers.
const TELLING: [u8; 14] = [b'.', b'"', b'{', b'}', b'[', b',', b'=', b'-', b'0', b'\\', b' ', 0, 0x80, 0xFF];

/// Seeds longer than this are changed at every so-manieth place only.
const PLACES_MAX: usize = 150;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("fuzz/seeds").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The seed cut, with a byte changed, with a byte more, and with a part repeated, at many places.
fn changes(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let step = seed.len() / PLACES_MAX + 1;
    (0..seed.len()).step_by(step).flat_map(move |at| {
        let (before, after) = seed.split_at(at);
        let replaced = TELLING.map(|byte| [before, &[byte], &after[1..]].concat());
        let others = [
            before.to_vec(),
            after.to_vec(),
            [before, after, after].concat(),
            [before, &[before.len().to_be_bytes()[7] ^ 0x55], after].concat(),
        ];
        replaced.into_iter().chain(others)
    })
}

#[test]
fn every_target_holds_on_its_seeds_and_on_changes_of_them() {
    for (name, target) in targets::TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 2, "{name} has {} seeds", seeds.len());
        for seed in &seeds {
            target(seed);
            changes(seed).for_each(|changed| target(&changed));
        }
    }
}

#[test]
fn every_target_holds_on_the_seeds_of_the_others() {
    for (name, _) in targets::TARGETS {
        for seed in seeds(name) {
            targets::TARGETS.iter().for_each(|(_, target)| target(&seed));
        }
    }
}
