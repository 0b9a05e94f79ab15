//! What is wrong with this house, found from outside: its files, its keys, its ports, the issuers and services it speaks to.
//!
//! ```text
//!   certificates  those that this house shows
//!   files       data directory, key-encryption key, database and what is sealed in it
//!   ports       who answers there, and what a running server believes of itself
//!   issuers     discovery, keys, clocks, our own client there
//!   upstreams   whether somebody listens
//! ```
//!
//! Every check looks and changes nothing, so it may run beside a server. Each finding has a code that stays the same over
//! versions, a place, what was found and what was expected. The codes are in `docs/operations.md`; a test holds that.
//!
//! Not here: mistakes that a configuration shows by itself (`config`, `sekisho check`), printing (`cli::doctor`).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sekisho_fetch::{Client, Configured};
use sekisho_token::Entropy;
use sekisho_wire::Clock;
use serde::{Serialize, Serializer};
use tokio::runtime::Handle;

use crate::beliefs::Beliefs;
use crate::config::{Config, ConfigError, Mistake};

mod certificates;
mod files;
mod issuers;
mod ports;
mod upstreams;

/// What doctor examines with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// What is now, and how long something takes.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// What asks others.
    pub http: Client<Configured>,
    /// Where tasks run.
    pub handle: Handle,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What is configured, or assumed.
    pub configured: Vec<Line>,
    /// What a running server says of itself.
    pub running: Option<Beliefs>,
    /// What is wrong, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

/// Something that is wrong, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub code: Code,
    /// How much it matters.
    pub weight: Weight,
    /// Where: a file, a key of the configuration, a realm, an address.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: &'static str,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something does not work, or is not safe.
    Fault,
    /// It works, and somebody should know.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $code:literal, $weight:ident, $expected:literal;)+) => {
        /// Every sort of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name, the same over versions.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// How much it matters.
            #[must_use]
            pub const fn weight(self) -> Weight {
                match self { $(Self::$variant => Weight::$weight,)+ }
            }

            /// What there should be instead.
            #[must_use]
            pub const fn expected(self) -> &'static str {
                match self { $(Self::$variant => $expected,)+ }
            }
        }
    };
}

codes! {
    /// The configuration has a mistake.
    ConfigMistake, "config_mistake", Fault, "a configuration that `sekisho check` calls good";
    /// The data directory cannot be used.
    DataUnwritable, "data_unwritable", Fault, "a directory that this user may write to, or a place where it can be made";
    /// Others may look into the data directory.
    DataOpen, "data_open", Warning, "mode 700";
    /// There is no key-encryption key, or it is none.
    KekUnusable, "kek_unusable", Fault, "32 bytes in hex or base64: the ones that the keys were sealed under";
    /// Others may read the key-encryption key.
    KekOpen, "kek_open", Warning, "mode 600";
    /// The database cannot be read.
    DatabaseUnreadable, "database_unreadable", Fault, "a database of this version of the program or an earlier one";
    /// The database has an older schema.
    SchemaOlder, "schema_older", Warning, "nothing to do: the next start brings it up to date and keeps a copy";
    /// A key does not open.
    KeyUnsealable, "key_unsealable", Fault, "the key-encryption key that it was sealed under";
    /// No key signs.
    KeyMissing, "key_missing", Fault, "a key that signs now: `sekisho key rotate --at-once`";
    /// A certificate that we show does not count now.
    CertificateNotValid, "certificate_not_valid", Fault, "a certificate that counts now; new files are taken over while running";
    /// A certificate that we show counts for a few days more.
    CertificateExpiring, "certificate_expiring", Warning, "a certificate that counts for a fortnight or more";
    /// A certificate that we show is another host's.
    CertificateName, "certificate_name", Fault, "a certificate for the host of `identity.public_url`";
    /// Others may read a certificate's key.
    CertificateKeyOpen, "certificate_key_open", Warning, "mode 600";
    /// Somebody else has a port.
    PortTaken, "port_taken", Fault, "a port that is free, or a server of this configuration on it";
    /// The directory is held, and nobody answers.
    ServerSilent, "server_silent", Fault, "an answer of the process that holds the data directory";
    /// Parts of the running server are not ready.
    NotReady, "not_ready", Fault, "every part ready";
    /// A gateway has not heard from its issuer.
    FeedStale, "feed_stale", Fault, "a feed that was confirmed within the last seconds";
    /// The running server is of another version.
    VersionDiffers, "version_differs", Warning, "the version of this program: restart the server";
    /// The running server goes by another configuration.
    ConfigNotLoaded, "config_not_loaded", Fault, "what the configuration says: restart the server";
    /// An issuer does not answer.
    IssuerUnreachable, "issuer_unreachable", Fault, "200 with a discovery document";
    /// An issuer's certificate does not count.
    CertificateRefused, "certificate_refused", Fault, "a certificate that is valid now, for this host, from an authority that we know";
    /// An issuer calls itself something else.
    IssuerWrong, "issuer_wrong", Fault, "the issuer that is configured, byte for byte";
    /// An issuer's keys cannot be had.
    JwksUnreachable, "jwks_unreachable", Fault, "200 with a JSON Web Key Set that holds a usable key";
    /// Two clocks differ.
    ClockSkew, "clock_skew", Fault, "clocks that agree within seconds: set up NTP on both machines";
    /// Our client is refused.
    ClientRefused, "client_refused", Fault, "a client that identity knows, with its secret and the capability to read the feed";
    /// Nobody listens where traces are to be collected.
    CollectorUnreachable, "collector_unreachable", Warning, "a collector that accepts connections; spans are dropped meanwhile";
    /// Nobody listens at an upstream.
    UpstreamUnreachable, "upstream_unreachable", Fault, "somebody who accepts connections";
}

