//! All cases at once, by chance: whatever becomes of sound requests on their way, the gateway and the upstream count alike.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{NEXT, POST, SMUGGLED, framed_once};
use crate::rig::Rig;

/// What is inserted, or put in the place of something else: what the cases are made of.
const PIECES: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\0",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "0",
    "0\r\n\r\n",
    "3",
    "4",
    "ff",
    "+",
    "-",
    "0x",
    "#",
    "?",
    "`",
    "\"",
    "%0d%0a",
    "/../",
    "chunked",
    "identity",
    "Content-Length: 4\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 4",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Host: evil.test\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "Connection: Content-Length, Transfer-Encoding\r\n",
    "Upgrade: h2c\r\n",
    "HTTP/1.0",
    "HTTP/1.1",
    "http://evil.test",
    "*",
    "PUT",
    "GET /open/inner HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
];
/// Never reached within a case, whatever the clock does.
const NEVER: Duration = Duration::from_secs(1_000_000_000);
/// When the gateway gives up waiting for the rest of a request.
const SOON: Duration = Duration::from_secs(100);

/// One change to bytes, at a place given in thousandths of their length.
#[derive(Clone, Debug)]
enum Change {
    Insert(usize, &'static str),
    Replace(usize, &'static str),
    Remove(usize, usize),
    Flip(usize, u8),
    /// Copies so many bytes to another place.
    Copy(usize, usize, usize),
}

// === impl Change ===

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let place = |thousandths: usize| thousandths * length / 1000;
        match *self {
            Self::Insert(at, piece) => drop(bytes.splice(place(at)..place(at), piece.bytes())),
            Self::Replace(at, piece) => {
                let end = (place(at) + piece.len()).min(length);
                drop(bytes.splice(place(at)..end, piece.bytes()));
            }
            Self::Remove(at, count) => drop(bytes.drain(place(at)..(place(at) + count).min(length))),
            Self::Flip(at, mask) => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte ^= mask;
                }
            }
            Self::Copy(from, count, to) => {
                let copied = bytes[place(from)..(place(from) + count).min(length)].to_vec();
                drop(bytes.splice(place(to)..place(to), copied));
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = 0..1000_usize;
    let piece = proptest::sample::select(PIECES);
    let change = prop_oneof![
        3 => (at.clone(), piece.clone()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        2 => (at.clone(), piece).prop_map(|(at, piece)| Change::Replace(at, piece)),
        1 => (at.clone(), 1..20_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (at.clone(), 1..=u8::MAX).prop_map(|(at, mask)| Change::Flip(at, mask)),
        1 => (at.clone(), 1..60_usize, at).prop_map(|(from, count, to)| Change::Copy(from, count, to)),
    ];
    proptest::collection::vec(change, 0..4)
}

/// Three sound requests: with a length, in chunks, and without a body. Both bodies hold what looks like a request.
fn sound() -> Vec<u8> {
    let length = SMUGGLED.len();
    let sized = format!("{POST}Content-Length: {length}\r\nX-A: b\r\n\r\n{SMUGGLED}");
    let chunked =
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{SMUGGLED}\r\n3;x\r\nabc\r\n0\r\n\r\n");
    format!("{sized}{chunked}{NEXT}").into_bytes()
}

/// What came back: how many answers were the upstream's, and how many were refusals with a reason and an id.
fn count(answers: &str) -> Result<(usize, usize), TestCaseError> {
    let (mut fine, mut refused, mut rest) = (0, 0, answers);
    while !rest.is_empty() {
        let Some((head, behind)) = rest.split_once("\r\n\r\n") else {
            return Err(TestCaseError::fail(format!("not an answer: {rest}")));
        };
        let status = head.split(' ').nth(1).unwrap_or_default();
        let length = head
            .to_ascii_lowercase()
            .split_once("content-length: ")
            .map_or(0, |(_, value)| value.split("\r\n").next().unwrap_or_default().parse().unwrap_or_default());
        prop_assert!(behind.is_char_boundary(length), "an answer that is too short: {}", answers);
        let body = &behind[..length];
        match status {
            "100" => {}
            "200" => {
                prop_assert_eq!(body, "fine", "{}", answers);
                fine += 1;
            }
            _ => {
                prop_assert!(
                    body.contains(r#""reason":""#) && body.contains(r#""id":""#),
                    "a bare answer: {}",
                    answers
                );
                refused += 1;
            }
        }
        rest = &behind[length..];
    }
    Ok((fine, refused))
}

async fn both_count_alike(rig: &Rig, bytes: &[u8]) -> Result<(), TestCaseError> {
    let (hits, lines) = (rig.spy.hits(), rig.audit().len());
    let mut connection = rig.connect().await;
    connection.write(bytes).await;
    let answers = rig.pass_until(SOON, connection.rest()).await;
    let (fine, refused) = count(&answers)?;
    let seen = rig.spy.after(hits);
    prop_assert_eq!(seen.len(), fine, "the upstream counts otherwise: {:?}, answers: {}", seen, answers);
    prop_assert_eq!(rig.audit().len() - lines, refused, "one audit line for each refusal: {}", answers);
    for one in &seen {
        framed_once(&String::from_utf8_lossy(bytes), one);
    }
    Ok(())
}

#[test]
fn however_sound_requests_are_spoilt_the_upstream_sees_as_many_as_the_gateway_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rig = runtime.block_on(Rig::limited(|limits| {
        (limits.head_deadline, limits.idle_deadline, limits.body_read_deadline) = (SOON, SOON, SOON);
        limits.linger_deadline = SOON;
        (limits.upstream_head_deadline, limits.upstream_read_deadline, limits.exchange_deadline) =
            (NEVER, NEVER, NEVER);
        (limits.upstream_idle_deadline, limits.write_deadline, limits.connect_deadline) = (NEVER, NEVER, NEVER);
    }));
    runtime.block_on(both_count_alike(&rig, &sound())).unwrap();
    assert_eq!(rig.spy.hits(), 3);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let held = runner.run(&changes(), |changes| {
        let mut bytes = sound();
        changes.iter().for_each(|change| change.make(&mut bytes));
        runtime.block_on(both_count_alike(&rig, &bytes))
    });
    if let Err(error) = held {
        panic!("{error}");
    }
}

crate::secured::over_tls![however_sound_requests_are_spoilt_the_upstream_sees_as_many_as_the_gateway_answered,];
