//! From what was written to what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use sekisho_gateway::config as gateway;
use sekisho_identity::{RealmSettings, Settings};
use sekisho_token::Secret;
use sekisho_wire::{Issuer, RealmName};
use serde_saphyr::Spanned;

use super::said;
use super::units::{Size, Span, Text};
use super::{Config, Gateway, Identity, Mistake, RemoteRealm};
use crate::kek::KekSource;

const IDENTITY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7000);
const OPERATIONS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7001);
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// Notes mistakes and assumptions on the way.
#[derive(Default)]
struct Notes {
    mistakes: Vec<Mistake>,
    assumed: Vec<String>,
    /// Where routes and mounts stand, by how the gateway names them, for the mistakes that it finds.
    places: BTreeMap<String, (u64, u64)>,
}

pub(super) fn meant(file: said::File) -> Result<Config, Vec<Mistake>> {
    let said::File { data, key_encryption_key, identity, gateway, operations } = file;
    let mut notes = Notes::default();
    let data =
        data.unwrap_or_else(|| notes.assume(PathBuf::from("./sekisho-data"), "data is kept in `./sekisho-data`"));
    let kek = notes.kek(key_encryption_key);
    let identity = identity.map(|identity| notes.identity(identity));
    let gateway = gateway.map(|gateway| notes.gateway(gateway, identity.as_ref()));
    if identity.is_none() && gateway.is_none() {
        notes.mistake(None, "nothing to run: expected `identity:`, `gateway:` or both".to_owned());
    }
    let operations = match operations {
        Some(said::Operations { listen: Text(listen) }) => listen,
        None => notes.assume(OPERATIONS, "health checks are answered on 127.0.0.1:7001"),
    };
    if !operations.ip().is_loopback() {
        tracing::warn!(%operations, "the operations listener is not on loopback");
    }
    let Notes { mistakes, assumed, .. } = notes;
    if mistakes.is_empty() { Ok(Config { data, kek, identity, gateway, operations, assumed }) } else { Err(mistakes) }
}

// === impl Notes ===

impl Notes {
    fn assume<T>(&mut self, value: T, words: &str) -> T {
        self.assumed.push(words.to_owned());
        value
    }

    fn mistake(&mut self, at: Option<(u64, u64)>, what: String) {
        self.mistakes.push(Mistake { at, what });
    }

    fn kek(&mut self, kek: Option<said::Kek>) -> KekSource {
        match kek {
            None => {
                self.assume(KekSource::Generated, "private keys are sealed under `DATA/kek`, made at the first start")
            }
            Some(said::Kek { file: Some(path), env: None }) => KekSource::File(path),
            Some(said::Kek { file: None, env: Some(name) }) => KekSource::Environment(name),
            Some(said::Kek { file: _, env: _ }) => {
                self.mistake(None, "`key_encryption_key`: expected exactly one of `file` and `env`".to_owned());
                KekSource::Generated
            }
        }
    }

    fn identity(&mut self, identity: said::Identity) -> Identity {
        let said::Identity { listen, public_url, realms } = identity;
        let listen = match listen {
            Some(Text(listen)) => listen,
            None => self.assume(IDENTITY, "identity listens on 127.0.0.1:7000"),
        };
        let public_url = public_url.unwrap_or_else(|| {
            let url = format!("http://localhost:{}", listen.port());
            let words = format!("identity is reached at {url}; issuers begin with it");
            self.assume(url, &words)
        });
        if !listen.ip().is_loopback() && public_url.starts_with("http://") {
            let what = format!(
                "`identity.public_url`: `{public_url}` is plain http and identity listens on {listen}: expected https, or a loopback address"
            );
            self.mistake(None, what);
        }
        let mut settings = Settings::at(&public_url);
        settings.realms = realms.into_iter().map(|(name, said)| (name, realm(said))).collect();
        Identity { listen, settings }
    }

    fn gateway(&mut self, said: said::Gateway, identity: Option<&Identity>) -> Gateway {
        let said::Gateway { listen, scheme, allowed_origins, trusted_proxies, login, routes, realms, limits } = said;
        let listen = match listen {
            Some(Text(listen)) => listen,
            None => self.assume(GATEWAY, "the gateway listens on 127.0.0.1:8000"),
        };
        let config = gateway::Gateway {
            routes: routes.into_iter().map(|said| self.route(said)).collect(),
            login: login.into_iter().map(|said| self.login(said)).collect(),
            scheme: match scheme {
                None | Some(said::Scheme::Http) => gateway::Scheme::Http,
                Some(said::Scheme::Https) => gateway::Scheme::Https,
            },
            allowed_origins,
            trusted_proxies,
            limits: gateway_limits(limits),
        };
        if matches!(config.scheme, gateway::Scheme::Http) && !listen.ip().is_loopback() {
            let what = format!(
                "`gateway.listen`: {listen} is not loopback: say `scheme: https` where TLS ends in front of it"
            );
            self.mistake(None, what);
        }
        if let Err(gateway::Invalids(invalids)) = config.validate() {
            for invalid in invalids {
                let at = self.places.get(&invalid.place.to_string()).copied();
                self.mistake(at, invalid.to_string());
            }
        }
        let remote = realms.into_iter().filter_map(|(name, said)| self.remote(name, said)).collect();
        let gateway = Gateway { listen, config, remote };
        self.realms_are_known(&gateway, identity);
        gateway
    }

