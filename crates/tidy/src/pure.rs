//! INVARIANT (same input, same answer): `token` and `policy` read no clock, no environment and no network.

use crate::paths::{Named, named};
use crate::{Complaint, Tree};

const CRATES: &[&str] = &["token", "policy"];

/// Types that are a clock, wherever they come from.
const CLOCKS: &[&str] = &["SystemTime", "Instant"];

/// Modules that reach outside.
const OUTSIDE: &[&[&str]] = &[&["std", "env"], &["std", "net"], &["tokio"]];

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let pure = |folder: Option<&str>| folder.is_some_and(|folder| CRATES.contains(&folder));
    for source in tree.product().filter(|source| pure(source.crate_folder())) {
        for path in named(source).iter().filter(|path| reaches_out(path)) {
            let found = format!("`{}` in a crate that only computes", path.written());
            complaints.push(Complaint::new(&source.path, path.line, found, "time and facts handed in as arguments"));
        }
    }
    complaints
}

fn reaches_out(path: &Named) -> bool {
    let is_clock = path.segments.iter().any(|segment| CLOCKS.contains(&segment.as_str()));
    is_clock || OUTSIDE.iter().any(|prefix| path.starts_with(prefix))
}
