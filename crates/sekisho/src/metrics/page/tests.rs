//! The text is what the format says, byte for byte.

use super::*;

fn written(write: impl FnOnce(&mut Page)) -> String {
    let mut page = Page::default();
    write(&mut page);
    page.into_text()
}

#[test]
fn a_family_has_its_help_its_type_and_a_line_for_each_sample() {
    let text = written(|page| {
        let mut family = page.family("tries_total", Kind::Counter, "Tries.");
        family.sample(&[], 3);
        family.sample(&[("realm", "main"), ("outcome", "throttled")], 0);
    });
    let expected = "# HELP tries_total Tries.\n# TYPE tries_total counter\ntries_total 3\n\
                    tries_total{realm=\"main\",outcome=\"throttled\"} 0\n";
    assert_eq!(text, expected);
}

#[test]
fn a_label_cannot_end_its_line_or_its_quotes() {
    let text = written(|page| page.family("a", Kind::Gauge, "A.").sample(&[("route", "x\"} 1\nb{c=\"\\")], 1));
    assert!(text.ends_with("a{route=\"x\\\"} 1\\nb{c=\\\"\\\\\"} 1\n"), "{text}");
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn a_histogram_counts_upwards_and_ends_with_everything() {
    let mut spread = Spread { buckets: [0; BOUNDS.len() + 1], sum: Duration::from_millis(10_010) };
    spread.buckets[1] = 2;
    spread.buckets[BOUNDS.len()] = 1;
    let text = written(|page| page.family("t_seconds", Kind::Histogram, "T.").spread(&[("lane", "read")], &spread));
    for line in [
        "t_seconds_bucket{lane=\"read\",le=\"0.0005\"} 0",
        "t_seconds_bucket{lane=\"read\",le=\"0.001\"} 2",
        "t_seconds_bucket{lane=\"read\",le=\"10\"} 2",
        "t_seconds_bucket{lane=\"read\",le=\"+Inf\"} 3",
        "t_seconds_sum{lane=\"read\"} 10.01",
        "t_seconds_count{lane=\"read\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[test]
fn an_age_without_an_end_is_infinite() {
    let text = written(|page| page.family("age_seconds", Kind::Gauge, "A.").seconds(&[], Duration::MAX));
    assert!(text.ends_with("age_seconds +Inf\n"), "{text}");
}
