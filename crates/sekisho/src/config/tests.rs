//! What a file means, and how mistakes are told: line, what was found, what was expected.

use std::time::Duration;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("sekisho.yaml"))
}

/// The text without the marker `^`, where the marker stood, and what is said of it.
#[track_caller]
fn refused(marked: &str) -> String {
    let before = marked.split_once('^').expect("a marker in front of the mistake").0;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = parse(&marked.replacen('^', "", 1)).expect_err("this must be refused").to_string();
    let place = format!("sekisho.yaml:{line}:{column}: ");
    assert!(message.starts_with(&place), "expected `{place}…`, got\n{message}");
    message
}

/// A route of a house that has an identity provider, with these lines more (or instead).
fn route(lines: &str) -> String {
    let usual = ["match: { path: /orders }", "upstream: http://127.0.0.1:9001", "guard: opaque", "audience: [orders]"];
    let key = |line: &str| line.trim_start_matches('^').split(':').next().unwrap_or_default().to_owned();
    let said: Vec<&str> = lines.lines().collect();
    let usual = usual.iter().filter(|line| !said.iter().any(|other| key(other) == key(line)));
    let mut text = "identity: {}\ngateway:\n  routes:\n    - name: orders\n".to_owned();
    for line in usual.copied().chain(said.iter().copied()) {
        text.push_str(&format!("      {line}\n"));
    }
    text
}

#[test]
fn the_example_is_good_and_means_what_it_says() {
    let path = Path::new("../../examples/sekisho.yaml");
    let config = Config::read(path).unwrap();
    let gateway = config.gateway.unwrap();
    assert_eq!(gateway.config.routes.len(), 1);
    assert_eq!(gateway.config.routes[0].guard, gateway::GuardKind::Opaque);
    assert_eq!(gateway.config.routes[0].max_staleness, Duration::from_secs(1));
    assert!(std::fs::read_to_string(path).unwrap().lines().count() <= 30);
}

#[test]
fn no_file_is_a_house_on_loopback_that_says_what_it_assumed() {
    let config = Config::assumed().unwrap();
    assert!(config.identity.unwrap().listen.ip().is_loopback());
    assert!(config.gateway.unwrap().listen.ip().is_loopback());
    let assumed = config.assumed.join("\n");
    for word in ["sekisho-data", "7000", "8000", "7001", "kek"] {
        assert!(assumed.contains(word), "{word}: {assumed}");
    }
}

