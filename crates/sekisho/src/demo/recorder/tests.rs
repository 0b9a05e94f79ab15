//! What passes is kept as it passed, in order, and bounded.

use std::sync::Arc;

use sekisho_guard::clock::SystemClock;

use super::{Direction, Leg, PASSAGE_BYTES_MAX, PASSAGES_MAX, Passage, RECORD_BYTES_MAX, Recorder};

const REQUEST: &[u8] = b"GET /orders/1 HTTP/1.1\r\nhost: a\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn recorder() -> Recorder {
    Recorder::new(Arc::new(SystemClock::new()))
}

/// Lets chunks pass on one connection and says what the passages were.
fn passages(chunks: &[(Direction, &[u8])]) -> Vec<(Direction, Vec<u8>)> {
    let recorder = recorder();
    let connection = recorder.open(Leg::CLIENT_GATEWAY);
    for (direction, bytes) in chunks {
        recorder.passed(connection, *direction, bytes);
    }
    recorder.since(0).into_iter().map(|passage| (passage.direction, passage.bytes)).collect()
}

#[test]
fn a_request_and_its_answer_are_two_passages_however_they_were_cut() {
    use Direction::{Answer, Request};
    let expected = vec![(Request, REQUEST.to_vec()), (Answer, ANSWER.to_vec())];
    assert_eq!(passages(&[(Request, REQUEST), (Answer, ANSWER)]), expected);
    let mut bytewise: Vec<(Direction, &[u8])> = REQUEST.chunks(1).map(|byte| (Request, byte)).collect();
    bytewise.extend(ANSWER.chunks(1).map(|byte| (Answer, byte)));
    assert_eq!(passages(&bytewise), expected);
}

#[test]
fn a_kept_connection_gives_one_passage_for_each_message() {
    use Direction::{Answer, Request};
    let turns: Vec<_> = (0..3).flat_map(|_| [(Request, REQUEST), (Answer, ANSWER)]).collect();
    let passages = passages(&turns);
    assert_eq!(passages.len(), 6);
    assert!(passages.iter().all(|(direction, bytes)| bytes == if *direction == Request { REQUEST } else { ANSWER }));
}

#[test]
fn a_body_that_goes_on_after_100_continue_stays_with_its_head() {
    use Direction::{Answer, Request};
    let head: &[u8] = b"POST /orders HTTP/1.1\r\nexpect: 100-continue\r\n\r\n";
    let body: &[u8] = b"{\"item\":\"tea\"}";
    let passages =
        passages(&[(Request, head), (Answer, b"HTTP/1.1 100 Continue\r\n\r\n"), (Request, body), (Answer, ANSWER)]);
    let expected = vec![
        (Request, [head, body].concat()),
        (Answer, b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        (Answer, ANSWER.to_vec()),
    ];
    assert_eq!(passages, expected);
}

#[test]
fn an_answer_names_the_request_it_belongs_to_on_its_own_connection() {
    let recorder = recorder();
    let (left, right) = (recorder.open(Leg::CLIENT_GATEWAY), recorder.open(Leg::GATEWAY_ORDERS));
    recorder.passed(left, Direction::Request, REQUEST);
    recorder.passed(right, Direction::Request, REQUEST);
    recorder.passed(right, Direction::Answer, ANSWER);
    recorder.passed(left, Direction::Answer, ANSWER);
    let links: Vec<_> = recorder.since(0).iter().map(|passage| (passage.number, passage.in_answer_to)).collect();
    assert_eq!(links, [(0, None), (1, None), (2, Some(1)), (3, Some(0))]);
    assert!(recorder.since(4).is_empty());
    assert_eq!(recorder.next_number(), 4);
}

#[test]
fn a_long_message_is_counted_in_full_and_kept_up_to_its_bound() {
    let recorder = recorder();
    let connection = recorder.open(Leg::CLIENT_GATEWAY);
    let chunk = [b'x'; 10_000];
    for _ in 0..1000 {
        recorder.passed(connection, Direction::Request, &chunk);
    }
    let kept = recorder.since(0);
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].bytes.len(), kept[0].bytes_total), (PASSAGE_BYTES_MAX, 10_000_000));
}

#[test]
fn the_record_is_bounded_in_bytes_and_in_passages_and_the_oldest_goes_first() {
    for (size, count) in [(PASSAGE_BYTES_MAX, 500), (40, 30_000)] {
        let recorder = recorder();
        let connection = recorder.open(Leg::CLIENT_GATEWAY);
        let mut message = REQUEST.to_vec();
        message.resize(size.max(REQUEST.len()), b'x');
        for _ in 0..count {
            recorder.passed(connection, Direction::Request, &message);
            recorder.passed(connection, Direction::Answer, ANSWER);
        }
        let kept = recorder.since(0);
        let bytes: usize = kept.iter().map(|passage: &Passage| passage.bytes.len()).sum();
        assert!(bytes <= RECORD_BYTES_MAX && kept.len() <= PASSAGES_MAX, "{bytes} bytes, {} passages", kept.len());
        assert!(bytes > RECORD_BYTES_MAX / 2 || kept.len() == PASSAGES_MAX, "more is dropped than must be");
        assert_eq!(kept.last().map(|passage| passage.number), Some(2 * count - 1));
    }
}

#[test]
fn a_closed_connection_is_forgotten_and_what_passed_on_it_is_not() {
    let recorder = recorder();
    let connection = recorder.open(Leg::CLIENT_GATEWAY);
    recorder.passed(connection, Direction::Request, REQUEST);
    recorder.close(connection);
    recorder.passed(connection, Direction::Answer, ANSWER);
    assert_eq!(recorder.since(0).len(), 1);
}

#[test]
fn debug_tells_nothing_of_what_passed() {
    let recorder = recorder();
    let connection = recorder.open(Leg::CLIENT_GATEWAY);
    recorder.passed(connection, Direction::Request, b"GET / HTTP/1.1\r\ncookie: a=topsecret\r\n\r\n");
    assert!(!format!("{recorder:?}").contains("topsecret"));
}
