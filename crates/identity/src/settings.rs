//! What the operator decides about identity, with defaults that are good without him.
//!
//! Times are whole seconds, sizes bytes. Not here: reading a file; the roof fills these.

use std::collections::BTreeMap;

use sekisho_token::Algorithm;
use sekisho_token::key::RsaBits;
use sekisho_wire::{RealmName, TrustedProxies};
use url::{Host, Url};

mod theme;

pub use theme::{Accent, BadAccent, BadLogo, BadName, Logo, Name, Theme};

/// Everything that identity is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public base address: `https://id.example`, or plain `http` on loopback. Issuers are below it.
    pub base_url: String,
    /// What realms have in common.
    pub realm_defaults: RealmSettings,
    /// Realms that are made at the first start beside `sekisho` and `main`, or differ from the defaults.
    pub realms: BTreeMap<RealmName, RealmSettings>,
    /// Proxies in front that say where their clients sit.
    pub trusted_proxies: TrustedProxies,
    /// Every limit, by name.
    pub limits: Limits,
}

/// What may differ from realm to realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmSettings {
    /// How long an access token lives (RFC 9068 wants minutes).
    pub access_token_lifetime_s: i64,
    /// How long a sign-in lives unused.
    pub session_idle_s: i64,
    /// How long a sign-in lives in any case.
    pub session_lifetime_s: i64,
    /// How long a refresh token lives unused.
    pub refresh_idle_s: i64,
    /// How long a replaced refresh token is answered with the same successor; 0 for not at all.
    pub refresh_grace_s: i64,
    /// How long an authorization code lives.
    pub code_lifetime_s: i64,
    /// How long a person may take to sign in.
    pub flow_lifetime_s: i64,
    /// What new keys sign with.
    pub signing_algorithm: Algorithm,
    /// The length of new RSA keys.
    pub rsa_bits: RsaBits,
    /// How long a key is published before it signs; half of it is how long a JWKS may be cached.
    pub key_lead_s: i64,
    /// How long a key signs before it is followed by itself.
    pub key_lifetime_s: i64,
    /// Origins whose scripts may call the token endpoint, userinfo and the metadata: `https://app.example`.
    pub allowed_origins: Vec<String>,
    /// How the realm's pages look.
    pub theme: Theme,
}

/// How much of anything there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body of a request.
    pub body_bytes_max: usize,
    /// The shortest password that may be set, in characters.
    pub password_chars_min: usize,
    /// The longest password; longer ones are refused before they are hashed.
    pub password_bytes_max: usize,
    /// Threads that hash passwords; each takes 19 MiB while it works.
    pub hashing_threads: usize,
    /// Passwords that wait for one of them; beyond that the answer is 503.
    pub hashing_queue_max: usize,
    /// Accounts and addresses whose failures are remembered.
    pub throttled_max: usize,
    /// Failed sign-ins of an account before it has to wait.
    pub account_failures_free: u32,
    /// Failed sign-ins from an address before it has to wait.
    pub address_failures_free: u32,
    /// Wrong secrets for one client from one address before the answer is 429.
    pub client_failures_free: u32,
    /// Logins at our own pages that may begin from one address in a minute.
    pub flows_per_minute_max: u32,
    /// The longest wait after a failure, in seconds. There is no lock that only an administrator opens.
    pub wait_s_max: u32,
    /// Streams of the feed at one time.
    pub feed_streams_max: usize,
    /// Signed entries of the feed that are kept.
    pub signed_entries_max: usize,
    /// Verified JWTs of our own that are remembered, for introspection and exchange.
    pub verified_tokens_max: usize,
    /// The longest access token that is read back.
    pub token_bytes_max: usize,
    /// Expired rows that are deleted in one go.
    pub sweep_rows_max: u32,
}

/// An address cannot be the base of issuers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be identity's address: expected `https://HOST` without a path, or `http` on loopback")]
pub struct BadBaseUrl(pub String);

/// The base address, taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// Without a slash at its end.
    pub(crate) url: String,
    /// As a browser writes it in `Origin`.
    pub(crate) origin: String,
    pub(crate) scheme: Scheme,
}

/// What cookies depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

// === impl Settings ===

impl Settings {
    /// Everything as usual, at this address.
    #[must_use]
    pub fn at(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            realm_defaults: RealmSettings::default(),
            realms: BTreeMap::new(),
            trusted_proxies: TrustedProxies::default(),
            limits: Limits::default(),
        }
    }

    /// What holds in this realm.
    #[must_use]
    pub fn of_realm(&self, realm: &RealmName) -> &RealmSettings {
        self.realms.get(realm).unwrap_or(&self.realm_defaults)
    }

    /// The longest lifetime of an access token in any realm, in seconds: how long a revocation matters to the store.
    #[must_use]
    pub fn token_lifetime_s_max(&self) -> i64 {
        let all = self.realms.values().chain([&self.realm_defaults]);
        all.map(|realm| realm.access_token_lifetime_s).max().unwrap_or_default()
    }
}

// === impl RealmSettings ===

impl Default for RealmSettings {
    fn default() -> Self {
        Self {
            access_token_lifetime_s: 5 * 60,
            session_idle_s: 12 * 60 * 60,
            session_lifetime_s: 7 * 24 * 60 * 60,
            refresh_idle_s: 7 * 24 * 60 * 60,
            refresh_grace_s: 10,
            code_lifetime_s: 60,
            flow_lifetime_s: 30 * 60,
            signing_algorithm: Algorithm::Es256,
            rsa_bits: RsaBits::Bits2048,
            key_lead_s: 60,
            key_lifetime_s: 90 * 24 * 60 * 60,
            allowed_origins: Vec::new(),
            theme: Theme::default(),
        }
    }
}

// === impl Limits ===

impl Limits {
    /// Whether a text can become a password.
    pub(crate) fn take(&self, password: &str) -> bool {
        password.chars().count() >= self.password_chars_min && password.len() <= self.password_bytes_max
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 << 10,
            password_chars_min: 8,
            password_bytes_max: 512,
            hashing_threads: std::thread::available_parallelism().map_or(2, usize::from),
            hashing_queue_max: 64,
            throttled_max: 100_000,
            account_failures_free: 5,
            address_failures_free: 50,
            client_failures_free: 100,
            flows_per_minute_max: 600,
            wait_s_max: 300,
            feed_streams_max: 1000,
            signed_entries_max: 4096,
            verified_tokens_max: 10_000,
            token_bytes_max: 64 << 10,
            sweep_rows_max: 1000,
        }
    }
}

// === impl Base ===

impl Base {
    /// An issuer is compared byte for byte, so the address must be written the one way that programs write it too.
    pub(crate) fn of(text: &str) -> Result<Self, BadBaseUrl> {
        let bad = || BadBaseUrl(text.to_owned());
        let text = text.trim_end_matches('/');
        let url: Url = text.parse().map_err(|_| bad())?;
        let origin = url.origin().ascii_serialization();
        let scheme = match (url.scheme(), url.host()) {
            ("https", Some(_)) => Scheme::Https,
            ("http", Some(host)) if is_loopback(&host) => Scheme::Http,
            _ => return Err(bad()),
        };
        if origin == text { Ok(Self { url: origin.clone(), origin, scheme }) } else { Err(bad()) }
    }
}

/// Whether a host is this machine itself. `localhost` counts: browsers do not let it leave the machine.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
