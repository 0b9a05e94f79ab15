//! From what was written to what it means: the gateway.
//!
//! The gateway finds most mistakes itself; here they get the key that the file uses, and the place where it stands.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use sekisho_gateway::config as gateway;
use sekisho_token::Secret;
use sekisho_wire::{Issuer, RealmName};

use super::super::RemoteRealm;
use super::super::address::is_issuer;
use super::super::units::Size;
use super::{At, GATEWAY, Gateway, Identity, Notes, Span, Text, said};

// === impl Notes ===

impl Notes {
    pub(super) fn gateway(&mut self, said: said::Gateway, identity: Option<&Identity>) -> Gateway {
        let said::Gateway { listen, scheme, tls, allowed_origins, trusted_proxies, login, routes, realms, limits } =
            said;
        let spot = listen.as_ref().map(|listen| listen.spot);
        let listen = self.listen("gateway.listen", listen.as_ref(), GATEWAY, "the gateway listens on");
        let whole = gateway::Place::Gateway.to_string();
        let limits_spot = limits.as_ref().map(|limits| limits.spot);
        let config = gateway::Gateway {
            routes: routes.into_iter().map(|said| self.route(said)).collect(),
            login: login.into_iter().map(|said| self.login(said)).collect(),
            scheme: self.scheme(scheme, tls.as_ref()),
            allowed_origins: self.here(&whole, "allowed_origins", allowed_origins).unwrap_or_default(),
            trusted_proxies: trusted_proxies.into_iter().map(|Text(network)| network).collect(),
            limits: gateway_limits(limits.map(|limits| limits.value).unwrap_or_default()),
        };
        if matches!(config.scheme, gateway::Scheme::Http) && !listen.ip().is_loopback() {
            let what = format!(
                "`gateway.listen`: {listen} is not loopback: expected a loopback address, `tls`, or `scheme: https` where \
                 TLS ends in front of it"
            );
            self.mistake(spot, what);
        }
        if let Err(gateway::Invalids(invalids)) = config.validate() {
            for gateway::Invalid { place, field, problem } in invalids {
                let owner = place.to_string();
                let spot = self.spots.get(&(owner.clone(), field)).or_else(|| self.spots.get(&(owner, "")));
                let spot = spot.copied().or(limits_spot);
                self.mistake(spot, format!("{place}: `{}`: {problem}", key_of(field)));
            }
        }
        let remote = realms.into_iter().filter_map(|(name, said)| self.remote(name, said)).collect();
        let tls = tls.and_then(|said| self.tls("gateway.tls", said));
        let gateway = Gateway { listen, config, remote, tls };
        self.realms_are_known(&gateway, identity);
        gateway
    }

    /// With a certificate of its own a gateway is reached by https, and its cookies are named for it.
    fn scheme(&mut self, said: Option<At<said::Scheme>>, tls: Option<&At<said::Tls>>) -> gateway::Scheme {
        match (said, tls) {
            (Some(At { value: said::Scheme::Http, spot }), Some(_)) => {
                let what = "`gateway.scheme`: `http` beside `gateway.tls`: expected `https`, or no scheme";
                self.mistake(Some(spot), what.to_owned());
                gateway::Scheme::Https
            }
            (Some(At { value: said::Scheme::Https, .. }), _) | (None, Some(_)) => gateway::Scheme::Https,
            (None | Some(At { value: said::Scheme::Http, .. }), None) => gateway::Scheme::Http,
        }
    }

    /// The value, with a note of where it stands.
    fn here<T>(&mut self, owner: &str, field: &'static str, said: Option<At<T>>) -> Option<T> {
        let At { value, spot } = said?;
        self.spots.insert((owner.to_owned(), field), spot);
        Some(value)
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
        let owner = &gateway::Place::Route(name.value.clone()).to_string();
        self.spots.retain(|(other, _), _| other != owner);
        self.spots.insert((owner.clone(), ""), name.spot);
        let guard = match guard {
            said::Guard::Open => gateway::GuardKind::Open,
            said::Guard::Opaque => gateway::GuardKind::Opaque,
            said::Guard::Jwt => gateway::GuardKind::Jwt,
        };
        self.spots.insert((owner.clone(), "upstream"), upstream.spot);
        let matching = self.matching(owner, matching);
        let usual = gateway::Route::guarded(guard, &name.value, &matching.path, &upstream.value);
        gateway::Route {
            matching,
            strip_prefix: self.here(owner, "strip_prefix", strip_prefix),
            realm: self.here(owner, "realm", realm).unwrap_or_else(|| usual.realm.clone()),
            audience: self.here(owner, "audience", audience).unwrap_or_default(),
            scopes: demand(self.here(owner, "scopes", scopes).unwrap_or_default()),
            revocation: match self.here(owner, "revocation", revocation) {
                None | Some(said::Revocation::Feed) => gateway::Revocation::Feed,
                Some(said::Revocation::None) => gateway::Revocation::None,
            },
            max_staleness: self
                .here(owner, "max_staleness", max_staleness)
                .map_or(usual.max_staleness, |Span(span)| span),
            on_stale: match self.here(owner, "on_stale", on_stale) {
                None | Some(said::OnStale::Ask) => gateway::OnStale::Ask,
                Some(said::OnStale::Deny) => gateway::OnStale::Deny,
                Some(said::OnStale::Serve) => gateway::OnStale::Serve,
            },
            forward: match forward {
                None | Some(said::Forward::Token) => gateway::Forward::Token,
                Some(said::Forward::None) => gateway::Forward::None,
            },
            response_tokens: self
                .here(owner, "response_tokens", response_tokens)
                .unwrap_or_else(|| usual.response_tokens.clone()),
            body_bytes_max: self.here(owner, "body_bytes_max", body_max).map(|Size(bytes)| bytes),
            ..usual
        }
    }

