//! What identity counts, and the reading that it hands out.
//!
//! Counted per realm, by closed lists: which grant a token came from, how a sign-in ended; and of the listener: answers by
//! endpoint, refusals by reason. No user, no client and no path that somebody asked for becomes a name here.
//!
//! Not here: formats for monitoring systems (the roof).

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use sekisho_model::client::GrantType;
use sekisho_wire::meter::{Histogram, Spread, Tally};
use sekisho_wire::{Position, RealmName, Reason};

use crate::oauth::discovery::Endpoint;
use crate::room::Room;
use crate::signin::SignInError;

/// Classes of status codes, from `1xx` to `5xx`.
const CLASSES: usize = 5;
/// Where a realm's documents are found, as they are counted.
const DOCUMENTS: &str = "/.well-known";
/// Below what the admin API is, as it is counted.
const ADMIN: &str = "/admin/v1";
/// Below what a realm's endpoints are.
const REALM: &str = "/realms/{realm}";

/// How tries to sign in end, in the order of their counters.
const ENDS: [SignInEnd; 5] = [
    SignInEnd::Succeeded,
    SignInEnd::WrongCredentials,
    SignInEnd::TooLong,
    SignInEnd::Throttled,
    SignInEnd::Unavailable,
];

/// What is counted of the listener.
#[derive(Debug)]
pub(crate) struct ListenerMeter {
    endpoints: Vec<EndpointMeter>,
    unrouted: EndpointMeter,
    refusals: Tally<{ Reason::ALL.len() }>,
}

/// What is counted of one endpoint.
struct EndpointMeter {
    name: &'static str,
    answers: Tally<CLASSES>,
    took: Histogram,
}

/// What is counted of one realm.
#[derive(Debug, Default)]
pub(crate) struct RealmMeter {
    tokens: Tally<{ GrantType::ALL.len() }>,
    sign_ins: Tally<{ ENDS.len() }>,
}

/// How a try to sign in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInEnd {
    /// They are who they say.
    Succeeded,
    /// Name or password is wrong, or they may not sign in.
    WrongCredentials,
    /// Name or password is longer than any can be.
    TooLong,
    /// Too many tries.
    Throttled,
    /// Nobody knows: the store or the queue for hashing did not answer.
    Unavailable,
}

/// What identity has counted, and what it knows of itself.
#[derive(Clone, Debug)]
pub struct Readings {
    /// One for each realm.
    pub realms: Vec<RealmReading>,
    /// One for each endpoint, one for the admin API, and one without a name for requests that belong to none.
    pub endpoints: Vec<EndpointReading>,
    /// Refusals of the listener, by reason; every reason is there.
    pub refusals: Vec<(Reason, u64)>,
    /// The threads that hash passwords.
    pub hashing: HashingReading,
}

/// What was counted of an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointReading {
    /// Its path below the realm's; empty for requests that belong to none.
    pub name: &'static str,
    /// Answers, from `1xx` to `5xx`.
    pub answers: [u64; CLASSES],
    /// How long it took to the head of the answer.
    pub took: Spread,
}

/// What is known of a realm.
#[derive(Clone, Debug)]
pub struct RealmReading {
    /// Which.
    pub name: RealmName,
    /// Answers of the token endpoint that brought a token, by grant; every grant is there.
    pub tokens: Vec<(GrantType, u64)>,
    /// Tries to sign in, by how they ended; every end is there.
    pub sign_ins: Vec<(SignInEnd, u64)>,
    /// Up to where this process has offered the realm's feed to its readers.
    pub feed: Position,
}

/// What the threads that hash passwords have done and have before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashingReading {
    /// How often Argon2 ran.
    pub runs: u64,
    /// How many wait for it now.
    pub waiting: usize,
    /// How many may wait.
    pub waiting_max: usize,
    /// How often somebody was sent away because the queue was full.
    pub refused: u64,
}

// === impl ListenerMeter ===

impl ListenerMeter {
    pub(crate) fn new() -> Self {
        let names = [DOCUMENTS, ADMIN].into_iter().chain(Endpoint::ALL.map(Endpoint::path));
        Self {
            endpoints: names.map(EndpointMeter::new).collect(),
            unrouted: EndpointMeter::new(""),
            refusals: Tally::default(),
        }
    }

    /// A request was answered; `route` is the template that it matched.
    pub(crate) fn answered(&self, route: Option<&str>, status: StatusCode, took: Duration) {
        let route = route.map(|route| route.strip_prefix(REALM).unwrap_or(route));
        let found = route.and_then(|route| self.endpoints.iter().find(|endpoint| endpoint.serves(route)));
        let endpoint = found.unwrap_or(&self.unrouted);
        endpoint.answers.add(usize::from(status.as_u16() / 100).wrapping_sub(1), 1);
        endpoint.took.observe(took);
    }

    pub(crate) fn refused(&self, reason: Reason) {
        // The table of reasons is in the order of the enum; a test holds that.
        self.refusals.add(reason as usize, 1);
    }
}

// === impl EndpointMeter ===

impl EndpointMeter {
    fn new(name: &'static str) -> Self {
        Self { name, answers: Tally::default(), took: Histogram::default() }
    }

    /// Documents and the admin API are many paths and one line.
    fn serves(&self, route: &str) -> bool {
        match self.name {
            DOCUMENTS | ADMIN => route.starts_with(self.name),
            name => route == name,
        }
    }

    fn read(&self) -> EndpointReading {
        EndpointReading { name: self.name, answers: self.answers.read(), took: self.took.read() }
    }
}

impl fmt::Debug for EndpointMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointMeter")
            .field("name", &self.name)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

// === impl RealmMeter ===

impl RealmMeter {
    pub(crate) fn issued(&self, grant: GrantType) {
        if let Some(which) = GrantType::ALL.iter().position(|known| *known == grant) {
            self.tokens.add(which, 1);
        }
    }

    pub(crate) fn signed_in<T>(&self, outcome: &Result<T, SignInError>) {
        let end = match outcome {
            Ok(_) => SignInEnd::Succeeded,
            Err(SignInError::WrongCredentials) => SignInEnd::WrongCredentials,
            Err(SignInError::TooLong { .. }) => SignInEnd::TooLong,
            Err(SignInError::Throttled(_)) => SignInEnd::Throttled,
            Err(SignInError::Unavailable(_)) => SignInEnd::Unavailable,
        };
        if let Some(which) = ENDS.iter().position(|known| *known == end) {
            self.sign_ins.add(which, 1);
        }
    }
}

// === impl SignInEnd ===

impl SignInEnd {
    /// As a word.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::WrongCredentials => "wrong_credentials",
            Self::TooLong => "too_long",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What was counted so far, and what is known now.
pub(crate) fn read(room: &Room) -> Readings {
    let realm = |realm: std::sync::Arc<crate::realms::RealmState>| RealmReading {
        name: realm.name.clone(),
        tokens: GrantType::ALL.into_iter().zip(realm.meter.tokens.read()).collect(),
        sign_ins: ENDS.into_iter().zip(realm.meter.sign_ins.read()).collect(),
        feed: room.hub.fold(&realm.name).head().position,
    };
    let ListenerMeter { endpoints, unrouted, refusals } = &room.meter;
    Readings {
        realms: room.realms.all().into_iter().map(realm).collect(),
        endpoints: std::iter::once(unrouted).chain(endpoints).map(EndpointMeter::read).collect(),
        refusals: Reason::ALL.iter().copied().zip(refusals.read()).collect(),
        hashing: room.passwords.reading(),
    }
}

#[cfg(test)]
mod tests;
