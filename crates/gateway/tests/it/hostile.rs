//! The front door against hostile HTTP: thirty-four cases by number, each sent as bytes, each with its result.
//!
//! | cases | what | file |
//! |---|---|---|
//! | 1–7 | Content-Length | `lengths` |
//! | 8–11 | Transfer-Encoding | `codings` |
//! | 12–16 | chunked bodies | `chunks` |
//! | 17–22 | the bytes of a head | `heads` |
//! | 23–25 | Host and target | `hosts` |
//! | 26, 28–31, 34 | what is asked of a connection | `exchanges` |
//! | 27, 32, 33 | what an upstream answers | `answers` |
//! | all at once | mutations of sound requests | `mutations` |
//!
//! A case has one of two results. [`refused`]: one answer with its status and reason, the same reason and id in one audit
//! line, the connection closed, and the request that stood behind it on the connection not read. [`passed`]: the upstream
//! saw exactly these requests and the one behind them, and the connection goes on. HTTP/2 is not spoken, and what begins
//! like it, or like TLS, is refused as bad framing (case 22, case 30).
//!
//! Every case is run on both listeners, in the clear and within TLS, with the same result (`secured`).
//!
//! Not here: which paths are ambiguous (`paths`), how a host may be written (`hosts`), sizes and deadlines (`limits`).

mod answers;
mod chunks;
mod codings;
mod exchanges;
mod heads;
mod hosts;
mod lengths;
mod mutations;

use crate::client::{self, get};
use crate::rig::Rig;
use crate::spy::Seen;

/// What must never be taken for a request of its own.
const SMUGGLED: &str = "GET /open/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
/// What must be taken for a request of its own.
const NEXT: &str = "GET /open/next HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
/// The usual beginning of a request with a body.
const POST: &str = "POST /open HTTP/1.1\r\nHost: gateway.test\r\n";

/// Sends a request with another behind it: the first is refused with `status reason`, the second is never read.
#[track_caller]
fn refused<'a>(rig: &'a Rig, what: &'a str, bytes: &'a [u8], expected: &'a str) -> impl Future<Output = ()> + 'a {
    let (status, reason) = expected.split_once(' ').unwrap();
    async move {
        let before = rig.audit().len();
        let mut connection = rig.connect().await;
        connection.write(&[bytes, SMUGGLED.as_bytes()].concat()).await;
        let answer = client::soon(connection.answer(false)).await;
        let verdict = (answer.status.to_string(), answer.reason());
        assert_eq!(verdict, (status.to_owned(), reason.to_owned()), "{what}: {}{}", answer.head, answer.text());
        assert_eq!(answer.headers("connection"), ["close"], "{what}");
        assert_eq!(connection.rest().await, "", "{what}: the connection must end here");
        let lines = rig.audit();
        assert_eq!(lines.len(), before + 1, "{what}: one audit line");
        let line = lines.last().unwrap();
        assert_eq!(line.reason.unwrap().code(), reason, "{what}");
        assert_eq!(Some(&*line.refusal.unwrap().to_string()), answer.json()["id"].as_str(), "{what}");
    }
}

/// Sends requests with another behind them: the upstream sees these targets and bodies, and that other one.
async fn passed(rig: &Rig, what: &str, bytes: &[u8], expected: &[(&str, &str)]) -> Vec<Seen> {
    let before = rig.spy.hits();
    let mut connection = rig.connect().await;
    connection.write(&[bytes, NEXT.as_bytes()].concat()).await;
    for _ in 0..=expected.len() {
        let answer = client::soon(connection.answer(false)).await;
        assert_eq!(answer.status, 200, "{what}: {}{}", answer.head, answer.text());
    }
    assert_eq!(connection.finish().await, "", "{what}: more answers than requests");
    let seen = rig.spy.after(before);
    let arrived: Vec<(String, String)> = seen.iter().map(target_and_body).collect();
    let expected = expected.iter().chain(&[("/open/next", "")]);
    let expected: Vec<(String, String)> = expected.map(|(path, body)| (path.to_string(), body.to_string())).collect();
    assert_eq!(arrived, expected, "{what}");
    for one in &seen {
        framed_once(what, one);
    }
    seen
}

/// After refusals: a sound request is served, and it is the first of which the upstream saw anything at all.
async fn upstream_saw_nothing(rig: &Rig) {
    upstream_saw_no_whole_request(rig).await;
    assert_eq!(rig.spy.connections(), 1, "the one of the sound request");
}

/// The same where a request's head had gone upstream before its body was found to be none.
async fn upstream_saw_no_whole_request(rig: &Rig) {
    assert_eq!(rig.ask(&get("/open/fence", &[])).await.status, 200);
    let arrived: Vec<(String, String)> = rig.spy.all().iter().map(target_and_body).collect();
    assert_eq!(arrived, [("/open/fence".to_owned(), String::new())]);
    for fragment in rig.spy.fragments() {
        assert!(fragment.starts_with("POST /open HTTP/1.1\r\n") && !fragment.contains("smuggled"), "{fragment}");
    }
}

fn target_and_body(seen: &Seen) -> (String, String) {
    (seen.target().to_owned(), String::from_utf8_lossy(&seen.body).into_owned())
}

/// Nothing in a request that arrived upstream lets two readers disagree.
#[track_caller]
fn framed_once(what: &str, seen: &Seen) {
    let head = seen.head.strip_suffix("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next().unwrap().split(' ').count(), 3, "{what}: {head}");
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{what}: {head}"));
        let is_token = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'(' && byte != b')');
        assert!(!name.is_empty() && is_token, "{what}: {head}");
        assert!(!value.contains(|c: char| c.is_ascii_control() && c != '\t'), "{what}: {head}");
    }
    let (lengths, codings) = (seen.headers("content-length").len(), seen.headers("transfer-encoding"));
    assert!(lengths + codings.len() <= 1, "{what}: {head}");
    assert!(codings.iter().all(|coding| *coding == "chunked"), "{what}: {head}");
    assert_eq!(seen.headers("host").len(), 1, "{what}: {head}");
    for name in ["connection", "upgrade", "te", "trailer", "expect", "keep-alive"] {
        assert!(seen.header(name).is_none(), "{what}: {head}");
    }
}

#[test]
fn every_number_from_1_to_34_has_its_test_on_both_listeners() {
    let files = [
        include_str!("hostile/answers.rs"),
        include_str!("hostile/chunks.rs"),
        include_str!("hostile/codings.rs"),
        include_str!("hostile/exchanges.rs"),
        include_str!("hostile/heads.rs"),
        include_str!("hostile/hosts.rs"),
        include_str!("hostile/lengths.rs"),
        include_str!("hostile/mutations.rs"),
    ];
    for (tests, again) in files.map(|file| file.split_once("crate::secured::over_tls![").unwrap()) {
        let names =
            tests.split("test]\n").skip(1).map(|rest| rest.split_once("fn ").unwrap().1.split('(').next().unwrap());
        let again: Vec<&str> = again.split(['[', ',', ']']).map(str::trim).collect();
        for name in names {
            assert!(again.contains(&name), "{name} is not run over TLS");
        }
    }
    for number in 1..=34 {
        let name = format!("\nasync fn case_{number:02}_");
        let count: usize = files.iter().map(|file| file.matches(&name).count()).sum();
        assert!(count > 0, "case {number}");
    }
}
