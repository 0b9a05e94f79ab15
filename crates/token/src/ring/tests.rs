//! Rotation by time alone.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::alg::Algorithm;

static KEYS: LazyLock<Vec<Arc<SigningKey>>> =
    LazyLock::new(|| (0..4).map(|_| Arc::new(SigningKey::generate(Algorithm::EdDsa).unwrap())).collect());

fn times(published_at: i64, signs_from: i64, gone_at: Option<i64>) -> Times {
    Times { published_at: Timestamp(published_at), signs_from: Timestamp(signs_from), gone_at: gone_at.map(Timestamp) }
}

fn ring(all: &[Times]) -> KeyRing {
    let mut ring = KeyRing::new();
    for (key, times) in KEYS.iter().zip(all) {
        ring.put(Arc::clone(key), *times).unwrap();
    }
    ring
}

fn stages(ring: &KeyRing, now: i64) -> Vec<Option<Stage>> {
    KEYS.iter().take(ring.keys().count()).map(|key| ring.stage(key.kid(), Timestamp(now))).collect()
}

fn shown(ring: &KeyRing, now: i64) -> Vec<KeyId> {
    ring.jwks(Timestamp(now)).keys().iter().map(|jwk| jwk.kid().unwrap().clone()).collect()
}

#[test]
fn a_rotation_goes_through_all_stages_by_itself() {
    use Stage::{Coming, Gone, Retiring, Signing};
    let ring = ring(&[times(0, 0, Some(400)), times(100, 200, None)]);
    for (now, expected, published) in [
        (-1, [None, None], 0),
        (0, [Some(Signing), None], 1),
        (99, [Some(Signing), None], 1),
        (100, [Some(Signing), Some(Coming)], 2),
        (199, [Some(Signing), Some(Coming)], 2),
        (200, [Some(Retiring), Some(Signing)], 2),
        (399, [Some(Retiring), Some(Signing)], 2),
        (400, [Some(Gone), Some(Signing)], 1),
    ] {
        assert_eq!(stages(&ring, now), expected, "at {now}");
        assert_eq!(shown(&ring, now).len(), published, "at {now}");
    }
}

#[test]
fn verification_accepts_what_is_published_and_nothing_else() {
    let ring = ring(&[times(0, 0, Some(400)), times(100, 200, None)]);
    let accepted =
        |key: usize, now| ring.at(Timestamp(now)).key(Some(KEYS[key].kid().as_str())).map(|key| key.kid().clone());
    assert_eq!(accepted(0, 399).unwrap(), *KEYS[0].kid());
    assert_eq!(accepted(0, 400), Err(KeyLookup::Unknown));
    assert_eq!(accepted(1, 99), Err(KeyLookup::Unknown));
    assert_eq!(accepted(1, 100).unwrap(), *KEYS[1].kid());
    assert_eq!(ring.at(Timestamp(0)).key(None).unwrap_err(), KeyLookup::Ambiguous);
    assert_eq!(ring.at(Timestamp(0)).key(Some("../x")).unwrap_err(), KeyLookup::Unknown);
}

#[test]
fn after_an_emergency_the_predecessor_signs_again() {
    let mut ring = ring(&[times(0, 0, Some(1000)), times(100, 200, None)]);
    assert!(ring.remove_at(KEYS[1].kid(), Timestamp(300)));
    assert_eq!(ring.signing_key(Timestamp(299)).unwrap().kid(), KEYS[1].kid());
    assert_eq!(ring.signing_key(Timestamp(300)).unwrap().kid(), KEYS[0].kid());
    assert_eq!(stages(&ring, 300), [Some(Stage::Signing), Some(Stage::Gone)]);
    assert_eq!(shown(&ring, 300), [KEYS[0].kid().clone()]);
}

#[test]
fn after_an_emergency_without_predecessor_the_coming_key_signs_early() {
    let mut ring = ring(&[times(0, 0, None), times(100, 200, None)]);
    assert!(ring.remove_at(KEYS[0].kid(), Timestamp(150)));
    assert_eq!(stages(&ring, 150), [Some(Stage::Gone), Some(Stage::Signing)]);
    assert!(ring.remove_at(KEYS[1].kid(), Timestamp(150)));
    assert!(ring.signing_key(Timestamp(150)).is_none());
    assert!(!ring.remove_at(&KeyId::new("other"), Timestamp(0)));
}

#[test]
fn a_key_that_is_put_again_has_new_times_and_gone_keys_are_forgotten() {
    let mut ring = ring(&[times(0, 0, None), times(0, 10, None)]);
    ring.put(Arc::clone(&KEYS[0]), times(0, 20, Some(30))).unwrap();
    assert_eq!(ring.keys().map(|(key, _)| key.kid()).collect::<Vec<_>>(), [KEYS[1].kid(), KEYS[0].kid()]);
    assert_eq!((ring.prune(Timestamp(29)), ring.prune(Timestamp(30)), ring.keys().count()), (0, 1, 1));
}

fn any_times() -> impl Strategy<Value = Times> {
    (0..50_i64, 0..50_i64, proptest::option::of(0..100_i64)).prop_map(|(published_at, wait, gone_at)| Times {
        published_at: Timestamp(published_at),
        signs_from: Timestamp(published_at + wait),
        gone_at: gone_at.map(Timestamp),
    })
}

proptest! {
    #[test]
    fn never_mute(all in proptest::collection::vec(any_times(), 0..4), now in -5..120_i64) {
        let ring = ring(&all);
        let stages = stages(&ring, now);
        let signing = stages.iter().filter(|stage| **stage == Some(Stage::Signing)).count();
        let published = shown(&ring, now);
        prop_assert_eq!(signing, usize::from(!published.is_empty()));
        let signer = ring.signing_key(Timestamp(now)).map(|key| key.kid().clone());
        prop_assert_eq!(signer.is_some(), signing == 1);
        if let Some(kid) = signer {
            prop_assert!(published.contains(&kid));
            prop_assert_eq!(ring.stage(&kid, Timestamp(now)), Some(Stage::Signing));
        }
        let alive = stages.iter().filter(|stage| !matches!(stage, None | Some(Stage::Gone))).count();
        prop_assert_eq!(alive, published.len());
    }

    #[test]
    fn the_order_of_putting_does_not_matter(all in proptest::collection::vec(any_times(), 4), now in 0..120_i64) {
        let forwards = ring(&all);
        let mut backwards = KeyRing::new();
        for (key, times) in KEYS.iter().zip(&all).rev() {
            backwards.put(Arc::clone(key), *times).unwrap();
        }
        let signer = |ring: &KeyRing| ring.signing_key(Timestamp(now)).map(|key| key.kid().clone());
        prop_assert_eq!(signer(&forwards), signer(&backwards));
        prop_assert_eq!(shown(&forwards, now), shown(&backwards, now));
    }
}
