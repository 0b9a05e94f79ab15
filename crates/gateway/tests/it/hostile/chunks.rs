//! Cases 12 to 16: chunked bodies. The head has gone upstream by then; the body must not seem to end there.

use super::{POST, passed, refused, upstream_saw_no_whole_request};
use crate::rig::Rig;

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";

/// Bodies that are none: 400 while the upstream still waits for their end.
async fn all_refused(cases: &[(&str, &str)]) {
    let rig = Rig::start().await;
    for (what, body) in cases {
        refused(&rig, what, format!("{POST}{CHUNKED}{body}").as_bytes(), "400 bad_framing").await;
        // The same once the upstream has the beginning.
        refused(&rig, what, format!("{POST}{CHUNKED}5\r\nfirst\r\n{body}").as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_no_whole_request(&rig).await;
}

#[tokio::test]
async fn case_12_a_chunk_size_that_is_not_plain_hexadecimal_digits_is_refused() {
    all_refused(&[
        ("0x1", "0x1\r\na\r\n0\r\n\r\n"),
        ("an underscore", "1_0\r\na\r\n0\r\n\r\n"),
        ("a plus", "+1\r\na\r\n0\r\n\r\n"),
        ("a minus", "-1\r\na\r\n0\r\n\r\n"),
        ("17 digits", "00000000000000001\r\na\r\n0\r\n\r\n"),
        ("17 digits that overflow", "10000000000000001\r\na\r\n0\r\n\r\n"),
        ("16 digits", "ffffffffffffffff\r\na\r\n0\r\n\r\n"),
        ("none", "\r\na\r\n0\r\n\r\n"),
        ("none but an extension", ";x\r\na\r\n0\r\n\r\n"),
        ("no digit", "g\r\na\r\n0\r\n\r\n"),
        ("a space before it", " 1\r\na\r\n0\r\n\r\n"),
        ("a space behind it", "1 \r\na\r\n0\r\n\r\n"),
        ("a tab behind it", "1\t\r\na\r\n0\r\n\r\n"),
        ("less than its data", "1\r\nab\r\n0\r\n\r\n"),
        ("more than its data", "9\r\na\r\n0\r\n\r\n0\r\n\r\n"),
    ])
    .await;
    let rig = Rig::start().await;
    let sound = format!("{POST}{CHUNKED}{:015X}\r\n0123456789\r\n1\r\na\r\n000\r\n\r\n", 10);
    passed(&rig, "15 digits", sound.as_bytes(), &[("/open", "0123456789a")]).await;
}

#[tokio::test]
async fn case_12_the_gateway_itself_reads_no_such_body_as_a_login() {
    let rig = Rig::start().await;
    let body = r#"{"username":"alice","password":"correct horse"}"#;
    for (what, chunks) in [
        ("the size", format!("0x{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        ("the end", format!("{:x}\r\n{body}\r\n0\r\n\n", body.len())),
    ] {
        let head = "POST /auth/login HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n";
        refused(&rig, what, format!("{head}{CHUNKED}{chunks}").as_bytes(), "400 bad_framing").await;
    }
    assert!(rig.identity.attempts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn case_13_a_line_of_a_chunked_body_that_ends_in_a_bare_line_feed_or_carriage_return_is_refused() {
    all_refused(&[
        ("behind a size", "1\na\r\n0\r\n\r\n"),
        ("behind data", "1\r\na\n0\r\n\r\n"),
        ("behind the last size", "1\r\na\r\n0\n\r\n"),
        ("at the very end", "1\r\na\r\n0\r\n\n"),
        ("behind a trailer", "1\r\na\r\n0\r\nX-A: b\n\r\n"),
        ("a carriage return behind a size", "1\ra\r\n0\r\n\r\n"),
        ("two of them", "1\r\r\na\r\n0\r\n\r\n"),
        ("a carriage return behind data", "1\r\na\r0\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn case_14_a_control_character_in_an_extension_or_trailer_is_refused() {
    all_refused(&[
        ("a line feed", "1;x=\ny\r\na\r\n0\r\n\r\n"),
        ("a carriage return", "1;x\ry\r\na\r\n0\r\n\r\n"),
        ("0x01", "1;x=\x01\r\na\r\n0\r\n\r\n"),
        ("NUL", "1;x=\0\r\na\r\n0\r\n\r\n"),
        ("delete", "1;x=\x7f\r\na\r\n0\r\n\r\n"),
        ("a line feed in quotes", "1;x=\"\n\"\r\na\r\n0\r\n\r\n"),
        ("behind the last size", "0;x=\n\r\n\r\n"),
        ("NUL in a trailer", "0\r\nX-A: \0\r\n\r\n"),
        ("a carriage return in a trailer", "0\r\nX-A: b\rc\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn case_15_extensions_and_trailers_are_bounded_together() {
    let flood = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(64 << 10));
    let many = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(500)).repeat(20));
    let trailers = format!("0\r\n{}\r\n", format!("X-A: {}\r\n", "y".repeat(1000)).repeat(64));
    all_refused(&[("one of 64 KiB", &flood), ("many of 500 bytes", &many), ("64 KiB of trailers", &trailers)]).await;
    let rig = Rig::start().await;
    let few = format!("{POST}{CHUNKED}1;{}\r\na\r\n0\r\nX-A: {}\r\n\r\n", "x".repeat(4000), "y".repeat(4000));
    passed(&rig, "4 KB of each", few.as_bytes(), &[("/open", "a")]).await;
}

#[tokio::test]
async fn case_16_trailers_and_extensions_are_dropped_whatever_they_name() {
    let rig = Rig::start().await;
    let trailers = "Content-Length: 9\r\nHost: evil.test\r\nAuthorization: Bearer x\r\nX-User: admin\r\n\
                    Transfer-Encoding: gzip\r\nCookie: a=b\r\nX-Harmless: yes\r\n";
    for announced in ["", "Trailer: X-User, X-Harmless\r\nTE: trailers\r\nConnection: TE\r\n"] {
        let bytes = format!("{POST}{announced}{CHUNKED}3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0;z\r\n{trailers}\r\n");
        let seen = passed(&rig, announced, bytes.as_bytes(), &[("/open", "abcde")]).await;
        for name in ["content-length", "authorization", "x-user", "cookie", "x-harmless", "trailer", "te"] {
            assert!(seen[0].header(name).is_none(), "{name}: {}", seen[0].head);
        }
        assert_eq!(seen[0].headers("host"), [rig.spy.addr.to_string()]);
    }
}

crate::secured::over_tls![
    case_12_a_chunk_size_that_is_not_plain_hexadecimal_digits_is_refused,
    case_12_the_gateway_itself_reads_no_such_body_as_a_login,
    case_13_a_line_of_a_chunked_body_that_ends_in_a_bare_line_feed_or_carriage_return_is_refused,
    case_14_a_control_character_in_an_extension_or_trailer_is_refused,
    case_15_extensions_and_trailers_are_bounded_together,
    case_16_trailers_and_extensions_are_dropped_whatever_they_name,
];
