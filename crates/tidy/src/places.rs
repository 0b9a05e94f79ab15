//! Inside a crate, a framework stays in its corner: axum under `http/`, SQL in the store, Cedar in the policy crate.
//!
//! The manifests say who may link a crate (`heavy`); this check says which files may name it, so that status codes and
//! extractors do not leak into the rules of a room.

use crate::paths::named;
use crate::{Complaint, Source, Tree};

/// Where a crate may be named.
#[derive(Debug, Clone, Copy)]
pub enum Corner {
    /// Anywhere in `crates/<this>/src`.
    Crate(&'static str),
    /// In `crates/<this>/src`, under a folder `http` or in a file `http.rs`.
    Http(&'static str),
    /// This module: `<this>.rs` and what lies under `<this>/`.
    Module(&'static str),
}

const DEMO: Corner = Corner::Module("crates/sekisho/src/demo");
const MAIN: Corner = Corner::Module("crates/sekisho/src/main");

pub const CORNERS: &[(&str, &[Corner])] = &[
    (
        "axum",
        &[
            Corner::Http("identity"),
            Corner::Http("authz"),
            Corner::Http("sekisho"),
            Corner::Module("crates/guard/src/axum"),
            DEMO,
        ],
    ),
    ("cedar_policy", &[Corner::Crate("policy")]),
    ("hyper", &[Corner::Crate("fetch"), Corner::Crate("gateway"), Corner::Http("sekisho"), DEMO]),
    ("hyper_util", &[Corner::Crate("fetch"), Corner::Crate("gateway"), Corner::Http("sekisho"), DEMO]),
    // `main` installs the provider before anything else runs; the demo's relays end TLS to see what passes.
    ("rustls", &[Corner::Crate("fetch"), Corner::Crate("gateway"), Corner::Http("sekisho"), DEMO, MAIN]),
    ("sqlx", &[Corner::Crate("store")]),
];

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.product() {
        for path in named(source) {
            let first = path.segments.first().map(String::as_str);
            let Some((name, corners)) = CORNERS.iter().find(|(name, _)| Some(*name) == first) else { continue };
            // A lone word is a local name (`let axum = …`), except in `use axum;`, which nobody writes.
            if path.segments.len() > 1 && !corners.iter().any(|corner| corner.holds(source)) {
                let found = format!("`{}` is named here", path.written());
                complaints.push(Complaint::new(
                    &source.path,
                    path.line,
                    found,
                    format!("`{name}` only in {corners:?}"),
                ));
            }
        }
    }
    complaints
}

// === impl Corner ===

impl Corner {
    fn holds(self, source: &Source) -> bool {
        match self {
            Self::Crate(folder) => source.crate_folder() == Some(folder),
            Self::Http(folder) => {
                let inside = source.path.split('/').any(|part| part == "http" || part == "http.rs");
                source.crate_folder() == Some(folder) && inside
            }
            Self::Module(module) => {
                let rest = source.path.strip_prefix(module);
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            }
        }
    }
}
