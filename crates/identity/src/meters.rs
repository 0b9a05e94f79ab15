//! What identity counts, and the reading that it hands out.
//!
//! Counted per realm, by closed lists: which grant a token came from, how a sign-in ended. No user and no client becomes a
//! name here.
//!
//! Not here: formats for monitoring systems (the roof).

use sekisho_model::client::GrantType;
use sekisho_wire::meter::Tally;
use sekisho_wire::{Position, RealmName};

use crate::room::Room;
use crate::signin::SignInError;

/// How tries to sign in end, in the order of their counters.
const ENDS: [SignInEnd; 5] = [
    SignInEnd::Succeeded,
    SignInEnd::WrongCredentials,
    SignInEnd::TooLong,
    SignInEnd::Throttled,
    SignInEnd::Unavailable,
];

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
    /// The threads that hash passwords.
    pub hashing: HashingReading,
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
    Readings { realms: room.realms.all().into_iter().map(realm).collect(), hashing: room.passwords.reading() }
}
