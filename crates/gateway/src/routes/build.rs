//! From a configuration to a table: realms started, guards made, targets put in their places.

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_wire::{RealmName, TrustedProxies};

use super::{Methods, Node, Route, Table, Target};
use crate::config::validate::{Sound, SoundMount, SoundRoute};
use crate::config::{self, GuardKind, Issues, LoginMount, Reach, Revocation};
use crate::guards::{Guard, Jwt, Opaque};
use crate::headers::cookies::{self, Cookie, Kind};
use crate::lease::Lease;
use crate::login::{Endpoint, Mount};
use crate::meters::Meters;
use crate::permit::Demand;
use crate::realm::{Needs, Realm, Services};
use crate::server::{RealmPorts, StartError};

/// A table, and what its routes know of the realms they name.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) table: Table,
    pub(crate) realms: HashMap<RealmName, Arc<Realm>>,
}

/// Builds a table. Realms of `old` that serve the new routes as well are kept, with everything they remember.
pub(crate) fn build(
    config: &config::Gateway,
    ports: &HashMap<RealmName, RealmPorts>,
    old: &HashMap<RealmName, Arc<Realm>>,
    services: &Services,
) -> Result<Built, StartError> {
    let sound = config.sound()?;
    let realms = realms(config, ports, old, services)?;
    let mut table = Table {
        scheme: config.scheme,
        origins: Vec::new(),
        proxies: TrustedProxies::new(config.trusted_proxies.clone()),
        any_host: Node::default(),
        hosts: HashMap::default(),
    };
    let Sound { routes, mounts, origins } = sound;
    table.origins = origins;
    for (route, sound) in config.routes.iter().zip(routes) {
        let (host, path) = (sound.host.clone(), sound.path.clone());
        let target = Target::Route(Arc::new(make_route(config, route, (sound, &services.meters), &realms)?));
        let node = match host {
            Some(host) => table.hosts.entry(host).or_default(),
            None => &mut table.any_host,
        };
        node.insert(&path, route.matching.reach, target);
    }
    for (mount, sound) in config.login.iter().zip(mounts) {
        let prefix = sound.prefix.clone();
        let mount = Arc::new(make_mount(config, mount, (sound, &services.meters), &realms)?);
        for &endpoint in Endpoint::of(mount.issues) {
            let target = Target::Login(Arc::clone(&mount), endpoint);
            table.any_host.insert(&format!("{prefix}{}", endpoint.path()), Reach::Exact, target);
        }
    }
    Ok(Built { table, realms })
}

fn realms(
    config: &config::Gateway,
    ports: &HashMap<RealmName, RealmPorts>,
    old: &HashMap<RealmName, Arc<Realm>>,
    services: &Services,
) -> Result<HashMap<RealmName, Arc<Realm>>, StartError> {
    let mut needs: HashMap<&RealmName, Needs> = HashMap::new();
    for route in config.routes.iter().filter(|route| route.guard != GuardKind::Open) {
        let needs = needs.entry(&route.realm).or_default();
        if route.follows_feed() {
            needs.lease(route.max_staleness);
        } else {
            needs.jwks = true;
        }
    }
    for mount in &config.login {
        // Whether somebody is signed in is asked of the feed, whatever the routes do.
        needs.entry(&mount.realm).or_default().lease(config::MAX_STALENESS);
    }
    let mut realms = HashMap::new();
    for (name, needs) in needs {
        let kept = old.get(name).filter(|realm| realm.serves(&needs)).cloned();
        let realm = match (kept, ports.get(name)) {
            (Some(realm), _) => realm,
            (None, Some(ports)) => Realm::start(name.clone(), ports.clone(), needs, services),
            (None, None) => return Err(StartError::UnknownRealm(name.clone())),
        };
        realms.insert(name.clone(), realm);
    }
    Ok(realms)
}

fn make_route(
    config: &config::Gateway,
    route: &config::Route,
    (sound, meters): (SoundRoute, &Meters),
    realms: &HashMap<RealmName, Arc<Realm>>,
) -> Result<Route, StartError> {
    let lease = Lease { max_staleness: route.max_staleness, on_stale: route.on_stale };
    let guard = match route.guard {
        GuardKind::Open => Guard::Open,
        GuardKind::Opaque => {
            let cookie = cookies::name(config.scheme, &route.realm, Kind::Opaque);
            Guard::Opaque(Opaque::new(find(realms, &route.realm)?, &route.audience, lease, cookie)?)
        }
        GuardKind::Jwt => {
            let cookie = cookies::name(config.scheme, &route.realm, Kind::Jwt);
            let lease = (route.revocation == Revocation::Feed).then_some(lease);
            Guard::Jwt(Jwt::new(find(realms, &route.realm)?, &route.audience, lease, cookie)?)
        }
    };
    let realm = (route.guard != GuardKind::Open).then(|| route.realm.clone());
    Ok(Route {
        name: route.name.as_str().into(),
        meter: meters.of_route(&route.name, realm.as_ref()),
        realm,
        methods: Methods(sound.methods),
        guard,
        demand: Demand::new(route.scopes.always.clone(), sound.scopes),
        upstream: sound.upstream,
        strip_prefix: sound.strip_prefix,
        forward: route.forward,
        body_bytes_max: route.body_bytes_max.unwrap_or(config.limits.body_bytes_max),
        response_tokens: sound.response_tokens,
    })
}

fn make_mount(
    config: &config::Gateway,
    mount: &LoginMount,
    (sound, meters): (SoundMount, &Meters),
    realms: &HashMap<RealmName, Arc<Realm>>,
) -> Result<Mount, StartError> {
    let realm = find(realms, &mount.realm)?;
    let lease = Lease { max_staleness: config::MAX_STALENESS, on_stale: config::OnStale::Ask };
    let kind = match mount.issues {
        Issues::Opaque => Kind::Opaque,
        Issues::Jwt => Kind::Jwt,
    };
    let cookie = Cookie::credential(config.scheme, &mount.realm, kind);
    let refresh = match mount.issues {
        Issues::Opaque => None,
        Issues::Jwt => Some(Cookie::refresh(config.scheme, &mount.realm, &sound.prefix)),
    };
    let guard = match mount.issues {
        Issues::Opaque => Guard::Opaque(Opaque::new(realm, &sound.audience, lease, cookie.name.clone())?),
        Issues::Jwt => Guard::Jwt(Jwt::new(realm, &sound.audience, Some(lease), cookie.name.clone())?),
    };
    Ok(Mount {
        meter: meters.of_route(&format!("login {}", sound.prefix), Some(&realm.name)),
        realm: Arc::clone(realm),
        issues: mount.issues,
        delivery: mount.delivery,
        audience: sound.audience,
        cookie,
        refresh,
        guard,
    })
}

fn find<'a>(realms: &'a HashMap<RealmName, Arc<Realm>>, name: &RealmName) -> Result<&'a Arc<Realm>, StartError> {
    realms.get(name).ok_or_else(|| StartError::UnknownRealm(name.clone()))
}