/// Every mistake that is seeded here is told with its place, what was found and what was expected.
#[test]
fn seeded_mistakes_are_told_with_their_place_and_what_was_expected() {
    let seeded = [
        "identity: {}\n^dta: x\n".to_owned(),
        "identity: {}\ndata: a\n^data: b\n".to_owned(),
        "identity: { listen: ^nowhere }\n".to_owned(),
        "identity: { public_url: ^nonsense }\n".to_owned(),
        "identity: { public_url: ^'http://id.example' }\n".to_owned(),
        "identity: { public_url: ^'https://id.example/path' }\n".to_owned(),
        "identity: { listen: ^'127.0.0.1:0' }\n".to_owned(),
        "identity: { listen: ^'0.0.0.0:7000' }\n".to_owned(),
        "identity: { realms: { main: { signing_algorithm: ^HS256 } } }\n".to_owned(),
        "identity: { realms: { main: { signing_algorithm: RS256, signing_key_bits: ^1024 } } }\n".to_owned(),
        "identity: { realms: { main: { signing_key_bits: ^3072 } } }\n".to_owned(),
        "identity: {}\ntraces: { endpoint: ^'http://user:s3cret@127.0.0.1:4318' }\n".to_owned(),
        "identity: { realms: { main: { access_token_lifetime: ^0s } } }\n".to_owned(),
        "identity: { realms: { main: { session_idle: ^1500ms } } }\n".to_owned(),
        "identity: { realms: { main: { refresh_grace: ^5 } } }\n".to_owned(),
        "identity: { realms: { main: { allowed_origins: [^app.example] } } }\n".to_owned(),
        "identity: { realms: { ^Main: {} } }\n".to_owned(),
        "identity: { realms: { main: { theme: { accent: ^red } } } }\n".to_owned(),
        "identity: { realms: { main: { theme: { name: ^' ' } } } }\n".to_owned(),
        "identity: { realms: { main: { theme: { logo: ^/no/such/logo.svg } } } }\n".to_owned(),
        "identity: { realms: { main: { theme: { logo: ^Cargo.toml } } } }\n".to_owned(),
        "identity: { realms: { main: { theme: { ^color: '#000000' } } } }\n".to_owned(),
        "identity: {}\nkey_encryption_key: ^{ file: a, env: B }\n".to_owned(),
        "identity: {}\ndatabase: ^'postgres//me:hunter2@db/house'\n".to_owned(),
        "identity: {}\ndatabase: ^'postgres://me:hunter2@db'\n".to_owned(),
        "identity: {}\ndatabase: ^'postgres://me:hunter2@db/house?sslmode=prefer'\n".to_owned(),
        "identity: {}\ndatabase:\n  ^'postgres://me:hunter2@db/house?pasword=hunter2'\n".to_owned(),
        "identity: {}\ndatabase: ^'postgres://me:hunter2@db/house'\ndatabase_password_env: DB\n".to_owned(),
        "identity: {}\ndatabase: postgres://me@db/house\ndatabase_password_file: ^/no/such/file\n".to_owned(),
        "identity: {}\ndatabase: postgres://me@db/house\n^database_password: hunter2\n".to_owned(),
        "identity: {}\ndatabase_password_env: ^DB\n".to_owned(),
        "identity: {}\noperations: { listen: ^127.0.0.1:7000 }\n".to_owned(),
        "gateway: { listen: ^'0.0.0.0:80' }\n".to_owned(),
        "gateway: { trusted_proxies: [^10.0.0.0/40] }\n".to_owned(),
        "gateway: { allowed_origins: ^[app.example] }\n".to_owned(),
        "gateway: { limits: ^{ connections: 0 } }\n".to_owned(),
        "gateway: { login: [{ prefix: /auth, issues: ^opaqe, audience: [a] }] }\n".to_owned(),
        "identity: {}\ngateway: { login: [{ prefix: ^auth, issues: opaque, audience: [a] }] }\n".to_owned(),
        "identity: {}\ngateway: { login: [{ prefix: ^/auth, issues: opaque }] }\n".to_owned(),
        "gateway: { realms: { main: { issuer: ^'https://id.example/realms/other', client_id: g, client_secret_file: /dev/null } } }\n".to_owned(),
        "gateway: { realms: { main: { issuer: https://id.example/realms/main, client_id: g, client_secret_file: ^/no/such/file } } }\n".to_owned(),
        "gateway: { realms: { main: { issuer: https://id.example/realms/main, address: ^nowhere, client_id: g, client_secret_file: x } } }\n".to_owned(),
        route("guard: ^opaqe"),
        route("^gaurd: jwt"),
        route("match: { path: ^orders }"),
        route("match: { path: /orders, methods: ^[CONNECT] }"),
        route("match: { path: /orders, host: ^'example.com:80' }"),
        route("upstream: ^ftp://x"),
        route("strip_prefix: ^/other"),
        route("audience: ^[]"),
        route("realm: ^other"),
        route("realm: ^Other"),
        route("scopes: { all: [^'a b'] }"),
        route("guard: open\naudience: ^[orders]"),
        route("revocation: ^none"),
        route("guard: jwt\nrevocation: none\non_stale: ^serve"),
        route("max_staleness: ^soon"),
        route("max_staleness: ^0s"),
        route("body_max: ^1MB"),
        route("response_tokens: ^['not a header']"),
        route("forward: ^headers"),
        "identity: {}\n^\"\\e[31mred\": x\n".to_owned(),
    ];
    let told: Vec<String> = seeded.iter().map(|text| refused(text)).collect();
    assert!(!told.iter().any(|told| told.contains("hunter2")), "a mistake shows a password: {told:?}");
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_missing_key_is_named_where_it_should_be() {
    let text = "identity: {}\ngateway:\n  routes:\n    - name: orders\n      match: { path: /o }\n";
    let message = parse(text).unwrap_err().to_string();
    assert!(message.contains("`upstream` is missing"), "{message}");
    assert!(message.starts_with("sekisho.yaml:5:7: "), "in the mapping that lacks it: {message}");
}

#[test]
fn nothing_to_run_is_a_mistake_of_the_file_as_a_whole() {
    for text in ["", "data: x", "identity:\n"] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.starts_with("sekisho.yaml: nothing to run: expected "), "{message}");
    }
}

#[test]
fn every_mistake_of_content_is_told_at_once() {
    let text = route("match: { path: orders }\nupstream: ftp://x\naudience: []");
    let ConfigError::Wrong { mistakes, .. } = parse(&text).unwrap_err() else { panic!("mistakes") };
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
}

#[test]
fn of_two_routes_of_one_name_the_second_is_pointed_at() {
    let one = "    - { name: a, match: { path: /a }, upstream: 'http://u:1', guard: open }\n";
    let two = "    - { name: ^a, match: { path: /b }, upstream: 'http://u:1', guard: open }\n";
    assert!(refused(&format!("gateway:\n  routes:\n{one}{two}")).contains("`a` is there already"));
}

