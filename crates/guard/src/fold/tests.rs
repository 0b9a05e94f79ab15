//! What a fold refuses, what it applies, and what it forgets.

use sekisho_token::{Algorithm, Entropy, SigningKey, SystemEntropy};
use sekisho_wire::change::PublishedKey;
use sekisho_wire::feed::Entry;
use sekisho_wire::{Issuer, Scopes};

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);
const UNTIL: Timestamp = Timestamp(1_000_300);

struct World {
    key: SigningKey,
    fold: Fold,
}

fn realm() -> RealmName {
    "main".parse().unwrap()
}

fn world() -> World {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let head = Head { position: Position::new(7, 100), hash: ChainHash::genesis(&realm()) };
    let keys = vec![published(&key, None)];
    World { fold: Fold::of(&Snapshot { realm: realm(), head, keys, standing: Vec::new() }), key }
}

fn published(key: &SigningKey, gone_at: Option<Timestamp>) -> PublishedKey {
    PublishedKey { jwk: key.public_jwk(), published_at: NOW, signs_from: NOW, gone_at }
}

fn claims(rev: Position) -> AccessClaims {
    let entropy = SystemEntropy::default();
    AccessClaims {
        iss: Issuer::new("https://id.test/realms/main"),
        sub: "alice".parse().unwrap(),
        aud: vec!["orders".to_owned()],
        client_id: "web".parse().unwrap(),
        exp: UNTIL,
        iat: NOW,
        jti: TokenId::generate(NOW, &entropy),
        scope: Scopes::default(),
        rev,
        sid: Some(SessionId::generate(NOW, &entropy)),
        grant: Some(GrantId::generate(NOW, &entropy)),
        auth_time: None,
        amr: Vec::new(),
        act: None,
    }
}

/// The next envelope after the fold's head.
fn next(fold: &Fold, changes: Vec<Change>) -> Envelope {
    let Head { position: prev, hash } = fold.head();
    let position = Position::new(prev.epoch.0, prev.revision.0 + 1);
    let hash = hash.next(position, UNTIL, &changes);
    Envelope { prev, entry: Entry { position, changes, until: UNTIL, hash } }
}

#[track_caller]
fn commit(fold: &Fold, change: Change) {
    assert_eq!(fold.apply(&next(fold, vec![change])), Ok(Applied::Now));
}

#[test]
fn revocations_hit_what_they_name_and_nothing_else() {
    let fresh = claims(Position::new(7, 100));
    let other = || claims(Position::new(7, 100));
    let table = [
        (Change::SessionEnded { session: fresh.sid.unwrap() }, Reason::SessionEnded),
        (Change::GrantRevoked { grant: fresh.grant.unwrap() }, Reason::GrantRevoked),
        (Change::TokenRevoked { token: fresh.jti }, Reason::TokenRevoked),
        (Change::SubjectRevoked { subject: fresh.sub.clone() }, Reason::SubjectRevoked),
        (Change::ClientRevoked { client: fresh.client_id.clone() }, Reason::ClientRevoked),
    ];
    for (change, reason) in table {
        let World { key, fold } = world();
        assert_eq!(fold.judge(&fresh, key.kid(), NOW), Ok(()));
        commit(&fold, change);
        assert_eq!(fold.judge(&fresh, key.kid(), NOW), Err(reason));
        let mut bystander = other();
        bystander.sub = "bob".parse().unwrap();
        bystander.client_id = "app".parse().unwrap();
        assert_eq!(fold.judge(&bystander, key.kid(), NOW), Ok(()), "{reason}");
    }
}

#[test]
fn what_names_a_subject_or_client_hits_what_was_minted_before_it_and_not_after() {
    let World { key, fold } = world();
    commit(&fold, Change::SubjectRevoked { subject: "alice".parse().unwrap() });
    let at = fold.head().position;
    assert_eq!(at, Position::new(7, 101));
    let table = [
        (Position::new(7, 100), Err(Reason::SubjectRevoked)),
        (Position::new(7, 101), Ok(())),
        (Position::new(7, 102), Ok(())),
        // Epoch first: before a restore, a higher revision is still older; after the next, a lower one is newer.
        (Position::new(6, 999), Err(Reason::SubjectRevoked)),
        (Position::new(8, 0), Ok(())),
    ];
    for (rev, verdict) in table {
        assert_eq!(fold.judge(&claims(rev), key.kid(), NOW), verdict, "{rev}");
    }
}

