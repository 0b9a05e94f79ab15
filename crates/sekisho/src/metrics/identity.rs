//! Identity's reading as families.

use sekisho_identity::Readings;
use sekisho_model::client::GrantType;

use super::CLASSES;
use super::page::{Kind, Page};

/// Writes everything that identity has counted.
pub fn write(page: &mut Page, readings: &Readings) {
    let Readings { realms, hashing, .. } = readings;
    listener(page, readings);
    let help = "Answers of the token endpoint that brought a token, by grant.";
    let mut family = page.family("sekisho_identity_tokens_issued_total", Kind::Counter, help);
    for realm in realms {
        for (grant, count) in &realm.tokens {
            family.sample(&[("realm", realm.name.as_str()), ("grant", word(*grant))], count);
        }
    }
    let help = "Tries to sign in, by how they ended.";
    let mut family = page.family("sekisho_identity_logins_total", Kind::Counter, help);
    for realm in realms {
        for (end, count) in &realm.sign_ins {
            family.sample(&[("realm", realm.name.as_str()), ("outcome", end.text())], count);
        }
    }
    let help = "The epoch of the realm's feed.";
    let mut family = page.family("sekisho_identity_feed_epoch", Kind::Gauge, help);
    for realm in realms {
        family.sample(&[("realm", realm.name.as_str())], realm.feed.epoch.0);
    }
    let help = "The revision within its epoch that was offered last.";
    let mut family = page.family("sekisho_identity_feed_revision", Kind::Gauge, help);
    for realm in realms {
        family.sample(&[("realm", realm.name.as_str())], realm.feed.revision.0);
    }
    let help = "How often Argon2 ran.";
    page.family("sekisho_identity_hashing_runs_total", Kind::Counter, help).sample(&[], hashing.runs);
    let help = "Passwords that wait to be hashed.";
    page.family("sekisho_identity_hashing_waiting", Kind::Gauge, help).sample(&[], hashing.waiting);
    let help = "How many may wait before others are sent away.";
    page.family("sekisho_identity_hashing_waiting_max", Kind::Gauge, help).sample(&[], hashing.waiting_max);
    let help = "Passwords that were not hashed because the queue was full.";
    page.family("sekisho_identity_hashing_refused_total", Kind::Counter, help).sample(&[], hashing.refused);
}

fn listener(page: &mut Page, Readings { endpoints, refusals, .. }: &Readings) {
    let help = "Answers, by endpoint (empty where there is none) and class of status.";
    let mut family = page.family("sekisho_identity_requests_total", Kind::Counter, help);
    for endpoint in endpoints {
        for (class, count) in CLASSES.iter().zip(endpoint.answers) {
            family.sample(&[("endpoint", endpoint.name), ("class", class)], count);
        }
    }
    let help = "From the head of a request to the head of its answer.";
    let mut family = page.family("sekisho_identity_seconds", Kind::Histogram, help);
    for endpoint in endpoints.iter().filter(|endpoint| !endpoint.name.is_empty()) {
        family.spread(&[("endpoint", endpoint.name)], &endpoint.took);
    }
    let help = "Refusals, by reason; `sekisho explain` knows each of them.";
    let mut family = page.family("sekisho_identity_refusals_total", Kind::Counter, help);
    for (reason, count) in refusals {
        family.sample(&[("reason", reason.code())], count);
    }
}

const fn word(grant: GrantType) -> &'static str {
    match grant {
        GrantType::AuthorizationCode => "authorization_code",
        GrantType::RefreshToken => "refresh_token",
        GrantType::ClientCredentials => "client_credentials",
        GrantType::TokenExchange => "token_exchange",
    }
}
