//! Cases 17 to 22: the bytes of a head. Whatever two readers could split in two places is refused.

use super::{POST, SMUGGLED, passed, refused, upstream_saw_nothing};
use crate::client::{self, get};
use crate::rig::Rig;

/// Header lines, each refused as bad framing.
async fn all_refused(cases: &[(&str, &str)]) {
    let rig = Rig::start().await;
    for (what, lines) in cases {
        refused(&rig, what, format!("{POST}{lines}").as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_17_a_folded_line_is_refused_in_every_header() {
    all_refused(&[
        ("a space", "X-A: b\r\n c\r\n\r\n"),
        ("a tab", "X-A: b\r\n\tc\r\n\r\n"),
        ("nothing but a space", "X-A: b\r\n \r\n\r\n"),
        ("a coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        ("a length", "Content-Length:\r\n 3\r\n\r\nabc"),
        ("a header that looks like one", "X-A: b\r\n X-User: admin\r\n\r\n"),
        ("the expectation", "Expect:\r\n 100-continue\r\nContent-Length: 3\r\n\r\nabc"),
    ])
    .await;
    let rig = Rig::start().await;
    let first = format!("GET /open HTTP/1.1\r\n Host: gateway.test\r\n\r\n{SMUGGLED}");
    refused(&rig, "the first header", first.as_bytes(), "400 bad_framing").await;
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_18_a_bare_line_feed_as_a_line_end_is_refused() {
    all_refused(&[
        ("behind a header", "X-A: b\nX-User: admin\r\n\r\n"),
        ("at the end", "X-A: b\r\n\n"),
        ("both", "X-A: b\n\n"),
        ("before the empty line", "X-A: b\n\r\n"),
        ("in a value", "X-A: b\nc\r\n\r\n"),
    ])
    .await;
    let rig = Rig::start().await;
    for line in ["GET /open HTTP/1.1\nHost: gateway.test\r\n\r\n", "GET /open HTTP/1.1\nHost: gateway.test\n\n", "\n"] {
        refused(&rig, line, line.as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_19_a_bare_carriage_return_in_a_head_is_refused() {
    all_refused(&[
        ("in a value", "X-A: b\rX-User: admin\r\n\r\n"),
        ("two at the end of a line", "X-A: b\r\r\n\r\n"),
        ("in a name", "X-\rA: b\r\n\r\n"),
        ("as an empty line", "X-A: b\r\n\r\r\n\r\n"),
    ])
    .await;
    let rig = Rig::start().await;
    for line in ["GET /open\r HTTP/1.1", "GET /open HTTP/1.1\r", "G\rET /open HTTP/1.1"] {
        let reason = if line.contains("open\r") { "400 bad_target" } else { "400 bad_framing" };
        refused(&rig, line, format!("{line}\r\nHost: gateway.test\r\n\r\n").as_bytes(), reason).await;
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_20_nul_and_other_control_characters_in_a_head_are_refused() {
    let rig = Rig::start().await;
    for byte in (0..0x20_u8).chain([0x7f]).filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r')) {
        let what = format!("{byte:#04x}");
        let control = char::from(byte);
        for lines in [format!("X-A: b{control}c\r\n\r\n"), format!("X-{control}A: b\r\n\r\n")] {
            refused(&rig, &what, format!("{POST}{lines}").as_bytes(), "400 bad_framing").await;
        }
        let line = format!("GET /open{control} HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
        refused(&rig, &what, line.as_bytes(), "400 bad_target").await;
    }
    all_refused(&[("no colon", "X-A\r\n\r\n"), ("no name", ": b\r\n\r\n"), ("a space in a name", "X A: b\r\n\r\n")])
        .await;
    upstream_saw_nothing(&rig).await;
    // Tabs and bytes beyond ASCII are text (RFC 9110 §5.5), and travel as they are.
    let text = b"GET /open HTTP/1.1\r\nHost: gateway.test\r\nX-A: b\tc\xe9\xff\r\n\r\n";
    let seen = passed(&rig, "text", text, &[("/open", "")]).await;
    assert_eq!(seen[0].header("x-a"), Some("b\tc\u{fffd}\u{fffd}"));
}

#[tokio::test]
async fn case_21_a_target_with_a_space_or_a_byte_that_no_target_holds_is_refused() {
    let rig = Rig::start().await;
    for (line, expected) in [
        ("GET /open x HTTP/1.1", "400 bad_framing"),
        ("GET  /open HTTP/1.1", "400 bad_framing"),
        ("GET /open  HTTP/1.1", "400 bad_framing"),
        ("GET\t/open HTTP/1.1", "400 bad_framing"),
        ("GET /open\tHTTP/1.1", "400 bad_framing"),
        ("GET /open\t HTTP/1.1", "400 bad_target"),
        ("GET /open HTTP/1.1 ", "400 bad_framing"),
        ("GET /open", "400 bad_framing"),
        ("GET", "400 bad_framing"),
        (" GET /open HTTP/1.1", "400 bad_framing"),
        ("G=T /open HTTP/1.1", "400 bad_framing"),
        ("GET /open#fragment HTTP/1.1", "400 bad_target"),
        ("GET /op\u{e9}n HTTP/1.1", "400 bad_target"),
        ("GET /<script> HTTP/1.1", "400 bad_target"),
        ("GET /?\"x\" HTTP/1.1", "400 bad_target"),
        ("GET open HTTP/1.1", "400 bad_target"),
        ("GET ?x HTTP/1.1", "400 bad_target"),
        ("OPTIONS * HTTP/1.1", "400 bad_target"),
        ("SEKISHO-REFUSED /no_route HTTP/1.1", "400 bad_framing"),
    ] {
        refused(&rig, line, format!("{line}\r\nHost: gateway.test\r\n\r\n").as_bytes(), expected).await;
    }
    // What hyper's own types refuse must be refused by us, or nobody would be told why.
    for target in ["/`", "/open/`/x?y", "http://", "http://a:1:2/", "http://[::1/", "http://a@/", "http://%/", "a:b:c"]
    {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
        refused(&rig, target, bytes.as_bytes(), "400 bad_target").await;
    }
    upstream_saw_nothing(&rig).await;
    let query = "GET /open?`{|}^[]\\' HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
    passed(&rig, "what browsers leave in a query", query.as_bytes(), &[("/open?`{|}^[]\\'", "")]).await;
}

#[tokio::test]
async fn case_22_another_version_of_http_is_refused_and_so_is_what_is_not_http() {
    let rig = Rig::start().await;
    for version in [
        "HTTP/0.9",
        "HTTP/1.32",
        "HTTP/1.01",
        "HTTP/1.",
        "HTTP/1",
        "HTTP/2.0",
        "HTTP/2",
        "HTTP/3",
        "http/1.1",
        "HTTP/1.2",
        "HTTP/11",
        "HTTPS/1.1",
        "HTTP/1.1x",
        "HTTP/-1.1",
        "SIP/2.0",
        "",
    ] {
        let bytes = format!("GET /open {version}\r\nHost: gateway.test\r\n\r\n");
        refused(&rig, version, bytes.as_bytes(), "400 bad_framing").await;
    }
    for (what, bytes) in [
        ("HTTP/0.9", &b"GET /open\r\n\r\n"[..]),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("an empty line first", b"\r\nGET /open HTTP/1.1\r\nHost: gateway.test\r\n\r\n"),
        ("a byte order mark first", b"\xef\xbb\xbfGET /open HTTP/1.1\r\nHost: gateway.test\r\n\r\n"),
        ("TLS, whose hello holds no line end", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("a proxy's greeting", b"\x0d\x0a\x0d\x0a\x00\x0d\x0aQUIT\x0a"),
    ] {
        refused(&rig, what, bytes, "400 bad_framing").await;
    }
    // TLS alone, with nothing behind it that would end a line, is not waited for either.
    let mut connection = rig.connect().await;
    connection.write(b"\x16\x03\x01\x02\x00").await;
    assert_eq!(client::soon(connection.answer(false)).await.verdict(), (400, "bad_framing".to_owned()));
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn heads_are_judged_alike_when_every_byte_arrives_alone() {
    let rig = Rig::start().await;
    for bytes in [
        format!("{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        format!("{POST}X-A: b\nX-User: admin\r\n\r\n"),
    ] {
        let mut connection = rig.connect().await;
        for byte in bytes.as_bytes() {
            connection.write(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client::soon(connection.answer(false)).await.verdict(), (400, "bad_framing".to_owned()), "{bytes}");
        assert_eq!(connection.rest().await, "");
    }
    upstream_saw_nothing(&rig).await;
    let mut connection = rig.connect().await;
    for byte in get("/open", &[]).as_bytes() {
        connection.write(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client::soon(connection.answer(false)).await.status, 200);
}

crate::secured::over_tls![
    case_17_a_folded_line_is_refused_in_every_header,
    case_18_a_bare_line_feed_as_a_line_end_is_refused,
    case_19_a_bare_carriage_return_in_a_head_is_refused,
    case_20_nul_and_other_control_characters_in_a_head_are_refused,
    case_21_a_target_with_a_space_or_a_byte_that_no_target_holds_is_refused,
    case_22_another_version_of_http_is_refused_and_so_is_what_is_not_http,
    heads_are_judged_alike_when_every_byte_arrives_alone,
];
