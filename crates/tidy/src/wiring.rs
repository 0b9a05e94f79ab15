//! INVARIANT (one joint): the rooms meet in the wiring, and in no other file of the roof.
//!
//! That no room depends on another follows from the floors; this check keeps the joining in one place.

use std::collections::BTreeSet;

use crate::paths::named;
use crate::{Complaint, Tree};

pub const WIRING: &str = "crates/sekisho/src/wiring.rs";
const ROOMS: &[&str] = &["authz", "gateway", "identity", "store"];

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let exists = |room: &&&str| tree.sources.iter().any(|source| source.crate_folder() == Some(**room));
    let rooms: BTreeSet<String> = ROOMS.iter().filter(exists).map(|room| format!("sekisho_{room}")).collect();
    let mut complaints = Vec::new();
    let mut joined = false;
    for source in tree.product().filter(|source| source.crate_folder() == Some("sekisho")) {
        let firsts: BTreeSet<String> =
            named(source).into_iter().filter_map(|p| p.segments.into_iter().next()).collect();
        let names_all = rooms.is_subset(&firsts);
        joined |= names_all && source.path == WIRING;
        if names_all && source.path != WIRING {
            complaints.push(Complaint::new(&source.path, 1, "this file names every room", format!("only {WIRING} to")));
        }
    }
    if !joined {
        complaints.push(Complaint::new(WIRING, 1, "the rooms are not joined here", format!("{rooms:?} in one file")));
    }
    complaints
}
