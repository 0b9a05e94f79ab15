//! Heavy crates enter the house by one door: which of our packages may name which of theirs.
//!
//! Only direct normal and build dependencies count; a crate that is not in the table is light and free.

use crate::Complaint;
use crate::graph::Member;

/// A crate of others and the packages of ours that may depend on it.
#[derive(Debug)]
pub struct Door {
    pub package: &'static str,
    pub open_to: &'static [&'static str],
    pub why: &'static str,
}

const fn door(package: &'static str, open_to: &'static [&'static str], why: &'static str) -> Door {
    Door { package, open_to, why }
}

const HTTP: &str = "the floors below the stairs and the store speak no HTTP";
const RUNTIME: &str = "what decides and what describes waits for nothing";
const TLS: &str = "connections are made by fetch, accepted by the gateway, and configured by the roof";
const PAGES: &str = "only rooms with an HTTP surface of many endpoints route with axum";

pub const DOORS: &[Door] = &[
    door("argon2", &["sekisho-identity"], "one room knows passwords"),
    door("askama", &["sekisho-identity"], "one room has pages"),
    door("aws-lc-rs", &["sekisho-token"], "keys and signatures live in one crate"),
    door("axum", &["sekisho-identity", "sekisho-authz", "sekisho-guard", "sekisho"], PAGES),
    door("cedar-policy", &["sekisho-policy"], "Cedar is an engine behind our own index"),
    door("clap", &["sekisho"], "one command line"),
    door(
        "http",
        &["sekisho-fetch", "sekisho-guard", "sekisho-identity", "sekisho-gateway", "sekisho-authz", "sekisho"],
        HTTP,
    ),
    door("hyper", &["sekisho-fetch", "sekisho-gateway", "sekisho"], HTTP),
    door("hyper-util", &["sekisho-fetch", "sekisho-gateway", "sekisho"], HTTP),
    door("rcgen", &["sekisho"], "certificates are made for the demo and for tests"),
    door("redis", &["sekisho-store", "sekisho-guard"], "the store writes the session copy, the guard reads it"),
    door("rustls", &["sekisho-fetch", "sekisho-gateway", "sekisho"], TLS),
    door("serde-saphyr", &["sekisho"], "configuration is read once, on the roof"),
    door("socket2", &["sekisho-gateway", "sekisho"], "listeners are made where connections are accepted"),
    door("sqlx", &["sekisho-store"], "one crate speaks SQL"),
    door(
        "tokio",
        &[
            "sekisho-fetch",
            "sekisho-guard",
            "sekisho-store",
            "sekisho-identity",
            "sekisho-gateway",
            "sekisho-authz",
            "sekisho",
        ],
        RUNTIME,
    ),
    door("tokio-rustls", &["sekisho-fetch", "sekisho-gateway", "sekisho"], TLS),
    door("tonic", &["sekisho-authz", "sekisho-guard"], "gRPC is one more way to ask for a decision"),
    door("tracing-subscriber", &["sekisho"], "where logs go is the operator's choice, made on the roof"),
    door("anyhow", &[], "an error is an enum that says who must act"),
    door("jsonwebtoken", &[], "a second opinion for tests, never in the product"),
    door("native-tls", &[], "one provider of cryptography: aws-lc-rs"),
    door("openidconnect", &[], "a second opinion for tests, never in the product"),
    door("openssl", &[], "one provider of cryptography: aws-lc-rs"),
    door("rand", &[], "randomness is an argument: `token::Entropy`"),
    door("reqwest", &[], "one outgoing client: sekisho-fetch"),
    door("ring", &[], "one provider of cryptography: aws-lc-rs"),
    door("ureq", &[], "one outgoing client: sekisho-fetch"),
];

pub fn check(members: &[Member]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for member in members {
        for need in &member.needs {
            let Some(door) = DOORS.iter().find(|door| door.package == need.package) else { continue };
            if !door.open_to.contains(&member.package.as_str()) {
                let found = format!("`{}` depends on `{}`", member.package, need.package);
                let expected = format!("it only in {:?} ({})", door.open_to, door.why);
                complaints.push(Complaint::new(&member.manifest, need.line, found, expected));
            }
        }
    }
    complaints
}