#[test]
fn a_second_revocation_of_a_subject_reaches_further_and_never_less_far() {
    let World { key, fold } = world();
    let alice = || Change::SubjectRevoked { subject: "alice".parse().unwrap() };
    commit(&fold, alice());
    let between = claims(fold.head().position);
    assert_eq!(fold.judge(&between, key.kid(), NOW), Ok(()));
    commit(&fold, alice());
    assert_eq!(fold.judge(&between, key.kid(), NOW), Err(Reason::SubjectRevoked));
}

#[test]
fn a_revoked_key_is_not_believed_and_does_not_come_back() {
    let World { key, fold } = world();
    commit(&fold, Change::KeyRevoked { kid: key.kid().clone() });
    assert_eq!(fold.judge(&claims(Position::new(7, 200)), key.kid(), NOW), Err(Reason::KeyGone));
    commit(&fold, Change::KeyScheduled { key: published(&key, None) });
    assert_eq!(fold.judge(&claims(Position::new(7, 200)), key.kid(), NOW), Err(Reason::KeyGone));
    assert!(fold.is_key_gone(key.kid().as_str(), NOW));
}

#[test]
fn a_key_is_gone_when_its_time_is_over_and_unknown_when_it_never_was() {
    let World { key, fold } = world();
    commit(&fold, Change::KeyScheduled { key: published(&key, Some(Timestamp(NOW.0 + 10))) });
    let token = claims(Position::new(7, 100));
    assert_eq!(fold.judge(&token, key.kid(), Timestamp(NOW.0 + 9)), Ok(()));
    assert_eq!(fold.judge(&token, key.kid(), Timestamp(NOW.0 + 10)), Err(Reason::KeyGone));
    assert_eq!(fold.judge(&token, &KeyId::new("other"), NOW), Err(Reason::UnknownKey));
    assert!(fold.keys_at(NOW).key(Some(key.kid().as_str())).is_ok());
    let later = fold.keys_at(Timestamp(NOW.0 + 10));
    assert_eq!(later.key(Some(key.kid().as_str())).unwrap_err(), KeyLookup::Unknown);
}

#[test]
fn without_keys_nothing_is_known_rather_than_refused() {
    let fold = Fold::empty(realm());
    assert_eq!(fold.keys_at(NOW).key(Some("any")).unwrap_err(), KeyLookup::Unavailable);
}

#[test]
fn an_envelope_that_leaves_a_gap_is_not_applied() {
    let World { key, fold } = world();
    let token = claims(Position::new(7, 100));
    let missed = next(&fold, vec![Change::TokenRevoked { token: claims(Position::default()).jti }]);
    let World { fold: ahead, .. } = world();
    ahead.apply(&missed).unwrap();
    let second = next(&ahead, vec![Change::SessionEnded { session: token.sid.unwrap() }]);
    let gap = NeedsCatchUp::Gap { have: Position::new(7, 100), prev: Position::new(7, 101) };
    assert_eq!(fold.apply(&second), Err(gap));
    assert_eq!(fold.judge(&token, key.kid(), NOW), Ok(()));
    // In order both follow; a repetition changes nothing.
    for (envelope, outcome) in [(&missed, Applied::Now), (&second, Applied::Now), (&missed, Applied::Before)] {
        assert_eq!(fold.apply(envelope), Ok(outcome));
    }
    assert_eq!(fold.judge(&token, key.kid(), NOW), Err(Reason::SessionEnded));
}

#[test]
fn a_stream_that_lags_behind_what_was_read_elsewhere_still_follows() {
    let World { fold, .. } = world();
    let mut envelope = next(&fold, vec![Change::TokenRevoked { token: claims(Position::default()).jti }]);
    envelope.prev = Position::new(7, 90);
    assert_eq!(fold.apply(&envelope), Ok(Applied::Now));
}

