//! `doctor`: what the house is told, what a running server believes, and what is wrong. Findings are the answer, so they go to
//! standard output; the exit code is 1 when there is a fault.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use sekisho_fetch::{Client, Options, certificates};
use sekisho_guard::clock::{SystemClock, fetch_timer};
use sekisho_token::SystemEntropy;
use sekisho_wire::Clock;
use tokio::runtime::Handle;

use super::run::{Outcome, configured, print};
use super::{Examination, Place};
use crate::beliefs::Beliefs;
use crate::doctor::{Report, Tools, Weight, examine};

pub(super) async fn doctor(examination: Examination) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let Examination { place: Place { config: file, data }, certificate_authority, json } = examination;
    let tools = tools(certificate_authority.as_deref())?;
    let report = match configured(file.as_deref()) {
        Ok(mut config) => {
            config.data = data.unwrap_or(config.data);
            examine(&config, file, &tools).await
        }
        Err(error) => Report::of_mistakes(&error),
    };
    if json {
        told_in_json(&report)?
    } else {
        print(in_words(&report))?
    }
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tools(authority: Option<&Path>) -> Result<Tools, Box<dyn std::error::Error + Send + Sync>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut options = Options::new(fetch_timer(&clock), Handle::current());
    let http = match authority {
        None => Client::configured(options)?,
        Some(file) => {
            let cannot = |error: &dyn std::fmt::Display| format!("cannot use `{}`: {error}", file.display());
            let pem = std::fs::read(file).map_err(|error| cannot(&error))?;
            options.extra_roots = certificates(&pem).map_err(|error| cannot(&error))?;
            Client::configured(options).map_err(|error| cannot(&error))?
        }
    };
    Ok(Tools { clock, entropy: Arc::new(SystemEntropy::default()), http, handle: Handle::current() })
}

fn told_in_json(report: &Report) -> Outcome {
    let mut told = serde_json::to_value(report)?;
    if let Some(told) = told.as_object_mut() {
        told.insert("healthy".to_owned(), report.is_healthy().into());
    }
    print(format_args!("{told:#}"))
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    for line in &report.configured {
        let _ = writeln!(text, "{}: {}", line.name, line.value);
    }
    match &report.running {
        Some(beliefs) => say_beliefs(&mut text, beliefs),
        None if report.configured.is_empty() => {}
        None => text.push_str("no server of this configuration runs\n"),
    }
    for finding in &report.findings {
        let weight = match finding.weight {
            Weight::Fault => "FAULT",
            Weight::Warning => "warning",
        };
        let (code, place) = (finding.code.text(), &finding.place);
        let _ =
            writeln!(text, "{weight} {code}: {place}\n  found: {}\n  expected: {}", finding.found, finding.expected);
    }
    let of = |weight| report.findings.iter().filter(|finding| finding.weight == weight).count();
    let _ = write!(text, "faults: {}, warnings: {}", of(Weight::Fault), of(Weight::Warning));
    text
}

fn say_beliefs(text: &mut String, beliefs: &Beliefs) {
    let Beliefs { version, process, started, clock, not_ready, identity, gateway } = beliefs;
    let ready = if not_ready.is_empty() { "ready".to_owned() } else { format!("not ready: {}", not_ready.join(", ")) };
    let _ =
        writeln!(text, "running: process {process}, version {version}, since {started}, its clock {clock}, {ready}");
    if let Some(identity) = identity {
        let listens = identity.listens.map_or_else(|| "nowhere".to_owned(), |address| address.to_string());
        let _ = writeln!(text, "running identity: {} on {listens}", identity.public_url);
        for realm in &identity.realms {
            let _ = writeln!(text, "  realm {}: issuer {}, feed at {}", realm.name, realm.issuer, realm.feed);
            for key in &realm.keys {
                let gone = key.gone_at.as_ref().map(|gone| format!(", gone at {gone}")).unwrap_or_default();
                let _ = writeln!(text, "    key {}: {}, signs from {}{gone}", key.kid, key.stage, key.signs_from);
            }
        }
    }
    if let Some(gateway) = gateway {
        let _ = writeln!(text, "running gateway: {} routes and login mounts on {}", gateway.routes, gateway.listens);
        for realm in &gateway.realms {
            let told = match (&realm.feed, realm.age_ms) {
                (Some(feed), Some(age)) => format!("feed applied up to {feed}, confirmed {age} ms ago"),
                _ => "feed not followed".to_owned(),
            };
            let _ = writeln!(text, "  realm {}: {told}", realm.name);
        }
    }
}
