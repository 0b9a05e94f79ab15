//! Nothing that was counted is lost, whoever counted it.

use super::*;

#[test]
fn what_many_threads_count_at_once_is_all_there() {
    let tally = Tally::<3>::default();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| (0..1000).for_each(|_| tally.add(1, 2)));
        }
    });
    assert_eq!(tally.read(), [0, 80_000, 0]);
}

#[test]
fn a_counter_that_does_not_exist_is_nobodys() {
    let tally = Tally::<1>::default();
    tally.add(1, 1);
    assert_eq!(tally.read(), [0]);
}

#[test]
fn a_duration_falls_into_the_bucket_whose_bound_it_does_not_pass() {
    let histogram = Histogram::default();
    let took = [Duration::ZERO, Duration::from_millis(1), Duration::from_micros(1_001), Duration::from_secs(60)];
    took.iter().for_each(|took| histogram.observe(*took));
    let spread = histogram.read();
    assert_eq!(spread.buckets, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(spread.sum, took.iter().sum());
}

#[test]
fn lookups_add_up() {
    let meter = LookupMeter::default();
    meter.hit();
    meter.hit();
    meter.miss();
    assert_eq!(meter.read().and(Lookups { hits: 1, misses: 1 }), Lookups { hits: 3, misses: 2 });
}
