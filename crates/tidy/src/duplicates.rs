//! What must not be in the build: a second provider of cryptography, and a second version of a crate without a reason.
//!
//! A reason that no longer applies must go too, so the table stays the truth.

use std::collections::{BTreeMap, BTreeSet};

use crate::Complaint;
use crate::graph::Built;

/// Crates that would bring a second TLS or crypto stack.
pub const BANNED: &[&str] = &["boring", "native-tls", "openssl", "openssl-sys", "ring"];

/// Crates that may be built in two versions, and whom we wait for.
pub const TWICE: &[(&str, &str)] = &[
    ("base64", "serde-saphyr is one release ahead of sqlx and us"),
    ("block-buffer", "sqlx still hashes migrations with sha2 0.10"),
    ("const-oid", "rsa 0.9, below openidconnect, a client for tests"),
    ("cpufeatures", "sqlx still hashes migrations with sha2 0.10"),
    ("crypto-common", "sqlx still hashes migrations with sha2 0.10"),
    ("der", "rsa 0.9, below openidconnect, a client for tests"),
    ("digest", "sqlx still hashes migrations with sha2 0.10"),
    ("getrandom", "rand 0.8, below openidconnect, a client for tests"),
    ("hashbrown", "hashlink, below sqlx, is one release behind"),
    ("hmac", "openidconnect, a client for tests, is one release behind sqlx"),
    ("pem-rfc7468", "rsa 0.9, below openidconnect, a client for tests"),
    ("pkcs8", "rsa 0.9, below openidconnect, a client for tests"),
    ("rand", "openidconnect, a client for tests, is two releases behind sqlx"),
    ("rand_core", "rand 0.8, below openidconnect, a client for tests"),
    ("sha2", "sqlx still hashes migrations with sha2 0.10; openidconnect hashes with it too"),
    ("signature", "rsa 0.9, below openidconnect, a client for tests"),
    ("spki", "rsa 0.9, below openidconnect, a client for tests"),
    ("syn", "tracing-attributes and zeroize_derive still parse with syn 2; tidy too"),
    ("thiserror", "openidconnect, a client for tests, is one release behind"),
    ("thiserror-impl", "openidconnect, a client for tests, is one release behind"),
    ("untrusted", "aws-lc-rs is one release behind rustls-webpki"),
];

pub fn check(demo: &BTreeSet<Built>, tests: &BTreeSet<Built>, lock: &str) -> Vec<Complaint> {
    let at = |name: &str| {
        let line = format!("name = \"{name}\"");
        lock.lines().position(|found| found == line).map_or(1, |index| index + 1)
    };
    let complain = |name: &str, found: String, expected: &str| Complaint::new("Cargo.lock", at(name), found, expected);
    let mut complaints = Vec::new();
    for name in BANNED.iter().filter(|name| demo.iter().any(|built| built.package == **name)) {
        complaints.push(complain(name, format!("`{name}` is part of the product"), "aws-lc-rs and rustls alone"));
    }
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for built in demo.union(tests) {
        versions.entry(&built.package).or_default().insert(&built.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        if !TWICE.iter().any(|(known, _)| known == name) {
            let found = format!("`{name}` is built in {versions:?}");
            complaints.push(complain(name, found, "one version, or a row in TWICE (crates/tidy/src/duplicates.rs)"));
        }
    }
    for (name, _) in TWICE.iter().filter(|(name, _)| !versions.contains_key(name)) {
        complaints.push(complain(name, format!("TWICE excuses `{name}`, which is not built twice"), "no such row"));
    }
    complaints
}
