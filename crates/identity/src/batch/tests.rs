//! Everybody gets the answer to their own question, and many of them one reading.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::*;

/// Doubles numbers, when it may.
struct Doubling {
    readings: Mutex<Vec<Vec<u32>>>,
    may_end: Semaphore,
    going: AtomicUsize,
}

impl Doubling {
    fn new(may_end: usize) -> Self {
        Self { readings: Mutex::default(), may_end: Semaphore::new(may_end), going: AtomicUsize::new(0) }
    }

    async fn read(&self, numbers: Vec<u32>) -> Vec<u32> {
        self.readings.lock().unwrap().push(numbers.clone());
        assert_eq!(self.going.fetch_add(1, SeqCst), 0, "one at a time");
        self.may_end.acquire().await.unwrap().forget();
        self.going.fetch_sub(1, SeqCst);
        numbers.iter().map(|number| number * 2).collect()
    }

    fn readings(&self) -> Vec<Vec<u32>> {
        self.readings.lock().unwrap().clone()
    }
}

fn any(_: &u32, _: &u32) -> bool {
    true
}

#[tokio::test]
async fn those_who_ask_during_a_reading_share_the_next_ones_and_each_gets_their_own_answer() {
    let (doubling, batch) = (Doubling::new(0), Batch::of(4));
    let ask = |number: u32| Box::pin(batch.ask(number, any, |numbers| doubling.read(numbers)));
    let mut first = ask(1);
    assert!((&mut first).now_or_never().is_none());
    let mut others: Vec<_> = (2..8).map(ask).collect();
    for other in &mut others {
        assert!(other.now_or_never().is_none());
    }
    doubling.may_end.add_permits(10);
    assert_eq!(first.await, 2);
    assert_eq!(join_all(others).await, [4, 6, 8, 10, 12, 14]);
    assert_eq!(doubling.readings(), [vec![1], vec![2, 3, 4, 5], vec![6, 7]]);
}

#[tokio::test]
async fn what_may_not_be_asked_together_is_asked_apart() {
    let (doubling, batch) = (Doubling::new(0), Batch::of(4));
    let alike = |one: &u32, other: &u32| one % 2 == other % 2;
    let ask = |number: u32| Box::pin(batch.ask(number, alike, |numbers| doubling.read(numbers)));
    let mut all: Vec<_> = (1..7).map(ask).collect();
    for one in &mut all {
        assert!(one.now_or_never().is_none());
    }
    doubling.may_end.add_permits(10);
    assert_eq!(join_all(all).await, [2, 4, 6, 8, 10, 12]);
    assert_eq!(doubling.readings(), [vec![1], vec![2, 4, 6], vec![3, 5]]);
}

#[tokio::test]
async fn whoever_goes_away_in_the_middle_leaves_nobody_without_an_answer() {
    let (doubling, batch) = (Doubling::new(0), Batch::of(4));
    let ask = |number: u32| Box::pin(batch.ask(number, any, |numbers| doubling.read(numbers)));
    let mut waits = ask(2);
    let mut gone = ask(1);
    // Its turn, and it reads for itself alone; then the other waits, and it goes away.
    assert!((&mut gone).now_or_never().is_none());
    assert!((&mut waits).now_or_never().is_none());
    drop(gone);
    doubling.going.store(0, SeqCst);
    // This one's turn comes, with the other's question in it; it goes away as well.
    let mut also_gone = ask(3);
    assert!((&mut also_gone).now_or_never().is_none());
    drop(also_gone);
    doubling.going.store(0, SeqCst);
    doubling.may_end.add_permits(10);
    assert_eq!(waits.await, 4);
}
