//! What is counted stands where it is looked for.

use super::*;

#[test]
fn every_reason_is_counted_as_itself() {
    let meter = ListenerMeter::new();
    for (times, reason) in Reason::ALL.iter().enumerate() {
        (0..times).for_each(|_| meter.refused(*reason));
    }
    assert_eq!(meter.refusals.read().to_vec(), (0..Reason::ALL.len() as u64).collect::<Vec<_>>());
}

#[test]
fn an_answer_counts_for_the_endpoint_that_its_route_names_and_one_without_for_none() {
    let meter = ListenerMeter::new();
    let routes = [
        (Some("/realms/{realm}/oauth2/token"), "/oauth2/token"),
        (Some("/realms/{realm}/feed/head"), "/feed/head"),
        (Some("/realms/{realm}/feed"), "/feed"),
        (Some("/realms/{realm}/.well-known/openid-configuration"), "/.well-known"),
        (Some("/.well-known/oauth-authorization-server/realms/{realm}"), "/.well-known"),
        (Some("/admin/v1/realms/{realm}/users"), "/admin/v1"),
        (None, ""),
    ];
    let of = |name: &str| {
        let mut all = meter.endpoints.iter().chain([&meter.unrouted]);
        all.find(|endpoint| endpoint.name == name).unwrap_or_else(|| panic!("{name}")).answers.read()
    };
    for (route, name) in routes {
        let before = of(name);
        meter.answered(route, StatusCode::BAD_REQUEST, Duration::from_millis(3));
        assert_eq!((before[1], of(name)[3]), (0, before[3] + 1), "{route:?}");
    }
}
