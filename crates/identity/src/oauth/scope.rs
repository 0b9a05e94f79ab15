//! What is granted: never more than was asked for, than the client may have, and than the person may do.
//!
//! Specs: RFC 6749 §3.3, OpenID Connect Core §5.4.

use sekisho_model::client::Capability;
use sekisho_model::{Client, User};
use sekisho_wire::{Scope, Scopes};

use super::refusal::Refusal;

/// Scopes that say what a client learns of a person, not what it may do for them: every person can grant them.
pub(crate) const ABOUT_A_PERSON: [&str; 3] = ["email", "openid", "profile"];

/// The most that this client can have for this person. Our own gateway is the person's front door: what it can have is
/// what the person may do, whatever its registration lists.
pub(crate) fn allowed(client: &Client, user: &User) -> Scopes {
    if client.can(Capability::FirstPartyLogin) {
        return user.scopes.iter().cloned().chain(about_a_person()).collect();
    }
    let may = |scope: &&Scope| ABOUT_A_PERSON.contains(&scope.as_str()) || user.scopes.contains(scope);
    client.registration.scopes.iter().filter(may).cloned().collect()
}

/// What remains of a grant today: its own scopes, as far as client and person may still have them.
pub(crate) fn remaining(granted: &Scopes, client: &Client, user: &User) -> Scopes {
    granted.intersection(&allowed(client, user))
}

/// The services of a grant for which its client may still have tokens.
pub(crate) fn services(granted: &[String], client: &Client) -> Vec<String> {
    granted.iter().filter(|name| client.registration.audiences.contains(name)).cloned().collect()
}

/// The same, where there is one at all.
pub(crate) fn left(granted: &[String], client: &Client) -> Result<Vec<String>, Refusal> {
    let left = services(granted, client);
    if left.is_empty() {
        Err(Refusal::target("this client has tokens for none of its grant's services any more"))
    } else {
        Ok(left)
    }
}

/// Reads the parameter `scope`; none when it was left out.
pub(crate) fn parse(text: Option<&str>) -> Result<Option<Scopes>, Refusal> {
    let scopes = text.map(str::parse).transpose();
    scopes.map_err(|_| Refusal::scope("scope is malformed or has too many values"))
}

/// What a client for itself, or the person that comes later, can be granted of what was asked: all of it when nothing
/// was asked for.
pub(crate) fn within(asked: Option<Scopes>, most: &Scopes) -> Result<Scopes, Refusal> {
    let Some(asked) = asked else { return Ok(most.clone()) };
    let granted = asked.intersection(most);
    if granted.is_empty() && !asked.is_empty() {
        return Err(Refusal::scope("this client may have none of these scopes"));
    }
    Ok(granted)
}

/// A narrower scope than was granted before (RFC 6749 §6): one that was not granted is an error, not left out.
pub(crate) fn narrowed(asked: Option<Scopes>, granted: &Scopes) -> Result<Scopes, Refusal> {
    match asked {
        None => Ok(granted.clone()),
        Some(asked) if asked.is_subset_of(granted) => Ok(asked),
        Some(_) => Err(Refusal::scope("scope exceeds what was granted")),
    }
}

/// The audiences asked for, each of which must be one of `most`; all of `most` when none was asked for (RFC 8707 §2.2).
pub(crate) fn audiences(asked: &[String], most: &[String]) -> Result<Vec<String>, Refusal> {
    if asked.is_empty() {
        return Ok(most.to_vec());
    }
    if asked.iter().all(|name| most.contains(name)) {
        return Ok(asked.to_vec());
    }
    Err(Refusal::target("a resource or audience is not one that tokens can be had for"))
}

fn about_a_person() -> impl Iterator<Item = Scope> {
    ABOUT_A_PERSON.into_iter().filter_map(|scope| scope.parse().ok())
}
