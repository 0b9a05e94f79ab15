//! This repository as the checks see it, and how their complaints are shown.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use sekisho_tidy::graph::{self, Build, Built, Member};
use sekisho_tidy::tree::root_above;
use sekisho_tidy::{Complaint, Tree};

/// Cargo runs a test in the folder of its package.
pub(crate) fn root() -> PathBuf {
    let here = std::env::current_dir().expect("the current folder is readable");
    root_above(&here).expect("tidy runs inside the workspace")
}

/// Syntax trees stay on their thread, so each test reads the files for itself.
pub(crate) fn tree() -> Tree {
    match Tree::of(&root()) {
        Ok(tree) => tree,
        Err(error) => panic!("{error}"), // With file and line, when a file is not Rust.
    }
}

pub(crate) fn members() -> Vec<Member> {
    graph::members(&root()).expect("cargo reads the manifests")
}

/// What the demo and the tests are built from.
pub(crate) fn builds() -> &'static (BTreeSet<Built>, BTreeSet<Built>) {
    static BUILDS: OnceLock<(BTreeSet<Built>, BTreeSet<Built>)> = OnceLock::new();
    let of = |build| graph::built(&root(), build).expect("cargo lists the packages");
    BUILDS.get_or_init(|| (of(Build::Demo), of(Build::Tests)))
}

/// Fails with every complaint on a line of its own.
#[track_caller]
pub(crate) fn none(mut complaints: Vec<Complaint>) {
    complaints.sort();
    complaints.dedup();
    let lines: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert!(lines.is_empty(), "{} broken rule(s)\n\n{}\n", lines.len(), lines.join("\n"));
}
