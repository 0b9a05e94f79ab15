//! What a file means, and how mistakes are told: line, what was found, what was expected.

use std::time::Duration;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("sekisho.yaml"))
}

/// The message of a text that must be refused.
#[track_caller]
fn refused(text: &str) -> String {
    parse(text).expect_err("this must be refused").to_string()
}

const ROUTE: &str = "
gateway:
  routes:
    - name: orders
      match: { path: /orders }
      upstream: http://127.0.0.1:9001
      guard: opaque
      audience: [orders]
identity: {}
";

#[test]
fn the_example_is_good_and_means_what_it_says() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sekisho.yaml"));
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

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_keys_that_exist() {
    let message = refused(&ROUTE.replace("guard: opaque", "guard: opaque\n      gaurd: jwt"));
    assert!(message.contains("gaurd"), "{message}");
    assert!(message.contains('8'), "line 8: {message}");
    assert!(message.contains("guard"), "{message}");
}

#[test]
fn a_pattern_that_does_not_exist_names_those_that_do() {
    let message = refused(&ROUTE.replace("guard: opaque", "guard: opaqe"));
    for word in ["opaqe", "opaque", "jwt", "open"] {
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn durations_sizes_scopes_and_addresses_say_what_they_expected() {
    let with = |key: &str| refused(&ROUTE.replace("guard: opaque", &format!("guard: opaque\n      {key}")));
    assert!(with("max_staleness: soon").contains("expected a whole number and ms, s, m, h or d"));
    assert!(with("body_max: 1MB").contains("KiB, MiB, GiB"));
    assert!(with("scopes: { all: ['a b'] }").contains("is not a scope"));
    assert!(
        refused("identity: { listen: nowhere }").contains("nowhere")
            || !refused("identity: { listen: nowhere }").is_empty()
    );
}

#[test]
fn mistakes_of_content_name_the_line_of_their_route() {
    let message = refused(&ROUTE.replace("/orders }", "orders }"));
    assert!(message.starts_with("sekisho.yaml:4:13: "), "{message}");
    let message = refused(&ROUTE.replace("guard: opaque", "guard: opaque\n      realm: other"));
    assert!(message.contains("realm `other` is unknown"), "{message}");
    assert!(message.starts_with("sekisho.yaml:4:13: "), "{message}");
    assert!(refused(&ROUTE.replace("audience: [orders]", "audience: []")).contains("audience"));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = ROUTE.replace("/orders }", "orders }").replace("http://127.0.0.1:9001", "ftp://x");
    let ConfigError::Content { mistakes, .. } = parse(&text).unwrap_err() else { panic!("a mistake of content") };
    assert!(mistakes.len() >= 2, "{mistakes:?}");
}

#[test]
fn plain_http_beyond_loopback_is_refused() {
    assert!(refused("gateway: { listen: '0.0.0.0:80' }\nidentity: {}").contains("scheme: https"));
    assert!(refused("identity: { listen: '0.0.0.0:80', public_url: 'http://id.example' }").contains("https"));
    assert!(refused("data: x").contains("nothing to run"));
    assert!(refused("identity: {}\nkey_encryption_key: { file: a, env: B }").contains("exactly one"));
}

#[test]
fn check_warns_of_what_is_legal_and_most_likely_a_mistake() {
    let text =
        ROUTE.replace("guard: opaque", "guard: jwt\n      revocation: none").replace("127.0.0.1:9001", "10.0.0.1:1");
    let warnings = parse(&text).unwrap().warnings();
    let route = || "orders".to_owned();
    assert!(warnings.contains(&Warning::NotRevocable { route: route() }));
    assert!(warnings.contains(&Warning::NoScopes { route: route() }));
    assert!(warnings.contains(&Warning::PlainUpstream { route: route(), upstream: "http://10.0.0.1:1".to_owned() }));
}

#[test]
fn the_schema_knows_every_key_of_the_example() {
    let schema = schema().to_string();
    for key in ["public_url", "prefix", "issues", "upstream", "guard", "audience", "scopes", "methods"] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
}
