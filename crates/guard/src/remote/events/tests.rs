//! Events out of parts.

use super::*;

const STREAM: &str =
    "event: entry\nid: 1.2\ndata: {\"a\":1}\n\n: keep-alive\n\nevent: resnapshot\r\ndata: x\r\ndata: y\r\n\r\n";

fn expected() -> Vec<Event> {
    vec![
        Event { name: "entry".to_owned(), data: "{\"a\":1}".to_owned() },
        Event { name: "resnapshot".to_owned(), data: "x\ny".to_owned() },
    ]
}

#[test]
fn events_are_the_same_however_the_stream_is_cut() {
    for size in 1..STREAM.len() {
        let mut events = Events::default();
        let mut whole = Vec::new();
        for part in STREAM.as_bytes().chunks(size) {
            whole.extend(events.push(part).unwrap());
        }
        assert_eq!(whole, expected(), "in parts of {size}");
    }
}

#[test]
fn an_event_without_end_is_refused_at_its_limit() {
    let mut events = Events::default();
    let part = vec![b'x'; 64 << 10];
    let error = (0..100).find_map(|_| events.push(&part).err());
    assert_eq!(error, Some(TooLong));
}
