//! Waiting, on both clocks.

use super::*;
use crate::testing::TestClock;

#[tokio::test]
async fn the_machines_clock_waits_and_moves_on() {
    let clock = SystemClock::new();
    let start = clock.monotonic();
    clock.sleep_until(start.plus(Duration::from_millis(2))).await;
    assert!(clock.monotonic().since(start) >= Duration::from_millis(2));
    assert!(clock.wall().0 > 1_600_000_000);
}

#[tokio::test]
async fn a_deadline_far_beyond_the_machines_range_is_never_there() {
    let clock = SystemClock::new();
    let never = clock.sleep_until(Monotonic(Duration::MAX));
    assert_eq!(before(&clock, clock.monotonic(), never).await, Err(Elapsed));
}

#[tokio::test]
async fn what_has_arrived_counts_even_at_the_deadline() {
    let clock = TestClock::new();
    assert_eq!(before(&clock, clock.monotonic(), async { 7 }).await, Ok(7));
    assert_eq!(before(&clock, clock.monotonic(), std::future::pending::<()>()).await, Err(Elapsed));
}
