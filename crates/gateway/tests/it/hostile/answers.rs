//! Cases 27, 32 and 33: answers that do not end where they say, hold more than was asked for, or reflect what was sent.

use std::time::Duration;

use crate::client::{self, get, request};
use crate::rig::Rig;
use crate::spy::Act;

/// An answer that must never be given to anybody.
const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

/// What the upstream sends for a request of this method, and the answer's status, Content-Length and body.
async fn check(method: &str, sent: &str, (status, length, body): (u16, Option<&str>, &str)) {
    let rig = Rig::start().await;
    let mut connection = rig.connect().await;
    rig.spy.next(Act::Answer(sent.as_bytes().to_vec()));
    connection.write(request(method, "/open", &[], "").as_bytes()).await;
    let answer = client::soon(connection.answer(method == "HEAD")).await;
    assert_eq!((answer.status, &*answer.text()), (status, body), "{method}: {sent}");
    assert_eq!(answer.headers("content-length"), length.into_iter().collect::<Vec<_>>(), "{method}: {sent}");
    // The next answer on the client's connection begins where it should, and is nobody else's.
    for _ in 0..3 {
        let next = connection.ask(&get("/open/next", &[])).await;
        assert_eq!((next.status, &*next.text()), (200, "fine"), "{method}: {sent}");
    }
}

#[tokio::test]
async fn case_27_answers_that_have_no_body_do_not_shift_the_next_one_although_the_upstream_sends_one() {
    for (method, sent, expected) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", (204, None, "")),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", (204, None, "")),
        ("GET", &format!("HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n{EVIL}", EVIL.len()), (204, None, "")),
        ("GET", &format!("HTTP/1.1 204 No Content\r\n\r\n{EVIL}"), (204, None, "")),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", (304, None, "")),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil", (304, None, "")),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
            (304, None, ""),
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", (200, Some("4"), "")),
        ("HEAD", EVIL, (200, Some("4"), "")),
        ("HEAD", &format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{EVIL}"), (200, Some("9"), "")),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", (200, None, "")),
    ] as [(&str, &str, (u16, Option<&str>, &str)); 11]
    {
        check(method, sent, expected).await;
    }
}

#[tokio::test]
async fn case_32_a_connection_with_more_on_it_than_was_asked_for_is_not_used_again() {
    for sent in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine{EVIL}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine{EVIL}{EVIL}"),
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfinely".to_owned(),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n{EVIL}"),
        format!("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine{EVIL}"),
    ] {
        let length = sent.contains("Content-Length: 4\r\n\r\nfine").then_some("4");
        check("GET", &sent, (200, length, "fine")).await;
        check("POST", &sent, (200, length, "fine")).await;
        let rig = Rig::start().await;
        rig.spy.next(Act::Answer(sent.clone().into_bytes()));
        rig.ask(&get("/open", &[])).await;
        rig.ask(&get("/open", &[])).await;
        assert_eq!(rig.spy.connections(), 2, "{sent}");
    }
}

#[tokio::test]
async fn case_32_an_answer_that_says_twice_where_it_ends_is_502_and_its_connection_is_not_used_again() {
    let rig = Rig::start().await;
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n\r\nevil",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nevil",
        "Content-Length: 4, 4\r\n\r\nevil",
        "Content-Length: +4\r\n\r\nevil",
        "Content-Length: 18446744073709551615\r\n\r\nevil",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
        "X-A: b\r\n c\r\nContent-Length: 4\r\n\r\nevil",
        "Content-Length : 4\r\n\r\nevil",
        "X-A: b\rX-B: c\r\nContent-Length: 4\r\n\r\nevil",
        "X-A: b\0c\r\nContent-Length: 4\r\n\r\nevil",
    ] {
        let connections = rig.spy.connections();
        rig.spy.next(Act::Answer(format!("HTTP/1.1 200 OK\r\n{lines}").into_bytes()));
        let answer = rig.ask(&get("/open", &[])).await;
        assert_eq!(answer.verdict(), (502, "upstream_broken".to_owned()), "{lines}");
        let line = rig.audit().pop().unwrap();
        assert_eq!(Some(&*line.refusal.unwrap().to_string()), answer.json()["id"].as_str());
        assert_eq!(rig.ask(&get("/open", &[])).await.text(), "fine");
        assert_eq!(rig.spy.connections(), connections + 1 + usize::from(connections == 0), "{lines}");
    }
}