    fn route(&mut self, said: said::Route) -> gateway::Route {
        let said::Route {
            name,
            matching,
            upstream,
            guard,
            strip_prefix,
            realm,
            audience,
            scopes,
            revocation,
            max_staleness,
            on_stale,
            forward,
            response_tokens,
            body_max,
        } = said;
        let said::Match { host, path, exact, methods } = matching;
        self.places.insert(gateway::Place::Route(name.value.clone()).to_string(), place_of(&name));
        let guard = match guard {
            said::Guard::Open => gateway::GuardKind::Open,
            said::Guard::Opaque => gateway::GuardKind::Opaque,
            said::Guard::Jwt => gateway::GuardKind::Jwt,
        };
        let usual = gateway::Route::guarded(guard, &name.value, &path, &upstream);
        gateway::Route {
            matching: gateway::Match {
                host,
                path,
                reach: if exact { gateway::Reach::Exact } else { gateway::Reach::Below },
                methods,
            },
            strip_prefix,
            realm: realm.unwrap_or_else(|| usual.realm.clone()),
            audience,
            scopes: demand(scopes),
            revocation: match revocation {
                None | Some(said::Revocation::Feed) => gateway::Revocation::Feed,
                Some(said::Revocation::None) => gateway::Revocation::None,
            },
            max_staleness: max_staleness.map_or(usual.max_staleness, |Span(span)| span),
            on_stale: match on_stale {
                None | Some(said::OnStale::Ask) => gateway::OnStale::Ask,
                Some(said::OnStale::Deny) => gateway::OnStale::Deny,
                Some(said::OnStale::Serve) => gateway::OnStale::Serve,
            },
            forward: match forward {
                None | Some(said::Forward::Token) => gateway::Forward::Token,
                Some(said::Forward::None) => gateway::Forward::None,
            },
            response_tokens: response_tokens.unwrap_or_else(|| usual.response_tokens.clone()),
            body_bytes_max: body_max.map(|Size(bytes)| bytes),
            ..usual
        }
    }

    fn login(&mut self, said: said::LoginMount) -> gateway::LoginMount {
        let said::LoginMount { prefix, realm, issues, audience, delivery } = said;
        self.places.insert(gateway::Place::Login(prefix.value.clone()).to_string(), place_of(&prefix));
        let issues = match issues {
            said::Issues::Opaque => gateway::Issues::Opaque,
            said::Issues::Jwt => gateway::Issues::Jwt,
        };
        let usual = gateway::LoginMount::new(&prefix.value, issues);
        gateway::LoginMount {
            realm: realm.unwrap_or_else(|| usual.realm.clone()),
            audience,
            delivery: match delivery {
                None | Some(said::Delivery::CookieOrBody) => gateway::Delivery::CookieOrBody,
                Some(said::Delivery::Cookie) => gateway::Delivery::Cookie,
            },
            ..usual
        }
    }

    fn remote(&mut self, name: RealmName, said: said::RemoteRealm) -> Option<RemoteRealm> {
        let said::RemoteRealm { issuer, address, client_id, client_secret_file } = said;
        let at = Some(place_of(&issuer));
        if !issuer.value.ends_with(&format!("/realms/{name}")) {
            let what = format!(
                "realm `{name}`: issuer `{}` is another realm's: expected it to end in `/realms/{name}`",
                issuer.value
            );
            self.mistake(at, what);
        }
        let secret = match std::fs::read_to_string(&client_secret_file) {
            Ok(secret) => secret,
            Err(error) => {
                let what = format!("realm `{name}`: cannot read `{}`: {error}", client_secret_file.display());
                self.mistake(at, what);
                return None;
            }
        };
        Some(RemoteRealm {
            name,
            issuer: Issuer::new(&issuer.value),
            address: address.map(|Text(address)| address),
            client_id,
            client_secret: Secret::new(secret.trim().to_owned()),
        })
    }

