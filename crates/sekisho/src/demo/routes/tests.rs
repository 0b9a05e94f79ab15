//! The gateway takes what it is told, and demo.json says the same.

use std::net::SocketAddr;

use super::{Upstreams, entries, gateway, logins};

fn upstreams() -> Upstreams {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Upstreams { page: at(1), orders: at(2), orders_until_expiry: at(3) }
}

#[test]
fn the_gateway_finds_no_mistake_in_it() {
    let gateway = gateway(upstreams()).unwrap();
    assert!(gateway.validate().is_ok(), "{:?}", gateway.validate());
    assert_eq!(gateway.login.len(), logins().len());
}

#[test]
fn only_the_route_whose_tokens_cannot_be_taken_back_leads_to_services_that_do_not_look() {
    let until_expiry: Vec<_> = gateway(upstreams()).unwrap().routes;
    let names: Vec<_> =
        until_expiry.iter().filter(|route| route.upstream.ends_with(":3")).map(|route| &*route.name).collect();
    assert_eq!(names, ["jwt"]);
}

#[test]
fn every_route_that_is_listed_exists_under_its_name() {
    let gateway = gateway(upstreams()).unwrap();
    for entry in entries("http://127.0.0.1:8000") {
        let route = gateway.routes.iter().find(|route| route.name == entry.name).unwrap();
        assert!(entry.url.starts_with(&format!("http://127.0.0.1:8000{}/", route.matching.path)));
    }
}
