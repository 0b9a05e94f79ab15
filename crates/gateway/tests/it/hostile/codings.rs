//! Cases 8 to 11: Transfer-Encoding is `chunked`, once, on HTTP/1.1; anything else is refused.

use super::{POST, passed, refused, upstream_saw_nothing};
use crate::rig::Rig;

const EMPTY: &str = "0\r\n\r\n";

#[tokio::test]
async fn case_08_a_coding_other_than_chunked_is_refused() {
    let rig = Rig::start().await;
    for coding in [
        "xchunked",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        "gzip",
        "chunked;q=1",
        "\x0bchunked",
        "chunked\x0b",
        "\x0cchunked",
        "Chunked,",
        ",chunked",
        "chunke",
        "chunked\0",
        "\"chunked\"",
        "chunked chunked",
        "ch\u{fc}nked",
        "",
        " ",
    ] {
        let bytes = format!("{POST}Transfer-Encoding: {coding}\r\n\r\n{EMPTY}");
        refused(&rig, coding, bytes.as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
    for coding in ["chunked", "CHUNKED", "Chunked", "\t chunked \t"] {
        let bytes = format!("{POST}Transfer-Encoding:{coding}\r\n\r\n3\r\nabc\r\n{EMPTY}");
        let seen = passed(&rig, coding, bytes.as_bytes(), &[("/open", "abc")]).await;
        assert_eq!(seen[0].headers("transfer-encoding"), ["chunked"]);
    }
}

#[tokio::test]
async fn case_09_two_codings_are_refused() {
    let rig = Rig::start().await;
    for (first, second) in [("chunked", "chunked"), ("chunked", "identity"), ("identity", "chunked"), ("chunked", "")] {
        let bytes = format!("{POST}Transfer-Encoding: {first}\r\nX-A: b\r\ntransfer-encoding: {second}\r\n\r\n{EMPTY}");
        refused(&rig, &format!("{first} and {second}"), bytes.as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_10_a_name_that_somebody_may_take_for_transfer_encoding_is_refused() {
    let rig = Rig::start().await;
    for name in [
        "Transfer_Encoding",
        "Transfer.Encoding",
        "TRANSFER_ENCODING",
        "Transfer-Encoding ",
        "Transfer-Encoding\t",
        " Transfer-Encoding",
        "\tTransfer-Encoding",
        "Transfer-Encoding\x0b",
        "Transfer-Encoding\0",
        "\u{feff}Transfer-Encoding",
        "Transfer\u{2010}Encoding",
        "Transfer Encoding",
        "Transfer-Encoding: chunked\r\nTransfer_Encoding",
        "X-A: b\r\n Transfer-Encoding",
    ] {
        let bytes = format!("{POST}{name}: chunked\r\n\r\n{EMPTY}");
        refused(&rig, name, bytes.as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_11_a_coding_on_http_1_0_is_refused() {
    let rig = Rig::start().await;
    for lines in ["Transfer-Encoding: chunked\r\n", "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"] {
        let bytes = format!("POST /open HTTP/1.0\r\nHost: gateway.test\r\n{lines}\r\n{EMPTY}");
        refused(&rig, lines, bytes.as_bytes(), "400 bad_framing").await;
    }
    upstream_saw_nothing(&rig).await;
    // A plain request of that version is answered, and closes unless it asks otherwise.
    let plain = rig.raw("POST /open HTTP/1.0\r\nContent-Length: 3\r\n\r\nabcGET /open/smuggled HTTP/1.0\r\n\r\n").await;
    assert!(plain.starts_with("HTTP/1.0 200 ") && plain.matches("HTTP/1.").count() == 1, "{plain}");
    let kept = "POST /open HTTP/1.0\r\nHost: gateway.test\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc";
    passed(&rig, "kept alive", kept.as_bytes(), &[("/open", "abc")]).await;
}

crate::secured::over_tls![
    case_08_a_coding_other_than_chunked_is_refused,
    case_09_two_codings_are_refused,
    case_10_a_name_that_somebody_may_take_for_transfer_encoding_is_refused,
    case_11_a_coding_on_http_1_0_is_refused,
];