    /// Every realm that a route or mount names is answered for, here or elsewhere.
    fn realms_are_known(&mut self, gateway: &Gateway, identity: Option<&Identity>) {
        let elsewhere: BTreeSet<&RealmName> = gateway.remote.iter().map(|realm| &realm.name).collect();
        let here = |realm: &RealmName| {
            let always = [RealmName::DEFAULT, RealmName::SYSTEM].contains(&realm.as_str());
            identity.is_some_and(|identity| always || identity.settings.realms.contains_key(realm))
        };
        let routes = gateway.config.routes.iter().filter(|route| route.guard != gateway::GuardKind::Open);
        let routes = routes.map(|route| (gateway::Place::Route(route.name.clone()), &route.realm));
        let mounts = gateway.config.login.iter();
        let mounts = mounts.map(|mount| (gateway::Place::Login(mount.prefix.clone()), &mount.realm));
        for (place, realm) in routes.chain(mounts) {
            if !here(realm) && !elsewhere.contains(realm) {
                let at = self.places.get(&place.to_string()).copied();
                let what = format!(
                    "{place}: realm `{realm}` is unknown: expected one under `identity.realms` or `gateway.realms`"
                );
                self.mistake(at, what);
            }
        }
    }
}

fn realm(said: said::Realm) -> RealmSettings {
    let said::Realm {
        access_token_lifetime,
        session_idle,
        session_lifetime,
        refresh_idle,
        refresh_grace,
        key_lead,
        signing_algorithm,
        allowed_origins,
    } = said;
    let usual = RealmSettings::default();
    let or = |said: Option<Span>, usual: i64| said.map_or(usual, |Span(span)| seconds(span));
    RealmSettings {
        access_token_lifetime_s: or(access_token_lifetime, usual.access_token_lifetime_s),
        session_idle_s: or(session_idle, usual.session_idle_s),
        session_lifetime_s: or(session_lifetime, usual.session_lifetime_s),
        refresh_idle_s: or(refresh_idle, usual.refresh_idle_s),
        refresh_grace_s: or(refresh_grace, usual.refresh_grace_s),
        key_lead_s: or(key_lead, usual.key_lead_s),
        signing_algorithm: signing_algorithm.map_or(usual.signing_algorithm, |Text(algorithm)| algorithm),
        allowed_origins,
        ..usual
    }
}

fn demand(said: said::Demand) -> gateway::Demand {
    let said::Demand { any, all, methods } = said;
    let rule = |any: said::ScopeList, all: said::ScopeList| gateway::ScopeRule {
        any: any.into_scopes(),
        all: all.into_scopes(),
    };
    let methods = methods.into_iter().map(|(method, said::MethodDemand { any, all })| (method, rule(any, all)));
    gateway::Demand { always: rule(any, all), methods: methods.collect() }
}

fn gateway_limits(said: said::Limits) -> gateway::Limits {
    let said::Limits {
        cores,
        connections,
        head,
        body,
        head_deadline,
        idle_deadline,
        body_read_deadline,
        connect_deadline,
        upstream_head_deadline,
        upstream_read_deadline,
        exchange_deadline,
        swapped_tokens,
        verified_tokens,
    } = said;
    let usual = gateway::Limits::default();
    let bytes = |said: Option<Size>, usual: usize| {
        said.map_or(usual, |Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX))
    };
    let span = |said: Option<Span>, usual: Duration| said.map_or(usual, |Span(span)| span);
    gateway::Limits {
        cores: cores.unwrap_or(usual.cores),
        connections_max: connections.unwrap_or(usual.connections_max),
        head_bytes_max: bytes(head, usual.head_bytes_max),
        body_bytes_max: body.map_or(usual.body_bytes_max, |Size(bytes)| bytes),
        head_deadline: span(head_deadline, usual.head_deadline),
        idle_deadline: span(idle_deadline, usual.idle_deadline),
        body_read_deadline: span(body_read_deadline, usual.body_read_deadline),
        connect_deadline: span(connect_deadline, usual.connect_deadline),
        upstream_head_deadline: span(upstream_head_deadline, usual.upstream_head_deadline),
        upstream_read_deadline: span(upstream_read_deadline, usual.upstream_read_deadline),
        exchange_deadline: span(exchange_deadline, usual.exchange_deadline),
        swapped_tokens_max: swapped_tokens.unwrap_or(usual.swapped_tokens_max),
        verified_tokens_max: verified_tokens.unwrap_or(usual.verified_tokens_max),
        ..usual
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

/// Line and column of a value in the file.
fn place_of<T>(value: &Spanned<T>) -> (u64, u64) {
    (value.referenced.line(), value.referenced.column())
}
