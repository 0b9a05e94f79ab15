//! `check`: what is wrong with a configuration, what is likely wrong, and what was assumed. Findings are the answer, so they go
//! to standard output; the exit code is 1 when something is wrong.

use std::path::Path;
use std::process::ExitCode;

use sekisho_guard::clock::SystemClock;
use sekisho_wire::Clock as _;
use serde_json::{Value, json};

use super::run::print;
use crate::config::{Config, ConfigError, Mistake, Warning};

/// Checks the file and prints what was found, for people.
pub(super) fn in_words(file: &Path) -> ExitCode {
    let read = Config::read(file);
    said(&as_words(file, &read), &read)
}

/// Checks the file and prints what was found, for programs.
pub(super) fn in_json(file: &Path) -> ExitCode {
    let read = Config::read(file);
    said(&format!("{:#}", as_json(file, &read)), &read)
}

fn said(told: &str, read: &Result<Config, ConfigError>) -> ExitCode {
    if print(told).is_ok() && read.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn as_words(file: &Path, read: &Result<Config, ConfigError>) -> String {
    match read {
        Err(error) => error.to_string(),
        Ok(config) => {
            let assumed = config.assumed.iter().map(|assumed| format!("assumed: {assumed}"));
            let warnings = warnings(config).into_iter().map(|warning| format!("warning: {warning}"));
            let good = format!("{}: good", file.display());
            assumed.chain(warnings).chain([good]).collect::<Vec<_>>().join("\n")
        }
    }
}

/// What to think about, at this moment.
fn warnings(config: &Config) -> Vec<Warning> {
    let mut warnings = config.warnings();
    warnings.extend(config.expiries(SystemClock::new().wall()));
    warnings
}

fn as_json(file: &Path, read: &Result<Config, ConfigError>) -> Value {
    let mistake = |Mistake { at, what }: &Mistake| {
        let (line, column) = at.map(|at| (at.line, at.column)).unzip();
        json!({ "line": line, "column": column, "what": what })
    };
    let (mistakes, config) = match read {
        Ok(config) => (Vec::new(), Some(config)),
        Err(ConfigError::Wrong { mistakes, .. }) => (mistakes.iter().map(mistake).collect(), None),
        Err(error @ ConfigError::Read { .. }) => (vec![mistake(&Mistake { at: None, what: error.to_string() })], None),
    };
    let warnings: Vec<String> = config.iter().flat_map(|config| warnings(config)).map(|it| it.to_string()).collect();
    json!({
        "file": file,
        "good": config.is_some(),
        "mistakes": mistakes,
        "warnings": warnings,
        "assumed": config.map(|config| &config.assumed),
    })
}

#[cfg(test)]
mod tests;