    fn matching(&mut self, owner: &str, said: At<said::Match>) -> gateway::Match {
        self.spots.insert((owner.to_owned(), "match"), said.spot);
        let said::Match { host, path, exact, methods } = said.value;
        self.spots.insert((owner.to_owned(), "match.path"), path.spot);
        gateway::Match {
            host: self.here(owner, "match.host", host),
            path: path.value,
            reach: if exact { gateway::Reach::Exact } else { gateway::Reach::Below },
            methods: self.here(owner, "match.methods", methods).unwrap_or_default(),
        }
    }

    fn login(&mut self, said: said::LoginMount) -> gateway::LoginMount {
        let said::LoginMount { prefix, realm, issues, audience, delivery } = said;
        let owner = &gateway::Place::Login(prefix.value.clone()).to_string();
        self.spots.retain(|(other, _), _| other != owner);
        self.spots.insert((owner.clone(), ""), prefix.spot);
        let issues = match issues {
            said::Issues::Opaque => gateway::Issues::Opaque,
            said::Issues::Jwt => gateway::Issues::Jwt,
        };
        let usual = gateway::LoginMount::new(&prefix.value, issues);
        gateway::LoginMount {
            realm: self.here(owner, "realm", realm).unwrap_or_else(|| usual.realm.clone()),
            audience: self.here(owner, "audience", audience).unwrap_or_default(),
            delivery: match delivery {
                None | Some(said::Delivery::CookieOrBody) => gateway::Delivery::CookieOrBody,
                Some(said::Delivery::Cookie) => gateway::Delivery::Cookie,
            },
            ..usual
        }
    }

    fn remote(&mut self, name: RealmName, said: said::RemoteRealm) -> Option<RemoteRealm> {
        let said::RemoteRealm { issuer, address, client_id, client_secret_file, certificate_authority_file } = said;
        if !is_issuer(&issuer.value, name.as_str()) {
            let what = format!(
                "realm `{name}`: `issuer`: `{}` is not an issuer of it: expected `https://HOST/realms/{name}`",
                issuer.value
            );
            self.mistake(Some(issuer.spot), what);
        }
        Some(RemoteRealm {
            issuer: Issuer::new(&issuer.value),
            address: address.map(|Text(address)| address),
            client_id,
            certificate_authorities: self.authorities(&name, certificate_authority_file),
            client_secret: self.secret(&name, client_secret_file)?,
            name,
        })
    }

    fn secret(&mut self, realm: &RealmName, file: At<PathBuf>) -> Option<Secret<String>> {
        let At { value: path, spot } = file;
        let mut wrong = |why: &dyn std::fmt::Display| {
            let what = format!("realm `{realm}`: `client_secret_file`: `{}`: {why}", path.display());
            self.mistake(Some(spot), what);
        };
        match std::fs::read_to_string(&path).map(Secret::new) {
            Ok(secret) if secret.expose().trim().is_empty() => wrong(&"is empty: expected the client's secret"),
            Ok(secret) => return Some(Secret::new(secret.expose().trim().to_owned())),
            Err(error) => wrong(&error),
        }
        None
    }

    fn authorities(&mut self, realm: &RealmName, file: Option<At<PathBuf>>) -> Vec<u8> {
        let Some(At { value: path, spot }) = file else { return Vec::new() };
        let mut wrong = |why: &dyn std::fmt::Display| {
            let what = format!("realm `{realm}`: `certificate_authority_file`: `{}`: {why}", path.display());
            self.mistake(Some(spot), what);
        };
        match std::fs::read(&path) {
            Ok(bytes) => match sekisho_fetch::certificates(&bytes) {
                Ok(_) => return bytes,
                Err(error) => wrong(&error),
            },
            Err(error) => wrong(&error),
        }
        Vec::new()
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
                let owner = place.to_string();
                let spot = self.spots.get(&(owner.clone(), "realm")).or_else(|| self.spots.get(&(owner, "")));
                let what = format!(
                    "{place}: realm `{realm}` is unknown: expected one under `identity.realms` or `gateway.realms`"
                );
                self.mistake(spot.copied(), what);
            }
        }
    }
}

/// What the file calls a field of the gateway: sizes and counts go without `_max`, and say their unit with the number.
fn key_of(field: &str) -> &str {
    let field = field.strip_suffix("_bytes_max").unwrap_or(field);
    match field {
        "body" => "body_max",
        _ => field.strip_suffix("_max").unwrap_or(field),
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
        handshake_deadline,
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
        handshake_deadline: span(handshake_deadline, usual.handshake_deadline),
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
