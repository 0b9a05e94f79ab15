//! The clock that tests own, tested against the promises that other tests build on.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A task that notes when it woke.
fn sleeper(clock: &TestClock, at: u64, log: &Arc<Mutex<Vec<(u64, u64)>>>) {
    let (clock, log) = (clock.clone(), Arc::clone(log));
    tokio::runtime::Handle::current().spawn(async move {
        clock.sleep_until(Monotonic(secs(at))).await;
        log.lock().unwrap().push((at, clock.monotonic().0.as_secs()));
    });
}

#[tokio::test]
async fn time_stands_still_until_it_is_moved() {
    let clock = TestClock::new();
    let (wall, monotonic) = (clock.wall(), clock.monotonic());
    clock.settle().await;
    assert_eq!((clock.wall(), clock.monotonic()), (wall, monotonic));
    clock.advance(secs(90)).await;
    assert_eq!(clock.wall(), wall.plus_s(90));
    assert_eq!(clock.monotonic().since(monotonic), secs(90));
}

#[tokio::test]
async fn sleepers_wake_in_the_order_of_their_deadlines_each_at_its_own_time() {
    let (clock, log) = (TestClock::new(), Arc::default());
    for at in [30, 10, 20, 40] {
        sleeper(&clock, at, &log);
    }
    clock.advance(secs(35)).await;
    assert_eq!(*log.lock().unwrap(), [(10, 10), (20, 20), (30, 30)]);
    assert_eq!(clock.sleepers(), 1);
}

#[tokio::test]
async fn a_leap_wakes_everybody_at_its_end() {
    let (clock, log) = (TestClock::new(), Arc::default());
    for at in [20, 10] {
        sleeper(&clock, at, &log);
    }
    clock.settle().await;
    clock.leap(secs(60));
    clock.settle().await;
    assert_eq!(*log.lock().unwrap(), [(10, 60), (20, 60)]);
}

#[tokio::test]
async fn what_a_woken_task_waits_for_next_is_seen_within_the_same_advance() {
    let clock = TestClock::new();
    let ticks = Arc::new(AtomicU64::new(0));
    let (ticking, counted) = (clock.clone(), Arc::clone(&ticks));
    tokio::runtime::Handle::current().spawn(async move {
        loop {
            ticking.sleep_until(ticking.monotonic().plus(secs(1))).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    clock.advance(secs(100)).await;
    assert_eq!(ticks.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn a_sleeper_on_another_runtime_has_woken_when_advance_returns() {
    let clock = TestClock::new();
    let (there, woken) = (clock.clone(), Arc::new(AtomicU64::new(0)));
    let (counted, (ready, is_ready)) = (Arc::clone(&woken), std::sync::mpsc::channel());
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for at in 1..=50 {
                let sleep = there.sleep_until(Monotonic(secs(at)));
                if at == 1 {
                    ready.send(()).unwrap();
                }
                sleep.await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    is_ready.recv().unwrap();
    for at in 1..=50 {
        // The other thread may not have gone to sleep yet; time does not move on without it.
        while clock.sleepers() == 0 {
            clock.settle().await;
        }
        clock.advance(secs(1)).await;
        assert_eq!(clock.monotonic().0, secs(at));
    }
    thread.join().unwrap();
    assert_eq!(woken.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn a_sleeper_that_was_dropped_is_not_waited_for() {
    let clock = TestClock::new();
    let mut sleep = clock.sleep_until(Monotonic(secs(5)));
    assert!(std::future::poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context).is_pending())).await);
    assert_eq!(clock.sleepers(), 1);
    clock.leap(secs(10));
    drop(sleep);
    assert_eq!(clock.0.lock().unwrap().woken, 0);
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn a_wrong_wall_clock_leaves_the_stopwatch_alone() {
    let clock = TestClock::new();
    let wall = clock.wall();
    clock.set_wall_offset(-90);
    assert_eq!(clock.wall(), wall.plus_s(-90));
    assert_eq!(clock.monotonic(), Monotonic::default());
}