#[test]
fn another_epoch_or_a_broken_chain_needs_a_snapshot() {
    let World { fold, .. } = world();
    let change = || vec![Change::TokenRevoked { token: claims(Position::default()).jti }];
    let mut restored = next(&fold, change());
    restored.entry.position = Position::new(8, 1);
    assert_eq!(fold.apply(&restored), Err(NeedsCatchUp::NewEpoch(8)));
    let mut forged = next(&fold, change());
    forged.entry.changes = change();
    assert_eq!(fold.apply(&forged), Err(NeedsCatchUp::BrokenChain(Position::new(7, 101))));
    // Whoever speaks of an epoch that is over is late, and changes nothing.
    let mut late = next(&fold, change());
    late.entry.position = Position::new(6, 500);
    assert_eq!(fold.apply(&late), Ok(Applied::Before));
    // The same place in the log with another entry is another log.
    let real = next(&fold, change());
    fold.apply(&real).unwrap();
    let mut other = real.clone();
    other.entry.hash = ChainHash::genesis(&realm());
    assert_eq!(fold.apply(&other), Err(NeedsCatchUp::BrokenChain(Position::new(7, 101))));
}

#[test]
fn what_no_token_can_be_hit_by_is_forgotten() {
    let World { key, fold } = world();
    let entropy = SystemEntropy::default();
    for _ in 0..1000 {
        let session = SessionId::generate(NOW, &entropy);
        commit(&fold, Change::SessionEnded { session });
    }
    commit(&fold, Change::SubjectRevoked { subject: "alice".parse().unwrap() });
    commit(&fold, Change::KeyRevoked { kid: key.kid().clone() });
    assert_eq!(fold.standing(), 1001);
    assert_eq!(fold.forget(UNTIL), 0, "a verifier's leeway has not passed yet");
    assert_eq!(fold.standing(), 1001);
    assert_eq!(fold.forget(UNTIL.plus_s(FORGET_GRACE_S)), 1002);
    assert_eq!(fold.standing(), 0);
    // The key stays away although its revocation is forgotten.
    assert_eq!(fold.judge(&claims(Position::new(7, 200)), key.kid(), NOW), Err(Reason::UnknownKey));
}

#[test]
fn a_revocation_that_was_prolonged_is_kept_for_its_longer_time() {
    let World { fold, .. } = world();
    let session = SessionId::generate(NOW, &SystemEntropy::default() as &dyn Entropy);
    commit(&fold, Change::SessionEnded { session });
    let mut longer = next(&fold, vec![Change::SessionEnded { session }]);
    longer.entry.until = UNTIL.plus_s(1000);
    longer.entry.hash = fold.head().hash.next(longer.entry.position, longer.entry.until, &longer.entry.changes);
    fold.apply(&longer).unwrap();
    fold.forget(UNTIL.plus_s(FORGET_GRACE_S));
    assert_eq!(fold.standing(), 1);
    fold.forget(UNTIL.plus_s(FORGET_GRACE_S + 1000));
    assert_eq!(fold.standing(), 0);
}

#[test]
fn a_snapshot_holds_what_the_entries_would_have_brought() {
    let token = claims(Position::new(7, 100));
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let head = Head { position: Position::new(7, 105), hash: ChainHash::genesis(&realm()) };
    let at = Position::new(7, 103);
    let standing = vec![
        Standing { change: Change::SubjectRevoked { subject: token.sub.clone() }, at, until: UNTIL },
        Standing { change: Change::KeyRevoked { kid: KeyId::new("old") }, at, until: UNTIL },
    ];
    let fold = Fold::of(&Snapshot { realm: realm(), head, keys: vec![published(&key, None)], standing });
    assert_eq!(fold.judge(&token, key.kid(), NOW), Err(Reason::SubjectRevoked));
    assert_eq!(fold.judge(&token, &KeyId::new("old"), NOW), Err(Reason::KeyGone));
    assert_eq!(fold.judge(&claims(at), key.kid(), NOW), Ok(()));
}
