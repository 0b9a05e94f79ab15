//! Every check on this repository: no complaints.

use sekisho_tidy::*;

use crate::house::{builds, members, none, root, tree};

#[test]
fn crates_stand_only_on_lower_floors() {
    none(floors::check(&members()));
}

#[test]
fn heavy_crates_enter_by_their_own_door() {
    none(heavy::check(&members()));
}

#[test]
fn nothing_is_built_twice_without_a_reason_and_one_library_does_the_cryptography() {
    let (demo, tests) = builds();
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is readable");
    none(duplicates::check(demo, tests, &lock));
}

#[test]
fn the_demo_and_the_tests_share_one_build() {
    let (demo, tests) = builds();
    none(flavour::check(demo, tests));
}

#[test]
fn frameworks_stay_in_their_corners() {
    none(places::check(&tree()));
}

#[test]
fn sql_is_written_in_the_store_alone() {
    none(sql::check(&tree()));
}

#[test]
fn the_cellar_reads_no_clock_no_environment_and_no_network() {
    none(pure::check(&tree()));
}

#[test]
fn proofs_are_built_by_their_check_alone() {
    none(proofs::check(&tree()));
}

#[test]
fn one_file_joins_the_rooms() {
    none(wiring::check(&tree()));
}

#[test]
fn every_file_says_what_it_is() {
    none(doc::check(&tree()));
}

#[test]
fn functions_and_files_are_short() {
    none(length::check(&tree()));
}

#[test]
fn modules_have_names() {
    none(naming::check(&tree()));
}

#[test]
fn manifests_are_sorted() {
    none(manifest::check(&tree()));
}

#[test]
fn nothing_is_left_half_done() {
    none(leftovers::check(&tree()));
}

#[test]
fn the_repository_names_no_machine_and_no_mirror() {
    none(machine::check(&tree()));
}
