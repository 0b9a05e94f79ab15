//! Cases 1 to 7: Content-Length, alone, repeated, and beside a Transfer-Encoding.

use super::{POST, SMUGGLED, passed, refused, upstream_saw_nothing};
use crate::rig::Rig;

/// Header lines and what stands behind them, each refused as bad framing.
async fn all_refused(cases: &[(&str, &str)]) {
    let rig = Rig::start().await;
    for (what, rest) in cases {
        refused(&rig, what, format!("{POST}{rest}").as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_01_a_length_beside_a_coding_is_refused_and_the_connection_closed() {
    all_refused(&[
        ("length first", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("coding first", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
        ("others between", "Content-Length: 5\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a length of nothing", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a length that is none", "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a coding that is none", "Content-Length: 4\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
        ("names in upper case", "CONTENT-LENGTH: 4\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn case_02_a_request_behind_the_last_chunk_within_the_length_is_not_read() {
    let body = format!("0\r\n\r\n{SMUGGLED}");
    let rest = format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{body}", body.len());
    all_refused(&[("the length covers it, the chunks do not", &rest)]).await;
    let rig = Rig::start().await;
    // Without the coding it is a body like any other.
    let alone = format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len());
    passed(&rig, "a length alone", alone.as_bytes(), &[("/open", &body)]).await;
}

#[tokio::test]
async fn case_03_a_request_within_a_chunk_behind_the_length_is_not_read() {
    let chunked = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    let rest = format!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}");
    all_refused(&[("the chunks cover it, the length does not", &rest)]).await;
    let rig = Rig::start().await;
    let alone = format!("{POST}Transfer-Encoding: chunked\r\n\r\n{chunked}");
    passed(&rig, "chunks alone", alone.as_bytes(), &[("/open", SMUGGLED)]).await;
}

#[tokio::test]
async fn case_04_the_same_length_twice_is_refused() {
    all_refused(&[
        ("twice", "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        ("twice nothing", "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        ("far apart and in another case", "content-length: 3\r\nX-A: b\r\nCONTENT-LENGTH: 3\r\n\r\nabc"),
    ])
    .await;
}

#[tokio::test]
async fn case_05_two_lengths_are_refused() {
    all_refused(&[
        ("the second longer", "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        ("the second shorter", "Content-Length: 4\r\nContent-Length: 3\r\n\r\nabcd"),
        ("one of them nothing", "Content-Length: 0\r\nContent-Length: 4\r\n\r\nabcd"),
        ("one of them empty", "Content-Length: 4\r\nContent-Length:\r\n\r\nabcd"),
    ])
    .await;
}

#[tokio::test]
async fn case_06_a_list_of_lengths_is_refused() {
    all_refused(&[
        ("the same twice", "Content-Length: 3, 3\r\n\r\nabc"),
        ("without a space", "Content-Length: 3,3\r\n\r\nabc"),
        ("two lengths", "Content-Length: 3, 4\r\n\r\nabcd"),
        ("one and nothing", "Content-Length: 3,\r\n\r\nabc"),
    ])
    .await;
}

#[tokio::test]
async fn case_07_a_length_that_is_not_plain_digits_is_refused() {
    all_refused(&[
        ("a plus", "Content-Length: +3\r\n\r\nabc"),
        ("minus nothing", "Content-Length: -0\r\n\r\n"),
        ("a minus", "Content-Length: -3\r\n\r\nabc"),
        ("hexadecimal", "Content-Length: 0x3\r\n\r\nabc"),
        ("hexadecimal digits", "Content-Length: a\r\n\r\n0123456789"),
        ("an underscore", "Content-Length: 3_0\r\n\r\nabc"),
        ("a leading zero", "Content-Length: 03\r\n\r\nabc"),
        ("twice zero", "Content-Length: 00\r\n\r\n"),
        ("a fraction", "Content-Length: 3.0\r\n\r\nabc"),
        ("an exponent", "Content-Length: 3e0\r\n\r\nabc"),
        ("two words", "Content-Length: 3 0\r\n\r\nabc"),
        ("quoted", "Content-Length: \"3\"\r\n\r\nabc"),
        ("empty", "Content-Length:\r\n\r\n"),
        ("white space", "Content-Length: \t \r\n\r\n"),
        ("2^63", "Content-Length: 9223372036854775808\r\n\r\n"),
        ("2^64 less one", "Content-Length: 18446744073709551615\r\n\r\n"),
        ("2^64", "Content-Length: 18446744073709551616\r\n\r\n"),
        ("2^64 and three", "Content-Length: 18446744073709551619\r\n\r\nabc"),
        ("digits of another script", "Content-Length: \u{663}\r\n\r\nabc"),
        ("an underscore for the dash", "Content_Length: 3\r\n\r\nabc"),
        ("a dot for the dash", "Content.Length: 0\r\n\r\n"),
    ])
    .await;
    let rig = Rig::start().await;
    // RFC 9110 §5.5: white space around a value is no part of it.
    let spaced = format!("{POST}Content-Length: \t 3 \t\r\n\r\nabc");
    let seen = passed(&rig, "white space around it", spaced.as_bytes(), &[("/open", "abc")]).await;
    assert_eq!(seen[0].headers("content-length"), ["3"]);
    // More than any route takes, but a length: refused for its size, at once.
    let long = format!("{POST}Content-Length: 9223372036854775807\r\n\r\n");
    refused(&rig, "2^63 less one", long.as_bytes(), "413 body_too_large").await;
}

crate::secured::over_tls![
    case_01_a_length_beside_a_coding_is_refused_and_the_connection_closed,
    case_02_a_request_behind_the_last_chunk_within_the_length_is_not_read,
    case_03_a_request_within_a_chunk_behind_the_length_is_not_read,
    case_04_the_same_length_twice_is_refused,
    case_05_two_lengths_are_refused,
    case_06_a_list_of_lengths_is_refused,
    case_07_a_length_that_is_not_plain_digits_is_refused,
];
