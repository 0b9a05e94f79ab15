//! What the switch does to calls that wait at it.

use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_joined_switch_lets_pass_and_a_severed_one_fails_at_once() {
    let cut = Cut::joined("store");
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(Pin::new(&mut cut.pass()).poll(&mut context), Poll::Ready(Ok(())));
    cut.set(State::Severed);
    assert_eq!(Pin::new(&mut cut.pass()).poll(&mut context), Poll::Ready(Err(Unavailable::of("store"))));
}

#[test]
fn a_hanging_call_waits_and_is_woken_when_the_switch_is_thrown() {
    let cut = Cut::joined("store");
    cut.set(State::Hanging);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut pass = cut.pass();
    assert!(Pin::new(&mut pass).poll(&mut context).is_pending());
    assert!(Pin::new(&mut pass).poll(&mut context).is_pending());
    assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    cut.set(State::Joined);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(Pin::new(&mut pass).poll(&mut context), Poll::Ready(Ok(())));
}