#[test]
fn what_was_written_is_what_the_rooms_are_told() {
    let text = "
identity:
  realms:
    main: { access_token_lifetime: 10m, refresh_grace: 0s, signing_algorithm: PS256, signing_key_bits: 3072 }
gateway:
  scheme: https
  listen: 0.0.0.0:8443
  trusted_proxies: [10.0.0.0/8]
  limits: { body: 1MiB, head_deadline: 250ms, connections: 5 }
  routes:
    - name: orders
      match: { host: api.example, path: /v1/orders, exact: true, methods: [GET] }
      upstream: http://127.0.0.1:9001
      strip_prefix: /v1
      guard: jwt
      audience: [orders, stock]
      scopes: { any: [a, b], methods: { GET: { all: [c] } } }
      max_staleness: 2s
      on_stale: deny
      body_max: 64KiB
";
    let config = parse(text).unwrap();
    let realm = &config.identity.unwrap().settings.realms[&"main".parse().unwrap()];
    assert_eq!((realm.access_token_lifetime_s, realm.refresh_grace_s), (600, 0));
    assert_eq!(realm.signing_algorithm, sekisho_token::Algorithm::Ps256);
    assert_eq!(realm.rsa_bits, sekisho_token::key::RsaBits::Bits3072);
    let gateway::Gateway { routes, limits, scheme, trusted_proxies, .. } = config.gateway.unwrap().config;
    assert_eq!((scheme, trusted_proxies.len()), (gateway::Scheme::Https, 1));
    assert_eq!((limits.body_bytes_max, limits.connections_max), (1 << 20, 5));
    assert_eq!(limits.head_deadline, Duration::from_millis(250));
    let route = &routes[0];
    assert_eq!((route.matching.reach, route.strip_prefix.as_deref()), (gateway::Reach::Exact, Some("/v1")));
    assert_eq!((route.max_staleness, route.body_bytes_max), (Duration::from_secs(2), Some(64 << 10)));
    assert_eq!((route.on_stale, route.revocation), (gateway::OnStale::Deny, gateway::Revocation::Feed));
    assert_eq!(route.scopes.methods["GET"].all.to_string(), "c");
}

#[test]
fn a_gateway_may_have_its_identity_in_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "s3cret\n").unwrap();
    let text = format!(
        "gateway:\n  realms:\n    main: {{ issuer: http://id.example/realms/main, client_id: gw, client_secret_file: {} }}\n",
        file.display()
    );
    let config = parse(&text).unwrap();
    assert!(config.identity.is_none());
    assert!(!config.assumed.iter().any(|it| it.contains("kek")), "no key is needed: {:?}", config.assumed);
    let warnings = config.warnings();
    assert!(warnings.iter().any(|warning| matches!(warning, Warning::PlainIdentity { .. })), "{warnings:?}");
    let realm = &config.gateway.unwrap().remote[0];
    assert_eq!((realm.client_id.as_str(), realm.client_secret.expose().as_str()), ("gw", "s3cret"));
}

#[test]
fn a_database_is_chosen_by_one_line_and_its_password_is_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let with_file = format!("postgres://me@localhost/house\ndatabase_password_file: {}", file.display());
    for said in ["postgres://me:hunter2@localhost/house", &with_file] {
        let config = parse(&format!("identity: {{}}\ndatabase: {said}\n")).unwrap();
        let address = Box::new("postgres://me:hunter2@localhost:5432/house".parse().unwrap());
        assert_eq!(config.database, Database::Postgres { address, password_env: None });
        let warnings = config.warnings();
        assert!(warnings.contains(&Warning::OwnKey), "{warnings:?}");
        assert!(!format!("{config:?} {warnings:?}").contains("hunter2"));
    }
    assert_eq!(parse("identity: {}").unwrap().database, Database::Directory);
}

#[test]
fn what_is_legal_and_most_likely_a_mistake_is_warned_of() {
    let text = route("guard: jwt\nrevocation: none\nupstream: http://10.0.0.1:1");
    let text =
        format!("{text}operations: {{ listen: '0.0.0.0:7001' }}\ndatabase: postgres://u@10.0.0.1/d?sslmode=require\n")
            .replace("identity: {}", "identity: { realms: { main: { access_token_lifetime: 12h } } }");
    let stale = parse(&route("on_stale: serve")).unwrap().warnings();
    let told: Vec<String> =
        parse(&text).unwrap().warnings().into_iter().chain(stale).map(|it| it.to_string()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_example_and_the_whole_of_the_format_are_what_the_schema_says() {
    let example = std::fs::read_to_string("../../examples/sekisho.yaml").unwrap();
    schema::check(&serde_saphyr::from_str(&example).unwrap()).unwrap();
    schema::check(&serde_saphyr::from_str(&route("max_staleness: 1s\nbody_max: 512")).unwrap()).unwrap();
    for wrong in [route("gaurd: jwt"), route("guard: opaqe"), route("max_staleness: 5"), "identity: []".to_owned()] {
        assert!(schema::check(&serde_saphyr::from_str(&wrong).unwrap()).is_err(), "{wrong}");
    }
}

#[test]
fn every_key_of_the_schema_says_what_it_is() {
    let schema = super::schema();
    let types = schema["$defs"].as_object().unwrap().iter().map(|(name, of_type)| (name.as_str(), of_type));
    for (name, of_type) in types.chain([("File", &schema)]) {
        for (key, value) in of_type["properties"].as_object().into_iter().flatten() {
            assert!(value["description"].is_string(), "{name}.{key}");
        }
    }
}

mod schema;
mod tls;
