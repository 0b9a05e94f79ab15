//! Times as they stand in certificates.

use super::*;

#[track_caller]
fn check(tag: u8, text: &str, expected: Option<i64>) {
    let element = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    assert_eq!(Elements(&element).next_time(), expected.map(Timestamp), "{text}");
}

#[test]
fn both_forms_of_time_are_read_and_nothing_else() {
    check(UTC_TIME, "700101000000Z", Some(0));
    check(UTC_TIME, "491231235959Z", Some(2_524_607_999));
    check(UTC_TIME, "500101000000Z", Some(-631_152_000));
    check(GENERALIZED_TIME, "20000229000000Z", Some(951_782_400));
    check(GENERALIZED_TIME, "21000228235959Z", Some(4_107_542_399));
    check(GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400));
    check(GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799));
    for wrong in ["700101000000", "70010100000Z", "701301000000Z", "700100000000Z", "700101240000Z", "7001010000+0Z"] {
        check(UTC_TIME, wrong, None);
    }
    check(GENERALIZED_TIME, "700101000000Z", None);
    check(INTEGER, "700101000000Z", None);
}

#[test]
fn what_is_cut_off_or_too_long_for_itself_is_no_certificate() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert;
    let der = certificate.der();
    assert!(Validity::of(der).is_some());
    // The two times lie within the first two hundred bytes; whatever ends before them says so.
    for end in 0..der.len().min(100) {
        assert_eq!(Validity::of(&der[..end]), None, "the first {end} bytes");
    }
    assert_eq!(Validity::of(&[SEQUENCE, 0x85, 1, 1, 1, 1, 1]), None);
    assert_eq!(Validity::of(&[SEQUENCE, 0x80, 0, 0]), None);
}

#[test]
fn a_certificate_is_early_good_late_and_over_in_its_time() {
    let (not_before, not_after) = (Timestamp(1_000), Timestamp(10_000_000));
    let validity = Validity { not_before, not_after };
    let soon = i64::try_from(SOON.as_secs()).unwrap();
    let at = |seconds| validity.age(Timestamp(seconds));
    assert_eq!((at(999), at(1_000)), (Age::Early, Age::Good));
    assert_eq!((at(10_000_000 - soon), at(10_000_001 - soon)), (Age::Good, Age::Late));
    assert_eq!((at(10_000_000), at(10_000_001)), (Age::Late, Age::Over));
}
