//! Every mistake is found, with its place and field.

use std::time::Duration;

use super::*;
use crate::config::Reach;

const UPSTREAM: &str = "http://127.0.0.1:9001";

fn check(change: impl Fn(&mut Gateway), expected: &[&str]) {
    let orders = Route::guarded(GuardKind::Opaque, "orders", "/orders", UPSTREAM).audience(&["orders"]);
    let mut config = Gateway::new(vec![orders, Route::open("start", "/", UPSTREAM)]);
    config.login = vec![LoginMount::new("/auth", Issues::Opaque)];
    change(&mut config);
    let found = config.validate().err().map(|invalids| invalids.0).unwrap_or_default();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_sound_configuration_has_no_mistakes() {
    check(|_| (), &[]);
    check(|config| config.routes[1].matching.reach = Reach::Exact, &[]);
    check(|config| config.routes[0].strip_prefix = Some("/orders".to_owned()), &[]);
    check(
        |config| config.allowed_origins = vec!["https://app.example".to_owned(), "http://[::1]:3000".to_owned()],
        &[],
    );
}

#[test]
fn every_mistake_is_named_with_its_place() {
    check(|config| config.routes[0].name = "start".to_owned(), &["route `start`: `name`: `start` is there already"]);
    check(
        |config| config.routes[0].matching.path = "/orders/".to_owned(),
        &[
            "route `orders`: `match.path`: `/orders/`: not in canonical form: write it decoded, with single slashes and none at the end",
        ],
    );
    check(
        |config| config.routes[0].matching.path = "orders".to_owned(),
        &["route `orders`: `match.path`: `orders`: not a path"],
    );
    check(
        |config| config.routes[0].matching.path = "/a;b".to_owned(),
        &["route `orders`: `match.path`: `/a;b`: `;` cannot be matched"],
    );
    check(
        |config| config.routes[0].matching.host = Some("a.example:80".to_owned()),
        &["route `orders`: `match.host`: `a.example:80` is not a host name without port"],
    );
    check(
        |config| config.routes[0].matching.methods = vec!["CONNECT".to_owned()],
        &["route `orders`: `match.methods`: `CONNECT` is not a method that can be proxied"],
    );
    check(
        |config| config.routes[0].upstream = "https://orders".to_owned(),
        &[
            "route `orders`: `upstream`: `https://orders`: expected `http://host:port` without a path; upstreams are reached over plain http",
        ],
    );
    check(
        |config| config.routes[0].strip_prefix = Some("/ord".to_owned()),
        &[
            "route `orders`: `strip_prefix`: `/ord` is not the route's path or a part of its beginning, by whole segments",
        ],
    );
    check(
        |config| config.routes[0].response_tokens = vec!["x token".to_owned()],
        &["route `orders`: `response_tokens`: `x token` is not the name of a header"],
    );
    check(
        |config| config.routes[0].max_staleness = Duration::ZERO,
        &["route `orders`: `max_staleness`: must be more than zero"],
    );
    check(
        |config| config.routes[0].revocation = Revocation::None,
        &["route `orders`: `revocation`: means nothing with this guard"],
    );
    check(
        |config| config.routes[1].audience = vec!["x".to_owned()],
        &["route `start`: `audience`: means nothing on an open route"],
    );
    check(
        |config| config.routes[1].scopes.always.all = "a".parse().unwrap(),
        &["route `start`: `scopes`: means nothing on an open route"],
    );
    check(
        |config| config.allowed_origins = vec!["https://app.example/".to_owned()],
        &[
            "gateway: `allowed_origins`: `https://app.example/` is not an origin: expected `https://host` or `http://host:port`",
        ],
    );
    check(|config| config.limits.headers_max = 0, &["gateway: `limits.headers_max`: must be more than zero"]);
}

#[test]
fn mistakes_between_places_are_found_too_and_all_at_once() {
    check(
        |config| config.routes[0].audience.clear(),
        &[
            "route `orders`: `audience`: must not be empty",
            "login `/auth`: `audience`: no route of realm `main` and this kind names an audience; name one here",
        ],
    );
    check(
        |config| config.routes.push(Route::open("twin", "/", UPSTREAM)),
        &["route `twin`: `match`: route `start` takes the same host, path and method"],
    );
    check(
        |config| {
            config.routes[0].matching.methods = vec!["GET".to_owned()];
            config.routes[0].scopes.methods.insert("POST".to_owned(), ScopeRule::default());
        },
        &["route `orders`: `scopes`: `POST` is not one of the route's methods"],
    );
    check(
        |config| config.login.push(LoginMount::new("/auth", Issues::Opaque)),
        &["login `/auth`: `prefix`: `/auth` is there already"],
    );
    check(
        |config| config.login[0].prefix = "/".to_owned(),
        &["login `/`: `prefix`: `/`: a prefix of its own is needed"],
    );
}
