//! One build flavour: the demo and the tests link the same artefacts.
//!
//! Cargo builds a crate again when its features differ. Dev-dependencies switch features on in crates that the product
//! links too, but only while tests are built; then nearly everything would be compiled a second time. So whatever a test
//! tool switches on is switched on for good in `crates/tidy/Cargo.toml`, which the binary never links.

use std::collections::BTreeSet;

use crate::Complaint;
use crate::graph::Built;

const MANIFEST: &str = "crates/tidy/Cargo.toml";

pub fn check(demo: &BTreeSet<Built>, tests: &BTreeSet<Built>) -> Vec<Complaint> {
    let complain = |ours: &Built| {
        let same = |theirs: &&Built| theirs.package == ours.package && theirs.version == ours.version;
        let theirs: Vec<&str> = tests.iter().filter(same).map(|built| built.features.as_str()).collect();
        let Built { package, version, features } = ours;
        let found = format!("the demo builds {package} {version} with [{features}], the tests with {theirs:?}");
        Complaint::new(MANIFEST, 1, found, "the missing features under [dependencies] here")
    };
    demo.difference(tests).map(complain).collect()
}