#[tokio::test]
async fn case_32_interim_answers_are_swallowed_and_a_flood_of_them_ends_at_the_deadline() {
    let rig = Rig::start().await;
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
    rig.spy.next(Act::Answer(format!("{}{answer}", interim.repeat(50)).into_bytes()));
    let got = rig.ask(&get("/open", &[])).await;
    assert_eq!((got.status, got.text().as_str()), (200, "fine"));
    assert!(!got.head.contains("103"), "{}", got.head);
    rig.spy.next(Act::Stall(interim.repeat(500).into_bytes()));
    let ask = rig.ask_soon(get("/open", &[]));
    rig.spy.arrived(2).await;
    rig.clock.settle().await;
    rig.clock.advance(Duration::from_secs(30)).await;
    assert_eq!(ask.await.unwrap().verdict(), (504, "upstream_timeout".to_owned()));
    assert_eq!(rig.ask(&get("/open", &[])).await.text(), "fine");
    assert_eq!(rig.spy.connections(), 2);
}

#[tokio::test]
async fn case_32_an_upstream_that_switches_protocols_unasked_is_502() {
    let rig = Rig::start().await;
    for upgrade in ["websocket", "h2c"] {
        let switch =
            format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {upgrade}\r\nConnection: Upgrade\r\n\r\n{EVIL}");
        rig.spy.next(Act::Answer(switch.into_bytes()));
        assert_eq!(rig.ask(&get("/open", &[])).await.verdict(), (502, "upstream_broken".to_owned()));
        assert_eq!(rig.ask(&get("/open", &[])).await.text(), "fine");
    }
}

#[tokio::test]
async fn case_33_nothing_that_was_sent_comes_back_as_a_header_line() {
    let rig = Rig::start().await;
    let split = "%0d%0aX-Split:%20yes";
    let query = format!("/open?next={split}");
    for (path, headers) in [
        (query.as_str(), vec![]),
        ("/open/%0d%0aX-Split:%20yes", vec![]),
        ("/opaque?%0d%0aX-Split:%20yes", vec![("Authorization", "Bearer %0d%0aX-Split: yes")]),
        ("/open", vec![("X-Request-Id", "%0d%0aX-Split: yes"), ("Origin", "https://app.example%0d%0aX-Split: yes")]),
        ("/nowhere", vec![("X-Forwarded-Host", "a%0d%0aX-Split: yes"), ("Cookie", "a=%0d%0aX-Split: yes")]),
        ("/auth/logout", vec![("Origin", "https://app.example%0d%0aX-Split: yes")]),
    ] {
        let answer = rig.ask(&get(path, &headers)).await;
        assert!(!answer.head.to_ascii_lowercase().contains("split"), "{path}: {}", answer.head);
        let lines = rig.audit().iter().map(|line| serde_json::to_string(line).unwrap()).collect::<String>();
        assert!(!lines.contains("\\r") && !lines.contains("\\n"), "{lines}");
    }
    // What arrived upstream is the query as it was sent, still escaped.
    let seen = rig.spy.all();
    assert_eq!(seen[0].target(), query);
    assert!(seen.iter().all(|seen| seen.header("x-split").is_none()));
}

#[tokio::test]
async fn case_33_a_claim_or_a_token_with_line_ends_makes_no_header_line() {
    let rig = Rig::start().await;
    let token = rig.identity.issuer.token("alice").scopes("orders:read").audience(&["orders", "stock"]);
    let jwt = token.claims(|claims| claims.amr = vec!["pwd\r\nX-Roles: admin".to_owned()]).mint();
    assert_eq!(rig.get("/jwt/1", &jwt).await.status, 200);
    let seen = rig.spy.last();
    assert_eq!(seen.bearer(), jwt, "claims travel inside the token and nowhere else");
    assert!(seen.header("x-roles").is_none() && !seen.head.contains("admin"), "{}", seen.head);
    // Identity wraps a JWT that a service sent; what it gives is held to be a header's value before it becomes one.
    let opaque = rig.identity.opaque("alice", "orders:read");
    rig.spy.next_with(&format!("X-Access-Token: {jwt}splitting\r\n"));
    let answer = rig.get("/opaque", &opaque).await;
    assert_eq!((answer.status, &*answer.text()), (200, "fine"));
    assert!(answer.header("x-roles").is_none() && answer.header("x-access-token").is_none(), "{}", answer.head);
}

crate::secured::over_tls![
    case_27_answers_that_have_no_body_do_not_shift_the_next_one_although_the_upstream_sends_one,
    case_32_a_connection_with_more_on_it_than_was_asked_for_is_not_used_again,
    case_32_an_answer_that_says_twice_where_it_ends_is_502_and_its_connection_is_not_used_again,
    case_32_interim_answers_are_swallowed_and_a_flood_of_them_ends_at_the_deadline,
    case_32_an_upstream_that_switches_protocols_unasked_is_502,
    case_33_nothing_that_was_sent_comes_back_as_a_header_line,
    case_33_a_claim_or_a_token_with_line_ends_makes_no_header_line,
];
