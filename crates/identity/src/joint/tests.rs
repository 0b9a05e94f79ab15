//! No answer is older than its question, and nothing is kept.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::FutureExt as _;
use futures_util::future::{join_all, pending};
use tokio::sync::Semaphore;

use super::*;

/// Counts readings; each waits until it may end, and finds what stood there when it began.
struct Book {
    page: AtomicUsize,
    readings: AtomicUsize,
    may_end: Semaphore,
}

impl Book {
    fn open() -> Self {
        Self { page: AtomicUsize::new(0), readings: AtomicUsize::new(0), may_end: Semaphore::new(0) }
    }

    async fn read(&self) -> usize {
        self.readings.fetch_add(1, SeqCst);
        let page = self.page.load(SeqCst);
        self.may_end.acquire().await.unwrap().forget();
        page
    }
}

#[tokio::test]
async fn who_asks_during_a_reading_gets_the_next_one_and_all_of_them_the_same() {
    let (book, joint) = (Book::open(), Joint::default());
    let mut first = std::pin::pin!(joint.read(&"about", book.read()));
    assert!((&mut first).now_or_never().is_none());
    book.page.store(1, SeqCst);
    let mut others: Vec<_> = (0..50).map(|_| Box::pin(joint.read(&"about", book.read()))).collect();
    for other in &mut others {
        assert!(other.now_or_never().is_none());
    }
    book.may_end.add_permits(2);
    assert_eq!(first.await, 0);
    assert_eq!(join_all(others).await, [1; 50], "what stood there after they had asked");
    assert_eq!(book.readings.load(SeqCst), 2);
    assert!(joint.turns().is_empty());
}

#[tokio::test]
async fn who_asks_after_an_answer_is_read_for_anew_and_other_questions_wait_for_nobody() {
    let (book, joint) = (Book::open(), Joint::default());
    let mut stuck = std::pin::pin!(joint.read(&"stuck", book.read()));
    assert!((&mut stuck).now_or_never().is_none());
    for page in 1..3 {
        book.page.store(page, SeqCst);
        assert_eq!(joint.read(&"about", async { book.page.load(SeqCst) }).await, page);
    }
    assert_eq!(joint.turns().len(), 1, "the stuck one");
}

#[tokio::test]
async fn who_goes_away_in_the_middle_of_a_reading_leaves_it_to_the_next_and_no_trace() {
    let (book, joint) = (Book::open(), Joint::default());
    let mut gone = Box::pin(joint.read(&"about", book.read()));
    assert!((&mut gone).now_or_never().is_none());
    let mut next = Box::pin(joint.read(&"about", book.read()));
    assert!((&mut next).now_or_never().is_none());
    drop(gone);
    book.may_end.add_permits(1);
    assert_eq!(next.await, 0);
    assert_eq!(book.readings.load(SeqCst), 2);
    let mut also_gone = Box::pin(joint.read(&"about", pending::<usize>()));
    assert!((&mut also_gone).now_or_never().is_none());
    drop(also_gone);
    assert!(joint.turns().is_empty());
}
