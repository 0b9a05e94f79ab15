//! What is believed of a traceparent, what is current while work is polled, and which traces are kept.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Polling, Poll, Waker};

use sekisho_token::Timestamp;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(Debug, Default)]
struct Taken(Mutex<Vec<Span>>);

impl Spans for Taken {
    fn take(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
}

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn wall(&self) -> Timestamp {
        Timestamp(1_000)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn sleep_until(&self, _: Monotonic) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// Numbers that differ, spread over all bits.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&number.to_be_bytes()[..chunk.len()]);
        }
    }
}

fn tracer(share: f64) -> (Tracer, Arc<Taken>) {
    let taken = Arc::new(Taken::default());
    let share = Share::try_from(share).unwrap();
    (Tracer::new("gateway", share, taken.clone(), Arc::new(Standing), Arc::new(Counting::default())), taken)
}

fn polled<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Polling::from_waker(Waker::noop())) {
            return done;
        }
    }
}

/// Is polled twice, so that others can be polled in between.
async fn a_turn() {
    let mut turns = 0;
    poll_fn(|_| {
        turns += 1;
        if turns == 2 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn a_traceparent_is_read_and_written_as_the_standard_has_it() {
    let context: Context = PARENT.parse().unwrap();
    assert_eq!((context.to_string().as_str(), context.keep), (PARENT, Keep::Yes));
    let unkept: Context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe".parse().unwrap();
    assert!(unkept.keep == Keep::No && unkept.to_string().ends_with("-00"));
    assert!(format!("cc{}-what-comes", &PARENT[2..]).parse::<Context>().is_ok(), "a later version says more");
    for wrong in [
        "",
        "00",
        &PARENT[..54],
        &format!("{PARENT}-more"),
        &format!("{PARENT}0"),
        &format!("ff{}", &PARENT[2..]),
        &PARENT.to_uppercase(),
        &PARENT.replace("4bf9", "4Bf9"),
        &PARENT.replace('-', "_"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0é",
    ] {
        assert_eq!(wrong.parse::<Context>(), Err(MalformedContext), "{wrong}");
    }
}

#[test]
fn what_work_causes_stands_below_it_also_between_polls_of_other_work() {
    let (tracer, taken) = tracer(1.0);
    let said: Context = PARENT.parse().unwrap();
    let served = tracer.serve("opaque", (Some(said), Sampling::Followed));
    let other = tracer.serve("other", (None, Sampling::Thrown));
    let (ours, theirs) = (served.context(), other.context());
    let work = async {
        assert_eq!(context(), Some(ours));
        let handed_on = carried(async {
            a_turn().await;
            traceparent()
        });
        a_turn().await;
        let call = child("swap").unwrap();
        let below = within(&call, async { context() }).await;
        assert_eq!(below, Some(call.context()));
        assert_eq!(context(), Some(ours), "as before");
        call.answered(200);
        (handed_on,)
    };
    let theirs_too = async {
        a_turn().await;
        context()
    };
    let (mut one, mut two) = (within(&served, work), within(&other, theirs_too));
    let mut polling = Polling::from_waker(Waker::noop());
    assert!(one.as_mut().poll(&mut polling).is_pending() && two.as_mut().poll(&mut polling).is_pending());
    assert_eq!(context(), None, "nobody is polled now");
    let (handed_on,) = polled(one);
    assert_eq!(polled(two), Some(theirs));
    assert_eq!(polled(handed_on), Some(ours.to_string()), "elsewhere, later");
    served.answered(503);

    let spans = taken.0.lock().unwrap();
    let [call, served] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((call.parent, call.context.trace, call.kind), (Some(ours.span), said.trace, Kind::Client));
    assert_eq!((served.parent, served.context, served.failed), (Some(said.span), ours, Failed::Yes));
    assert_eq!(served.attributes, [("http.response.status_code", Value::Number(503))]);
    assert_eq!((served.begun, &*served.service), (Duration::from_secs(1_000), "gateway"));
}

#[test]
fn a_stranger_does_not_decide_what_is_kept_and_a_share_is_about_that_share() {
    let said: Context = PARENT.parse().unwrap();
    let (none, taken) = tracer(0.0);
    let served = none.serve("opaque", (Some(said), Sampling::Thrown));
    assert_eq!((served.context().trace, served.context().keep), (said.trace, Keep::No));
    assert!(served.context().to_string().ends_with("-00"), "and those behind us are told so");
    served.answered(200);
    assert!(taken.0.lock().unwrap().is_empty());
    none.serve("opaque", (Some(said), Sampling::Followed)).answered(200);
    assert_eq!(taken.0.lock().unwrap().len(), 1);

    let (some, taken) = tracer(0.25);
    for _ in 0..4_000 {
        some.serve("opaque", (None, Sampling::Thrown)).answered(200);
    }
    let kept = taken.0.lock().unwrap().len();
    assert!((900..1_100).contains(&kept), "{kept}");
    for wrong in [-0.1, 1.1, f64::NAN] {
        assert_eq!(Share::try_from(wrong), Err(NotAShare));
    }
}

#[test]
fn without_a_tracer_nothing_is_current() {
    assert_eq!(polled(carried(async { traceparent() })), None);
    assert!(child("swap").is_none());
}
