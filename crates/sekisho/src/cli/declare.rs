//! `apply` and `export`: a file, what it would change, and the question whether to.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use sekisho_wire::RealmName;

use super::administer::carried_out;
use super::run::{Outcome, print};
use super::{How, Place};
use crate::admin::{self, Command};
use crate::declared::plan::STOPPED;
use crate::declared::{Hashes, Rest, export, file};

/// Shows what would change, and changes it.
pub(super) async fn apply(path: PathBuf, how: How, place: Place) -> Outcome {
    let read = || file::read(&path);
    let (rest, wanted) = (if how.prune { Rest::Goes } else { Rest::Stays }, read()?);
    let seen = carried_out(&place, Command::Compare { wanted, rest }).await?;
    if seen.rows.is_empty() {
        return print("nothing to change");
    }
    print(differences(&seen))?;
    if how.dry_run || (!how.yes && !asked(seen.rows.len())?) {
        return Ok(());
    }
    let count = seen.rows.len();
    let told = carried_out(&place, Command::Carry { wanted: read()?, rest, seen }).await?;
    let stopped = told.rows.iter().flatten().find(|(name, _)| name == STOPPED).map(|(_, words)| words.clone());
    let rows: Vec<_> = told.rows.into_iter().filter(|row| row.iter().all(|(name, _)| name != STOPPED)).collect();
    // What was made is told this once, whatever came after it.
    if !rows.is_empty() {
        print(admin::Outcome { rows })?;
    }
    match stopped {
        Some(words) => Err(words.into()),
        None => print(format_args!("changes made: {count}")),
    }
}

/// Prints what there is.
pub(super) async fn export(realms: Vec<RealmName>, hashes: Hashes, place: Place) -> Outcome {
    let told = carried_out(&place, Command::Export { realms, hashes }).await?;
    let document = told.rows.iter().flatten().find(|(name, _)| name == export::DOCUMENT);
    print(document.map_or("", |(_, text)| text.trim_end()))
}

/// One line each, and below it how.
fn differences(seen: &admin::Outcome) -> String {
    let mut lines = Vec::new();
    for row in &seen.rows {
        let value = |name: &str| row.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let verb = value("do").unwrap_or_default();
        let sign = match verb {
            "make" => "+",
            "remove" => "-",
            _ => "~",
        };
        let (kind, name) =
            ["user", "client", "realm"].iter().find_map(|kind| Some((*kind, value(kind)?))).unwrap_or_default();
        let place = value("realm").filter(|_| kind != "realm").map(|realm| format!(" of realm {realm}"));
        lines.push(format!("{sign} {verb} {kind} {name}{}", place.unwrap_or_default()));
        let heads = ["do", "realm", kind];
        let how = row.iter().filter(|(known, _)| !heads.contains(&known.as_str()));
        lines.extend(how.map(|(name, value)| format!("    {name}: {value}")));
    }
    lines.join("\n")
}

fn asked(count: usize) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    if !io::stdin().is_terminal() {
        return Err("nobody can be asked: expected `--yes` or `--dry-run`".into());
    }
    write!(io::stderr(), "make these {count} changes? [y/N] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
