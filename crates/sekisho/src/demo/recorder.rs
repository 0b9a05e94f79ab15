//! What passed on each leg of the demo: the bytes themselves, in the order in which they passed, a bounded number of them.
//!
//! ```text
//!   client ──► gateway ──► identity          each arrow is a leg, each leg has a relay (`relay`) that
//!                 └──────► orders ──► stock  hands what it copies to the one recorder of the demo
//! ```
//!
//! A *passage* is one message of a connection: the bytes from one turn of the conversation to the next. HTTP/1.1 speaks
//! in turns, so a request is one passage and its answer is the next; nothing is parsed here but for one question, asked
//! when the direction turns: do these bytes begin a message, or do they belong to the one under way (the body after
//! `100 Continue`, an upload that goes on while the answer has begun)?
//!
//! Memory is bounded three times: bytes kept of one passage, bytes kept of all, passages kept. The oldest goes first.
//!
//! INVARIANT (bytes): what is kept is a prefix of what passed, never made up from anything else. Shortening credentials
//! is the business of whoever shows it (`shown`). The recorder exists in the demo's wiring only.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sekisho_wire::{Clock, Monotonic};
use serde::Serialize;

/// Bytes kept of one passage: every head the house accepts, and the beginning of a body.
pub(crate) const PASSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes kept of all passages together.
pub(crate) const RECORD_BYTES_MAX: usize = 4 << 20;
/// Passages kept.
pub(crate) const PASSAGES_MAX: usize = 8192;

/// Who speaks on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Party {
    /// Whoever calls the gateway: a browser, curl.
    Client,
    /// The gateway.
    Gateway,
    /// The identity provider.
    Identity,
    /// The first sample service.
    Orders,
    /// The second one, which the first one calls.
    Stock,
}

/// From the one who connects to the one who is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    /// Who connects.
    pub(crate) from: Party,
    /// Who listens.
    pub(crate) to: Party,
}

/// Which way bytes go on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the one who connected.
    Request,
    /// Back to it.
    Answer,
}

/// One connection of one leg; a relay opens it and closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct ConnectionNumber(u64);

/// One message as it passed.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    /// Counts passages of all legs in the order in which they began.
    pub(crate) number: u64,
    /// On which leg.
    pub(crate) leg: Leg,
    /// Which way.
    pub(crate) direction: Direction,
    /// On which connection.
    pub(crate) connection: ConnectionNumber,
    /// When its first byte passed.
    pub(crate) began_at: Monotonic,
    /// For an answer, the number of the request that was under way.
    pub(crate) in_answer_to: Option<u64>,
    /// The first bytes, at most [`PASSAGE_BYTES_MAX`].
    pub(crate) bytes: Vec<u8>,
    /// How many passed.
    pub(crate) bytes_total: u64,
}

/// Keeps what passed. Clones share it.
#[derive(Clone)]
pub(crate) struct Recorder {
    clock: Arc<dyn Clock>,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    /// Numbered without a gap, oldest first.
    passages: VecDeque<Passage>,
    bytes_held: usize,
    next_passage: u64,
    next_connection: u64,
    open: HashMap<ConnectionNumber, Conversation>,
}

/// How the conversation of an open connection stands.
struct Conversation {
    leg: Leg,
    spoke_last: Option<Direction>,
    request: Option<u64>,
    answer: Option<u64>,
}

// === impl Party ===

impl Party {
    /// Every party, from left to right.
    pub(crate) const ALL: [Self; 5] = [Self::Client, Self::Gateway, Self::Identity, Self::Orders, Self::Stock];

    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Identity => "identity",
            Self::Orders => "orders",
            Self::Stock => "stock",
        }
    }
}

// === impl Leg ===

impl Leg {
    pub(crate) const CLIENT_GATEWAY: Self = Self { from: Party::Client, to: Party::Gateway };
    pub(crate) const GATEWAY_IDENTITY: Self = Self { from: Party::Gateway, to: Party::Identity };
    pub(crate) const GATEWAY_ORDERS: Self = Self { from: Party::Gateway, to: Party::Orders };
    pub(crate) const ORDERS_STOCK: Self = Self { from: Party::Orders, to: Party::Stock };
}

