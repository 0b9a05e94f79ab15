//! The repository builds anywhere: no path of somebody's machine, no mirror of a package registry.

use crate::{Complaint, Tree};

const PATHS: &[&str] = &["/work/", "/root/", "/home/", "/Users/"];
const REGISTRIES: &[&str] = &[
    "files.pythonhosted.org",
    "index.crates.io",
    "proxy.golang.org",
    "pypi.org",
    "registry.npmjs.org",
    "replace-with",
    "static.crates.io",
];
/// The one place a locked package may come from.
const SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
const OURS: &str = "crates/tidy/";

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.texts.iter().filter(|file| !file.path.starts_with(OURS)) {
        for (index, line) in file.text.lines().enumerate() {
            let mut complain = |found: String, expected: &str| {
                complaints.push(Complaint::new(&file.path, index + 1, found, expected));
            };
            for needle in PATHS.iter().filter(|needle| line.contains(**needle)) {
                complain(format!("`{needle}` is a path of one machine"), "a path from the root, or a variable");
            }
            for needle in REGISTRIES.iter().filter(|needle| line.contains(**needle)) {
                complain(format!("`{needle}` names a registry"), "cargo's own settings to choose it");
            }
            if file.path == "Cargo.lock" && line.starts_with("source = ") && line != SOURCE {
                complain(format!("a package from elsewhere: {line}"), SOURCE);
            }
        }
    }
    complaints
}
