//! From what was written to what it means: the file as a whole, and identity.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use sekisho_identity::{RealmSettings, Settings};
use sekisho_token::Algorithm;
use sekisho_token::key::RsaBits;
use sekisho_wire::trace::Share;
use sekisho_wire::{RealmName, TrustedProxies};

use super::address::{is_base, is_origin};
use super::mistake::Spot;
use super::units::{At, Span, Text};
use super::{Config, Gateway, Identity, Mistake, Traces, said};
use crate::http::tls::{Files, Pair, Part};
use crate::kek::KekSource;

mod database;
mod gateway;
mod theme;

const IDENTITY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7000);
const OPERATIONS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7001);
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// The share of traces that is kept where nobody says another.
const SAMPLE: f64 = 0.05;

/// Notes mistakes and assumptions on the way.
#[derive(Default)]
struct Notes {
    mistakes: Vec<Mistake>,
    assumed: Vec<String>,
    /// Where the listeners stand, by key, for those that would take each other's port.
    listeners: Vec<(&'static str, SocketAddr, Option<Spot>)>,
    /// Where values stand, by the owner's and the field's names in the gateway, for the mistakes that it finds.
    spots: BTreeMap<(String, &'static str), Spot>,
}

pub(super) fn meant(file: said::File) -> Result<Config, Vec<Mistake>> {
    let said::File {
        data,
        database,
        database_password_file,
        database_password_env,
        key_encryption_key,
        identity,
        gateway,
        operations,
        traces,
    } = file;
    let mut notes = Notes::default();
    let database = notes.database(database, database_password_file, database_password_env);
    let data =
        data.unwrap_or_else(|| notes.assume(PathBuf::from("./sekisho-data"), "data is kept in `./sekisho-data`"));
    let kek = notes.kek(key_encryption_key);
    if kek == KekSource::Generated && identity.is_some() {
        let words = format!("private keys are sealed under `{}`, made at the first start", data.join("kek").display());
        notes.assumed.push(words);
    }
    let identity = identity.map(|identity| notes.identity(identity));
    let gateway: Option<Gateway> = gateway.map(|gateway| notes.gateway(gateway, identity.as_ref()));
    if identity.is_none() && gateway.is_none() {
        let what = "nothing to run: expected `identity:`, `gateway:` or both; `identity: {}` takes every default";
        notes.mistake(None, what.to_owned());
    }
    let listen = operations.map(|said::Operations { listen }| listen);
    let operations = notes.listen("operations.listen", listen.as_ref(), OPERATIONS, "health checks are answered on");
    notes.listeners_differ();
    let traces = traces.and_then(|traces| notes.traces(traces));
    let Notes { mistakes, assumed, .. } = notes;
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(Config { data, database, kek, identity, gateway, operations, traces, assumed })
}

// === impl Notes ===

impl Notes {
    fn traces(&mut self, said: said::Traces) -> Option<Traces> {
        let said::Traces { endpoint: At { value: Text(endpoint), spot }, sample } = said;
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            // Not repeated: it is printed and logged in other places, and so is this.
            let what = "`traces.endpoint` holds a name or a password: expected an address like `http://127.0.0.1:4318`";
            self.mistake(Some(spot), what.to_owned());
        } else if !matches!(endpoint.scheme(), "http" | "https") || endpoint.query().is_some() {
            let what =
                format!("`traces.endpoint`: `{endpoint}` is no collector: expected one like `http://127.0.0.1:4318`");
            self.mistake(Some(spot), what);
        }
        let (said, spot) = sample.map_or((SAMPLE, spot), |At { value, spot }| (value, spot));
        match Share::try_from(said) {
            Ok(sample) => Some(Traces { endpoint, sample }),
            Err(error) => {
                self.mistake(Some(spot), format!("`traces.sample`: {error}"));
                None
            }
        }
    }

    fn assume<T>(&mut self, value: T, words: &str) -> T {
        self.assumed.push(words.to_owned());
        value
    }

    fn mistake(&mut self, at: Option<Spot>, what: String) {
        self.mistakes.push(Mistake { at, what });
    }

    /// A listener's address, said or assumed.
    fn listen(
        &mut self,
        key: &'static str,
        said: Option<&At<Text<SocketAddr>>>,
        usual: SocketAddr,
        words: &str,
    ) -> SocketAddr {
        let spot = said.map(|said| said.spot);
        let listen = match said {
            Some(At { value: Text(listen), .. }) => *listen,
            None => self.assume(usual, &format!("{words} {usual}")),
        };
        self.listeners.push((key, listen, spot));
        listen
    }

    fn listeners_differ(&mut self) {
        let listeners = std::mem::take(&mut self.listeners);
        for (number, (key, listen, spot)) in listeners.iter().enumerate() {
            let earlier = listeners.iter().take(number);
            let taken = earlier.clone().find(|(_, other, _)| other == listen && listen.port() != 0);
            if let Some((other, _, other_spot)) = taken {
                let what = format!("`{key}`: `{other}` listens on {listen} already: expected another port");
                self.mistake(spot.or(*other_spot), what);
            }
        }
    }

    fn kek(&mut self, kek: Option<At<said::Kek>>) -> KekSource {
        let Some(At { value, spot }) = kek else { return KekSource::Generated };
        match value {
            said::Kek { file: Some(path), env: None } => KekSource::File(path),
            said::Kek { file: None, env: Some(name) } => KekSource::Environment(name),
            said::Kek { file: _, env: _ } => {
                self.mistake(Some(spot), "`key_encryption_key`: expected exactly one of `file` and `env`".to_owned());
                KekSource::Generated
            }
        }
    }

    fn identity(&mut self, identity: said::Identity) -> Identity {
        let said::Identity { listen, public_url, tls, trusted_proxies, realms } = identity;
        let spot = listen.as_ref().map(|listen| listen.spot);
        let listen = self.listen("identity.listen", listen.as_ref(), IDENTITY, "identity listens on");
        let public_url = match public_url {
            Some(said) if tls.is_some() && said.value.starts_with("http://") => {
                let what = "`identity.public_url`: plain http beside `identity.tls`: expected `https://HOST`";
                self.mistake(Some(said.spot), what.to_owned());
                said.value
            }
            Some(said) => self.public_url(said, listen),
            None if listen.port() == 0 => {
                let what =
                    "`identity.listen`: any free port cannot be part of an issuer: expected a port, or `public_url`";
                self.mistake(spot, what.to_owned());
                String::new()
            }
            None => {
                let scheme = if tls.is_some() { "https" } else { "http" };
                let url = format!("{scheme}://localhost:{}", listen.port());
                let words = format!("identity is reached at {url}; issuers begin with it");
                self.assume(url, &words)
            }
        };
        if !listen.ip().is_loopback() && public_url.starts_with("http://") {
            let what = format!(
                "`identity.listen`: {listen} is not loopback and `public_url` is plain http: expected https there, or a \
                 loopback address here"
            );
            self.mistake(spot, what);
        }
        let mut settings = Settings::at(&public_url);
        settings.trusted_proxies =
            TrustedProxies::new(trusted_proxies.into_iter().map(|Text(network)| network).collect());
        settings.realms = realms
            .into_iter()
            .map(|(name, said)| {
                let settings = self.realm(&name, said);
                (name, settings)
            })
            .collect();
        let tls = tls.and_then(|said| self.tls("identity.tls", said));
        Identity { listen, settings, tls }
    }

    /// A certificate and its key, read and found to belong together.
    fn tls(&mut self, owner: &str, said: At<said::Tls>) -> Option<Pair> {
        let said::Tls { certificate, key } = said.value;
        let spots = (certificate.spot, key.spot);
        match (Files { certificate: certificate.value, key: key.value }).read() {
            Ok(pair) => Some(pair),
            Err(bad) => {
                let (name, spot) = match bad.part() {
                    Part::Certificate => ("certificate", spots.0),
                    Part::Key => ("key", spots.1),
                };
                self.mistake(Some(spot), format!("`{owner}`: `{name}`: {bad}"));
                None
            }
        }
    }

    fn public_url(&mut self, said: At<String>, listen: SocketAddr) -> String {
        let At { value, spot } = said;
        if !is_base(&value) {
            let what = format!(
                "`identity.public_url`: `{value}` cannot be the base of issuers: expected `https://HOST` without a path, \
                 or `http://localhost:{}`",
                listen.port()
            );
            self.mistake(Some(spot), what);
        }
        value
    }

    fn realm(&mut self, name: &RealmName, said: said::Realm) -> RealmSettings {
        let said::Realm {
            access_token_lifetime,
            session_idle,
            session_lifetime,
            refresh_idle,
            refresh_grace,
            key_lead,
            signing_algorithm,
            signing_key_bits,
            allowed_origins,
            theme,
        } = said;
        let usual = RealmSettings::default();
        let signing_algorithm = signing_algorithm.map_or(usual.signing_algorithm, |Text(algorithm)| algorithm);
        let rsa_bits = self.rsa_bits(name, signing_key_bits, signing_algorithm).unwrap_or(usual.rsa_bits);
        let mut or = |key, least_s, said, usual_s| self.seconds((name, key), said, least_s).unwrap_or(usual_s);
        let settings = RealmSettings {
            access_token_lifetime_s: or(
                "access_token_lifetime",
                1,
                access_token_lifetime,
                usual.access_token_lifetime_s,
            ),
            session_idle_s: or("session_idle", 1, session_idle, usual.session_idle_s),
            session_lifetime_s: or("session_lifetime", 1, session_lifetime, usual.session_lifetime_s),
            refresh_idle_s: or("refresh_idle", 1, refresh_idle, usual.refresh_idle_s),
            refresh_grace_s: or("refresh_grace", 0, refresh_grace, usual.refresh_grace_s),
            key_lead_s: or("key_lead", 1, key_lead, usual.key_lead_s),
            signing_algorithm,
            rsa_bits,
            theme: self.theme(name, theme),
            ..usual
        };
        let origins = allowed_origins.into_iter().map(|At { value, spot }| {
            if !is_origin(&value) {
                let what = format!(
                    "realm `{name}`: `allowed_origins`: `{value}` is not an origin: expected one like `https://app.example`"
                );
                self.mistake(Some(spot), what);
            }
            value
        });
        RealmSettings { allowed_origins: origins.collect(), ..settings }
    }

    /// The length of RSA keys; other algorithms have one length.
    fn rsa_bits(&mut self, realm: &RealmName, said: Option<At<u32>>, algorithm: Algorithm) -> Option<RsaBits> {
        let At { value, spot } = said?;
        let bits = RsaBits::of(value);
        if bits.is_none() || !matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256) {
            let what = format!(
                "realm `{realm}`: `signing_key_bits`: `{value}` with {algorithm}: expected 2048 or 3072, with RS256 or PS256"
            );
            self.mistake(Some(spot), what);
        }
        bits
    }

    /// Identity counts in whole seconds.
    fn seconds(&mut self, (realm, key): (&RealmName, &str), said: Option<At<Span>>, least_s: i64) -> Option<i64> {
        let At { value: Span(span), spot } = said?;
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        if span.subsec_nanos() != 0 || seconds < least_s {
            let what = format!("realm `{realm}`: `{key}`: expected whole seconds, at least `{least_s}s`");
            self.mistake(Some(spot), what);
        }
        Some(seconds)
    }
}
