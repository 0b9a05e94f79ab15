//! A relay is not noticed by those who talk through it.

use std::net::SocketAddr;
use std::sync::Arc;

use sekisho_guard::clock::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::super::recorder::{Direction, Leg, PASSAGE_BYTES_MAX, Recorder};
use super::{Line, Relay};

/// A relay in front of `target`, and what it records.
async fn relay(target: SocketAddr) -> (SocketAddr, Relay, Recorder) {
    let clock = Arc::new(SystemClock::new());
    let recorder = Recorder::new(clock.clone());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let line = Line { leg: Leg::GATEWAY_ORDERS, target, recorder: recorder.clone(), clock, wrap: None };
    (address, Relay::start(&Handle::current(), listener, line), recorder)
}

/// Accepts one connection, reads all of it, then answers with `answer` and closes.
fn callee(listener: TcpListener, answer: Vec<u8>) -> tokio::task::JoinHandle<Vec<u8>> {
    Handle::current().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        stream.write_all(&answer).await.unwrap();
        heard
    })
}

/// Bytes without a pattern that a copy could get right by accident.
fn noise(count: u32) -> Vec<u8> {
    (0..count).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[tokio::test]
async fn bytes_pass_unchanged_both_ways_and_an_end_is_passed_on() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, relay, recorder) = relay(listener.local_addr().unwrap()).await;
    let (question, answer) = (noise(3_000_001), noise(2_000_003));
    let callee = callee(listener, answer.clone());

    let mut caller = TcpStream::connect(address).await.unwrap();
    caller.write_all(&question).await.unwrap();
    caller.shutdown().await.unwrap();
    let mut heard = Vec::new();
    caller.read_to_end(&mut heard).await.unwrap();

    assert!(heard == answer, "the answer was changed");
    assert!(callee.await.unwrap() == question, "the question was changed");
    let kept = recorder.since(0);
    assert_eq!(kept.len(), 2);
    for (passage, whole) in kept.iter().zip([&question, &answer]) {
        assert!(passage.bytes == whole[..PASSAGE_BYTES_MAX], "what is kept is not what passed first");
        assert_eq!(passage.bytes_total, whole.len() as u64);
    }
    relay.drain().await;
}

#[tokio::test]
async fn a_request_is_on_the_record_before_its_answer_exists() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, _relay, recorder) = relay(listener.local_addr().unwrap()).await;
    let mut caller = TcpStream::connect(address).await.unwrap();
    caller.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut heard = [0; 18];
    stream.read_exact(&mut heard).await.unwrap();
    let kept = recorder.since(0);
    assert_eq!((kept.len(), kept[0].direction), (1, Direction::Request));
}

#[tokio::test]
async fn a_caller_whose_callee_is_gone_is_told_by_an_end() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (address, _relay, recorder) = relay(nobody).await;
    let mut caller = TcpStream::connect(address).await.unwrap();
    let mut heard = Vec::new();
    // An end or a reset: either way nothing was said.
    let _ = caller.read_to_end(&mut heard).await;
    assert!(heard.is_empty() && recorder.since(0).is_empty());
}

#[tokio::test]
async fn an_answer_that_is_broken_off_does_not_look_whole() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, _relay, _recorder) = relay(listener.local_addr().unwrap()).await;
    let mut caller = TcpStream::connect(address).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf").await.unwrap();
    let mut heard = [0; 23];
    caller.read_exact(&mut heard).await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    assert_eq!(caller.read(&mut heard).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_client_that_keeps_a_connection_which_its_server_has_closed_does_not_hold_up_the_end() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, relay, _recorder) = relay(listener.local_addr().unwrap()).await;
    let caller = TcpStream::connect(address).await.unwrap();
    drop(listener.accept().await.unwrap());
    relay.drain().await;
    drop(caller);
}

#[tokio::test]
async fn draining_waits_for_the_conversation_that_is_open() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, relay, _recorder) = relay(listener.local_addr().unwrap()).await;
    let callee = callee(listener, b"late".to_vec());
    let mut caller = TcpStream::connect(address).await.unwrap();
    caller.write_all(b"early").await.unwrap();
    let drained = Handle::current().spawn(relay.drain());
    caller.shutdown().await.unwrap();
    let mut heard = Vec::new();
    caller.read_to_end(&mut heard).await.unwrap();
    assert_eq!((heard, callee.await.unwrap()), (b"late".to_vec(), b"early".to_vec()));
    drained.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "a drained relay still listens");
}