// === impl Report ===

impl Report {
    /// A report on a configuration that is none.
    #[must_use]
    pub fn of_mistakes(error: &ConfigError) -> Self {
        let finding = |place: String, found: String| Finding::new(Code::ConfigMistake, place, found);
        let findings = match error {
            ConfigError::Read { path, source } => vec![finding(path.display().to_string(), source.to_string())],
            ConfigError::Wrong { path, mistakes, .. } => {
                let place = |at: Option<crate::config::Spot>| match at {
                    Some(at) => format!("{}:{}:{}", path.display(), at.line, at.column),
                    None => path.display().to_string(),
                };
                mistakes.iter().map(|Mistake { at, what }| finding(place(*at), what.clone())).collect()
            }
        };
        Self { findings, ..Self::default() }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.weight != Weight::Fault)
    }

    fn note(&mut self, code: Code, place: impl Into<String>, found: impl fmt::Display) {
        self.findings.push(Finding::new(code, place.into(), found.to_string()));
    }
}

// === impl Finding ===

impl Finding {
    fn new(code: Code, place: String, found: String) -> Self {
        Self { code, weight: code.weight(), place, found, expected: code.expected() }
    }
}

// === impl Code ===

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// Examines the house of a configuration.
pub async fn examine(config: &Config, file: Option<PathBuf>, tools: &Tools) -> Report {
    let mut report = Report { configured: configured(config, file), ..Report::default() };
    certificates::examine(config, tools.clock.wall(), &mut report);
    files::examine(config, tools, &mut report).await;
    ports::examine(config, tools, &mut report).await;
    issuers::examine(config, tools, &mut report).await;
    upstreams::examine(config, tools, &mut report).await;
    upstreams::examine_collector(config, tools, &mut report).await;
    report
}

fn configured(config: &Config, file: Option<PathBuf>) -> Vec<Line> {
    let line = |name, value: String| Line { name, value };
    let file = file.map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    let mut lines = vec![
        line("version", env!("CARGO_PKG_VERSION").to_owned()),
        line("configuration", file),
        line("data", config.data.display().to_string()),
        line("key-encryption key", config.kek.to_string()),
        line("operations listen", config.operations.to_string()),
    ];
    if let Some(identity) = &config.identity {
        lines.push(line("identity listens", identity.listen.to_string()));
        lines.push(line("public url", identity.settings.base_url.clone()));
    }
    if let Some(gateway) = &config.gateway {
        lines.push(line("gateway listens", gateway.listen.to_string()));
        lines.push(line("routes", gateway.config.routes.len().to_string()));
    }
    lines
}
