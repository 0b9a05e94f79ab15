//! Every Rust file opens by saying what it owns.

use crate::{Complaint, Tree};

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let silent = |text: &str| {
        let opening = text.lines().next().and_then(|line| line.strip_prefix("//!"));
        opening.is_none_or(|rest| rest.trim().is_empty())
    };
    let complain =
        |path: &str| Complaint::new(path, 1, "the file does not say what it is", "a `//!` sentence on line 1");
    tree.sources.iter().filter(|source| silent(&source.text)).map(|source| complain(&source.path)).collect()
}
