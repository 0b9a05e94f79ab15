//! Dependency tables are in alphabetical order, so that two branches that add one rarely meet.
//!
//! A blank line starts a new group. Our own crates in the workspace table are listed from the cellar up instead.

use crate::{Complaint, Tree};

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let is_manifest = |path: &str| path == "Cargo.toml" || path.ends_with("/Cargo.toml");
    tree.texts
        .iter()
        .filter(|file| is_manifest(&file.path))
        .flat_map(|file| check_one(&file.path, &file.text))
        .collect()
}

fn check_one(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut table = "";
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
            before = "";
        } else if line.trim().is_empty() {
            before = "";
        }
        let Some(name) = dependency(table, line) else { continue };
        if name < before {
            complaints.push(Complaint::new(
                path,
                index + 1,
                format!("`{name}` after `{before}`"),
                "alphabetical order",
            ));
        }
        before = name;
    }
    complaints
}

/// The name that a line of a dependency table adds, if its order matters.
fn dependency<'a>(table: &str, line: &'a str) -> Option<&'a str> {
    if !table.ends_with("dependencies") || (table == "workspace.dependencies" && line.starts_with("sekisho")) {
        return None;
    }
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let name = line.split(|letter| !is_word(letter)).next()?;
    let rest = line.strip_prefix(name)?;
    (!name.is_empty() && rest.trim_start().starts_with(['.', '='])).then_some(name)
}
