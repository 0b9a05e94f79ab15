//! What a fold will forget, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sekisho_token::{KeyId, Timestamp};
use sekisho_wire::{ClientId, GrantId, SessionId, Subject, TokenId};

/// A revocation by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Forget {
    Session(SessionId),
    Grant(GrantId),
    Token(TokenId),
    Subject(Subject),
    Client(ClientId),
    Key(KeyId),
}

/// Revocations by the time of their end.
#[derive(Debug, Default)]
pub(super) struct Schedule(BinaryHeap<Reverse<(Timestamp, Forget)>>);

// === impl Schedule ===

impl Schedule {
    pub(super) fn push(&mut self, until: Timestamp, what: Forget) {
        self.0.push(Reverse((until, what)));
    }

    /// Takes out everything whose end is not after `now`.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(Timestamp, Forget)> {
        let mut due = Vec::new();
        while let Some(Reverse((until, _))) = self.0.peek() {
            if *until > now {
                break;
            }
            due.extend(self.0.pop().map(|Reverse(item)| item));
        }
        due
    }
}