// === impl Recorder ===

impl Recorder {
    /// An empty record.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, record: Arc::default() }
    }

    /// A connection of `leg` was made.
    pub(crate) fn open(&self, leg: Leg) -> ConnectionNumber {
        let mut record = self.lock();
        let number = ConnectionNumber(record.next_connection);
        record.next_connection += 1;
        record.open.insert(number, Conversation { leg, spoke_last: None, request: None, answer: None });
        number
    }

    /// It is over. What passed on it stays.
    pub(crate) fn close(&self, connection: ConnectionNumber) {
        self.lock().open.remove(&connection);
    }

    /// `bytes` were read from one side and are about to be written to the other.
    pub(crate) fn passed(&self, connection: ConnectionNumber, direction: Direction, bytes: &[u8]) {
        let now = self.clock.monotonic();
        self.lock().append(connection, direction, bytes, now);
    }

    /// The number that the next passage will have: everything before it has begun by now.
    pub(crate) fn next_number(&self) -> u64 {
        self.lock().next_passage
    }

    /// The passages from `number` on that are still kept, oldest first.
    pub(crate) fn since(&self, number: u64) -> Vec<Passage> {
        let record = self.lock();
        record.passages.iter().filter(|passage| passage.number >= number).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What passed holds credentials in full.
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

// === impl Record ===

impl Record {
    fn append(&mut self, connection: ConnectionNumber, direction: Direction, bytes: &[u8], now: Monotonic) {
        let Some(conversation) = self.open.get_mut(&connection) else { return };
        let turned = conversation.spoke_last != Some(direction);
        conversation.spoke_last = Some(direction);
        let under_way = match direction {
            Direction::Request => conversation.request,
            Direction::Answer => conversation.answer,
        };
        if let Some(number) = under_way.filter(|_| !turned || !begins_message(direction, bytes)) {
            self.extend(number, bytes);
            return;
        }
        let number = self.next_passage;
        self.next_passage += 1;
        let in_answer_to = match direction {
            Direction::Request => {
                conversation.request = Some(number);
                None
            }
            Direction::Answer => {
                conversation.answer = Some(number);
                conversation.request
            }
        };
        let leg = conversation.leg;
        let passage = Passage {
            number,
            leg,
            direction,
            connection,
            began_at: now,
            in_answer_to,
            bytes: Vec::new(),
            bytes_total: 0,
        };
        self.passages.push_back(passage);
        self.extend(number, bytes);
    }

    /// Adds to a passage, when it has not been dropped meanwhile, and drops the oldest ones until all bounds hold.
    fn extend(&mut self, number: u64, bytes: &[u8]) {
        let first = self.passages.front().map_or(0, |passage| passage.number);
        let index = number.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        if let Some(passage) = index.and_then(|index| self.passages.get_mut(index)) {
            let room = PASSAGE_BYTES_MAX.saturating_sub(passage.bytes.len());
            let kept = bytes.get(..room).unwrap_or(bytes);
            passage.bytes.extend_from_slice(kept);
            passage.bytes_total = passage.bytes_total.saturating_add(bytes.len() as u64);
            self.bytes_held += kept.len();
        }
        while self.bytes_held > RECORD_BYTES_MAX || self.passages.len() > PASSAGES_MAX {
            let Some(dropped) = self.passages.pop_front() else { return };
            self.bytes_held = self.bytes_held.saturating_sub(dropped.bytes.len());
        }
    }
}

/// Whether these bytes can be the beginning of an HTTP/1.1 message (RFC 9112 §2.1): a status line one way, a method and
/// a target the other. Only asked when the direction has turned while a message of this direction was under way.
fn begins_message(direction: Direction, bytes: &[u8]) -> bool {
    match direction {
        Direction::Answer => {
            let version = b"HTTP/1.";
            bytes.iter().zip(version).all(|(byte, expected)| byte == expected)
        }
        Direction::Request => {
            let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
            let rest = bytes.get(method..).unwrap_or_default();
            (1..=20).contains(&method) && (rest.is_empty() || rest.starts_with(b" "))
        }
    }
}

#[cfg(test)]
mod tests;
