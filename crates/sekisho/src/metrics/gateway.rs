//! The gateway's reading as families.

use sekisho_gateway::Readings;
use sekisho_wire::meter::Lookups;

use super::CLASSES;
use super::page::{Family, Kind, Page};

/// Writes everything that the gateway has counted.
pub fn write(page: &mut Page, readings: &Readings) {
    routes(page, readings);
    realms(page, readings);
    let help = "Refusals, by reason; `sekisho explain` knows each of them.";
    let mut family = page.family("sekisho_gateway_refusals_total", Kind::Counter, help);
    for (reason, count) in &readings.refusals {
        family.sample(&[("reason", reason.code())], count);
    }
    let help = "Requests to upstreams, by whether their connection was made for them or kept from before.";
    let mut family = page.family("sekisho_gateway_upstream_connections_total", Kind::Counter, help);
    family.sample(&[("how", "opened")], readings.connections_opened);
    family.sample(&[("how", "reused")], readings.connections_reused);
    let help = "Connections of clients that are open.";
    page.family("sekisho_gateway_connections", Kind::Gauge, help).sample(&[], readings.clients);
    let help = "How many connections of clients there may be.";
    page.family("sekisho_gateway_connections_max", Kind::Gauge, help).sample(&[], readings.clients_max);
}

fn routes(page: &mut Page, readings: &Readings) {
    let help = "Answers, by route (empty where none matched) and class of status.";
    let mut family = page.family("sekisho_gateway_requests_total", Kind::Counter, help);
    for route in &readings.routes {
        let realm = route.realm.as_ref().map_or("", |realm| realm.as_str());
        for (class, count) in CLASSES.iter().zip(route.answers) {
            family.sample(&[("route", &route.name), ("realm", realm), ("class", class)], count);
        }
    }
    let help = "From sending a request to an upstream to the head of its answer, or to giving up.";
    let mut family = page.family("sekisho_gateway_upstream_seconds", Kind::Histogram, help);
    for route in readings.routes.iter().filter(|route| !route.name.is_empty()) {
        family.spread(&[("route", &route.name)], &route.upstream);
    }
}

fn realms(page: &mut Page, readings: &Readings) {
    let help = "Opaque tokens that were swapped from memory, and those that identity was asked about.";
    let mut family = page.family("sekisho_gateway_swap_lookups_total", Kind::Counter, help);
    for realm in &readings.realms {
        lookups(&mut family, realm.name.as_str(), realm.swaps);
    }
    let help = "JWTs that had been verified before, and those that had not.";
    let mut family = page.family("sekisho_gateway_verify_lookups_total", Kind::Counter, help);
    for realm in &readings.realms {
        lookups(&mut family, realm.name.as_str(), realm.verified);
    }
    let followed = || readings.realms.iter().filter_map(|realm| Some((realm.name.as_str(), realm.feed?)));
    let help = "How old knowledge of revocations is at most; +Inf without a lease.";
    let mut family = page.family("sekisho_gateway_feed_age_seconds", Kind::Gauge, help);
    for (realm, (_, age)) in followed() {
        family.seconds(&[("realm", realm)], age);
    }
    let help = "The epoch of the feed that was applied.";
    let mut family = page.family("sekisho_gateway_feed_epoch", Kind::Gauge, help);
    for (realm, (position, _)) in followed() {
        family.sample(&[("realm", realm)], position.epoch.0);
    }
    let help = "The revision within its epoch up to which the feed was applied.";
    let mut family = page.family("sekisho_gateway_feed_revision", Kind::Gauge, help);
    for (realm, (position, _)) in followed() {
        family.sample(&[("realm", realm)], position.revision.0);
    }
}

fn lookups(family: &mut Family<'_>, realm: &str, Lookups { hits, misses }: Lookups) {
    family.sample(&[("realm", realm), ("found", "hit")], hits);
    family.sample(&[("realm", realm), ("found", "miss")], misses);
}
