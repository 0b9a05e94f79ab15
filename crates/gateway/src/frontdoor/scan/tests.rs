//! However the bytes are cut, the same is found.

use proptest::prelude::*;
use sekisho_wire::Reason;

use super::super::chunked::Allowance;
use super::{Bounds, Fed, Rest, Scanner, scan_all};

const TWO: &str = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n\
                   POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

fn scanner() -> Scanner {
    let chunked = Allowance { extensions: 16, trailers: 16 };
    Scanner::new(Bounds { head_bytes_max: 200, headers_max: 3, chunked })
}

/// Feeds pieces as a connection would: what is held back is fed again.
fn feed(pieces: &[&[u8]]) -> (usize, Rest) {
    let (mut scanner, mut held, mut passed) = (scanner(), Vec::new(), 0);
    let mut last = Rest::None;
    for piece in pieces {
        held.extend_from_slice(piece);
        let fed = scanner.feed(&held);
        passed += fed.passed;
        held.drain(..fed.passed);
        last = fed.rest;
        if !matches!(last, Rest::None | Rest::Hold) {
            break;
        }
    }
    (passed, last)
}

#[test]
fn sound_requests_pass_whole_and_the_beginning_of_a_head_is_held_back() {
    assert_eq!(feed(&[TWO.as_bytes()]), (TWO.len(), Rest::None));
    let with_more = format!("{TWO}GET / HT");
    assert_eq!(feed(&[with_more.as_bytes()]), (TWO.len(), Rest::Hold));
    assert_eq!(scan_all(with_more.as_bytes()), Ok(TWO.len()));
}

#[test]
fn what_is_refused_is_refused_where_it_begins() {
    let bad = format!("{TWO}GET / HTTP/1.1\nHost: a\n\n");
    assert_eq!(feed(&[bad.as_bytes()]), (TWO.len(), Rest::Refuse(Reason::BadFraming)));
    assert_eq!(scan_all(bad.as_bytes()), Err((TWO.len(), "bad_framing")));
    let long = "x".repeat(201);
    assert_eq!(scanner().feed(long.as_bytes()), Fed { passed: 0, rest: Rest::Refuse(Reason::HeadTooLarge) });
    let many = b"GET / HTTP/1.1\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n";
    assert_eq!(scanner().feed(many), Fed { passed: 0, rest: Rest::Refuse(Reason::HeadTooLarge) });
    let (_, rest) = feed(&[b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]);
    assert_eq!(rest, Rest::Broken);
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut_the_same_is_found(cuts in proptest::collection::vec(0..200_usize, 0..20), bad in any::<bool>()) {
        let text = if bad { format!("{TWO}GET / HTTP/1.1\r\nA: b\rc\r\n\r\n") } else { TWO.to_owned() };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            pieces.push(&text.as_bytes()[from..cut]);
            from = cut;
        }
        prop_assert_eq!(feed(&pieces), feed(&[text.as_bytes()]));
    }

    #[test]
    fn no_bytes_make_it_pass_more_than_it_was_given(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let fed = scanner().feed(&bytes);
        prop_assert!(fed.passed <= bytes.len());
        prop_assert!(fed.rest != Rest::None || fed.passed == bytes.len());
    }
}
