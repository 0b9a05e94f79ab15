//! Limits on calls, and calls that are shared.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{join, join_all};
use sekisho_guard::testing::TestClock;
use sekisho_wire::exchange::ExchangeError;
use tokio::sync::Notify;

use super::*;

fn calls(clock: &TestClock, calls_max: usize, waiting_max: usize) -> Calls {
    let limits = CallLimits { calls_max, waiting_max, failures_max: 2, pause: Duration::from_secs(1) };
    Calls::new(Handle::current(), Arc::new(clock.clone()), limits)
}

fn soon(clock: &TestClock) -> Monotonic {
    clock.monotonic().plus(Duration::from_secs(5))
}

#[tokio::test]
async fn any_number_of_requests_share_one_call_and_the_next_one_is_another() {
    let clock = TestClock::new();
    let (calls, flights) = (calls(&clock, 1, 100), Arc::new(Flights::default()));
    let made = Arc::new(AtomicUsize::new(0));
    let call = || {
        let made = Arc::clone(&made);
        async move { made.fetch_add(1, Ordering::SeqCst) }
    };
    let answers = join_all((0..50).map(|_| calls.join(&flights, 7, || None, call()))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|number| *number == 0)), "{answers:?}");
    assert_eq!(calls.join(&flights, 7, || None, call()).await.unwrap(), 1);
    assert_eq!(
        calls.join(&flights, 7, || Some(99), call()).await.unwrap(),
        99,
        "what is known by then is not asked for"
    );
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_that_dies_lets_those_who_wait_know() {
    let clock = TestClock::new();
    let (calls, flights) = (calls(&clock, 1, 100), Arc::new(Flights::<u8, u8>::default()));
    let refused = calls.join(&flights, 1, || None, async { panic!("a fault of ours") }).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::IdentityUnavailable);
    assert_eq!(calls.join(&flights, 1, || None, async { 5 }).await.unwrap(), 5);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once_and_more_than_may_call_waits_until_its_deadline() {
    let clock = TestClock::new();
    let calls = calls(&clock, 1, 2);
    let gate = Arc::new(Notify::new());
    let held = {
        let gate = Arc::clone(&gate);
        calls.run(soon(&clock), async move {
            gate.notified().await;
            Ok::<_, ExchangeError>(())
        })
    };
    let crowd = async {
        let second = calls.run(clock.monotonic().plus(Duration::from_secs(1)), async { Ok::<_, ExchangeError>(()) });
        let third = async {
            let refused = calls.run(soon(&clock), async { Ok::<_, ExchangeError>(()) }).await.unwrap_err();
            assert_eq!(refused.reason(), Reason::Overloaded);
            clock.advance(Duration::from_secs(1)).await;
        };
        let (second, ()) = join(second, third).await;
        assert_eq!(second.unwrap_err().reason(), Reason::Overloaded);
        gate.notify_one();
    };
    let (held, ()) = join(held, crowd).await;
    assert!(held.is_ok());
}

#[tokio::test]
async fn the_breaker_opens_after_failures_in_a_row_and_one_more_is_enough_after_its_pause() {
    let clock = TestClock::new();
    let calls = calls(&clock, 1, 10);
    let fail = async || {
        let down = async { Err::<(), _>(ExchangeError::Unavailable(Unavailable::of("identity"))) };
        calls.run(soon(&clock), down).await
    };
    let refuse =
        async || calls.run(soon(&clock), async { Err::<(), _>(ExchangeError::Refused(Reason::Expired)) }).await;
    assert!(fail().await.is_ok(), "the call was made and brought its error");
    assert!(refuse().await.is_ok(), "a refusal is an answer");
    assert!(fail().await.is_ok());
    assert!(fail().await.is_ok());
    assert!(fail().await.is_err(), "open");
    clock.advance(Duration::from_secs(1)).await;
    assert!(fail().await.is_ok());
    assert!(fail().await.is_err(), "open again");
    clock.advance(Duration::from_secs(1)).await;
    assert!(refuse().await.is_ok());
    assert!(fail().await.is_ok() && refuse().await.is_ok(), "closed");
}
