//! What is accepted, what is remembered, and what a change of the fold does to it.

use std::time::Duration;

use sekisho_token::SigningKey;
use sekisho_token::jwk::JwkSet;
use sekisho_wire::cut::{Cut, State};
use sekisho_wire::{BoxFuture, Change, Unavailable};
use tokio::runtime::Handle;

use super::*;
use crate::jwks::{KeySource, Refetch};
use crate::testing::{TestClock, TestIssuer, TestToken};

struct World {
    clock: TestClock,
    issuer: TestIssuer,
    verifier: AccessVerifier,
}

async fn world() -> World {
    let clock = TestClock::new();
    let issuer = TestIssuer::new("orders", clock.clone());
    let authority = Authority::Feed(issuer.follower().await);
    let verifier = verifier(&issuer, authority);
    World { clock, issuer, verifier }
}

fn verifier(issuer: &TestIssuer, authority: Authority) -> AccessVerifier {
    let accept = Accept::tokens_of(issuer.issuer().clone(), vec!["orders".to_owned()]);
    AccessVerifier::new(accept, authority, Arc::new(issuer.clock().clone())).unwrap()
}

impl World {
    async fn reason(&self, token: &str) -> Option<Reason> {
        self.verifier.verify(token).await.err().map(|refused| refused.reason)
    }

    fn token(&self) -> TestToken<'_> {
        self.issuer.token("alice").scopes("orders:read")
    }
}

#[tokio::test]
async fn a_good_token_tells_who_calls_and_is_verified_once() {
    let world = world().await;
    let token = world.token().mint();
    let first = world.verifier.verify(&token).await.unwrap();
    assert_eq!(first.caller().subject.as_str(), "alice");
    assert!(first.caller().scopes.has("orders:read"));
    assert_eq!(first.digest(), &Digest::of(token.as_bytes()));
    let second = world.verifier.verify(&token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "the second time it comes from memory");
}

#[tokio::test]
async fn a_revoked_token_is_refused_although_it_was_remembered_and_is_then_forgotten() {
    let world = world().await;
    let builder = world.token();
    let claims = builder.peek().clone();
    let token = builder.mint();
    let bystander = world.token().mint();
    for token in [&token, &bystander] {
        assert_eq!(world.reason(token).await, None);
    }
    assert_eq!(world.verifier.remembered(), 2);
    world.issuer.revoke(Change::SessionEnded { session: claims.sid.unwrap() });
    assert_eq!(world.reason(&token).await, Some(Reason::SessionEnded));
    assert_eq!(world.verifier.remembered(), 1);
    assert_eq!(world.reason(&bystander).await, None);
    // And it stays refused when it is verified from the start.
    assert_eq!(world.reason(&token).await, Some(Reason::SessionEnded));
}

#[tokio::test]
async fn a_subject_is_signed_out_everywhere_and_signs_in_again_within_the_same_second() {
    let world = world().await;
    let before = world.token();
    let subject = before.peek().sub.clone();
    let before = before.mint();
    assert_eq!(world.reason(&before).await, None);
    world.issuer.revoke_subject(&subject);
    let after = world.token().mint();
    assert_eq!(world.reason(&before).await, Some(Reason::SubjectRevoked));
    assert_eq!(world.reason(&after).await, None);
}

#[tokio::test]
async fn a_revoked_key_ends_every_token_it_signed_in_memory_or_not() {
    let world = world().await;
    let (seen, unseen) = (world.token().mint(), world.token().mint());
    assert_eq!(world.reason(&seen).await, None);
    world.issuer.revoke(Change::KeyRevoked { kid: world.issuer.key().kid().clone() });
    // Another one, so that the issuer is not without keys.
    world.issuer.publish_key(&SigningKey::generate(Algorithm::EdDsa).unwrap());
    assert_eq!(world.reason(&seen).await, Some(Reason::KeyGone));
    assert_eq!(world.reason(&unseen).await, Some(Reason::KeyGone));
}

#[tokio::test]
async fn memory_never_outlives_the_token() {
    let world = world().await;
    let token = world.token().expires_in_s(100).mint();
    assert_eq!(world.reason(&token).await, None);
    world.clock.advance(Duration::from_secs(159)).await;
    assert_eq!(world.reason(&token).await, None, "within the leeway");
    world.clock.advance(Duration::from_secs(1)).await;
    assert_eq!(world.reason(&token).await, Some(Reason::Expired));
    assert_eq!(world.verifier.remembered(), 0);
}

#[tokio::test]
async fn each_check_has_its_reason() {
    let world = world().await;
    let other = TestIssuer::new("orders", world.clock.clone());
    let mut tampered = world.token().mint();
    let last = tampered.pop().unwrap();
    tampered.push(if last == 'A' { 'Q' } else { 'A' });
    let table = [
        (world.token().audience(&["stock"]).mint(), Reason::WrongAudience),
        (
            world.token().claims(|claims| claims.iss = Issuer::new("http://issuer.test/realms/main/")).mint(),
            Reason::WrongIssuer,
        ),
        (world.token().expires_in_s(-61).mint(), Reason::Expired),
        (other.token("alice").mint(), Reason::UnknownKey),
        (tampered, Reason::BadSignature),
        ("not.a.token".to_owned(), Reason::MalformedCredential),
        ("x".repeat(8193), Reason::TokenTooLarge),
        (jwt::sign(&serde_json::json!({"iss": "a"}), "JWT", world.issuer.key()).unwrap(), Reason::TypeRefused),
        (jwt::sign(&serde_json::json!({"iss": "a"}), "at+jwt", world.issuer.key()).unwrap(), Reason::BadClaims),
    ];
    for (token, reason) in table {
        assert_eq!(world.reason(&token).await, Some(reason), "{reason}");
    }
    assert_eq!(world.verifier.remembered(), 0, "a refusal is not remembered");
}

#[tokio::test]
async fn clocks_that_differ_are_told_by_how_much() {
    let world = world().await;
    let token = world.token().mint();
    world.clock.set_wall_offset(-90);
    let refused = world.verifier.verify(&token).await.unwrap_err();
    assert_eq!(refused.reason, Reason::ClockSkew);
    assert_eq!(refused.detail.as_deref(), Some("`iat` is 90 s in the future"));
}

#[tokio::test]
async fn memory_is_bounded() {
    let world = world().await;
    let accept = Accept { remembered_max: 100, ..world.verifier.accept().clone() };
    let (authority, clock) = (world.verifier.authority().clone(), Arc::new(world.clock.clone()));
    let verifier = AccessVerifier::new(accept, authority, clock).unwrap();
    for _ in 0..500 {
        verifier.verify(&world.token().mint()).await.unwrap();
    }
    assert!(verifier.remembered() <= 100, "{}", verifier.remembered());
}

#[tokio::test]
async fn a_verifier_without_audience_cannot_be_made() {
    let world = world().await;
    let accept = Accept::tokens_of(world.issuer.issuer().clone(), Vec::new());
    let authority = world.verifier.authority().clone();
    assert!(AccessVerifier::new(accept, authority, Arc::new(world.clock.clone())).is_err());
}

/// A JWKS behind a switch, with a count of how often it was fetched.
#[derive(Debug)]
struct Jwks {
    set: std::sync::Mutex<JwkSet>,
    fetches: std::sync::atomic::AtomicU32,
    cut: Cut,
}

impl KeySource for Jwks {
    fn fetch(&self) -> BoxFuture<'_, Result<JwkSet, Unavailable>> {
        Box::pin(async move {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            self.cut.pass().await?;
            Ok(self.set.lock().unwrap().clone())
        })
    }
}

fn jwks(issuer: &TestIssuer) -> (Arc<Jwks>, Arc<JwksKeys>) {
    let source = Arc::new(Jwks {
        set: std::sync::Mutex::new(JwkSet::new(vec![issuer.key().public_jwk()])),
        fetches: std::sync::atomic::AtomicU32::new(0),
        cut: Cut::joined("jwks"),
    });
    let clock = Arc::new(issuer.clock().clone());
    let keys = JwksKeys::start(Arc::clone(&source) as _, clock, Refetch::default(), &Handle::current());
    (source, keys)
}

#[tokio::test]
async fn without_revocation_a_token_works_until_its_key_is_withdrawn() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (source, keys) = jwks(&issuer);
    let verifier = verifier(&issuer, Authority::Jwks(keys));
    let builder = issuer.token("alice").expires_in_s(3600);
    let subject = builder.peek().sub.clone();
    let token = builder.mint();
    // The first request may come before the first fetch has ended: it waits for it.
    assert!(verifier.verify(&token).await.is_ok());
    issuer.revoke_subject(&subject);
    assert!(verifier.verify(&token).await.is_ok(), "nobody looks at the feed here");
    *source.set.lock().unwrap() = JwkSet::new(vec![SigningKey::generate(Algorithm::EdDsa).unwrap().public_jwk()]);
    issuer.clock().advance(Duration::from_secs(301)).await;
    assert_eq!(verifier.verify(&token).await.unwrap_err().reason, Reason::KeyGone, "not from memory either");
}

#[tokio::test]
async fn without_keys_the_answer_is_that_nobody_knows() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (source, keys) = jwks(&issuer);
    source.cut.set(State::Severed);
    let verifier = verifier(&issuer, Authority::Jwks(keys));
    let token = issuer.token("alice").mint();
    assert_eq!(verifier.verify(&token).await.unwrap_err().reason, Reason::KeysUnavailable);
    source.cut.set(State::Joined);
    issuer.clock().advance(Duration::from_secs(10)).await;
    assert!(verifier.verify(&token).await.is_ok());
}

#[tokio::test]
async fn random_kids_cause_one_fetch_per_cool_down_and_good_tokens_do_not_notice() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (source, keys) = jwks(&issuer);
    keys.started().await;
    let verifier = verifier(&issuer, Authority::Jwks(keys));
    issuer.clock().advance(Duration::from_secs(10)).await;
    let forger = TestIssuer::new("orders", issuer.clock().clone());
    let fetched = source.fetches.load(Ordering::SeqCst);
    for _ in 0..1000 {
        let refused = verifier.verify(&forger.token("alice").mint()).await.unwrap_err();
        assert_eq!(refused.reason, Reason::UnknownKey);
    }
    assert_eq!(source.fetches.load(Ordering::SeqCst) - fetched, 1);
    assert!(verifier.verify(&issuer.token("alice").mint()).await.is_ok());
}

#[tokio::test]
async fn requests_with_the_same_unseen_token_wait_for_one_verification() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (source, keys) = jwks(&issuer);
    source.cut.set(State::Hanging);
    let verifier = Arc::new(verifier(&issuer, Authority::Jwks(keys)));
    let token = issuer.token("alice").mint();
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&verifier), token.clone());
            Handle::current().spawn(async move { verifier.verify(&token).await })
        })
        .collect();
    issuer.clock().settle().await;
    source.cut.set(State::Joined);
    let mut verified = Vec::new();
    for one in waiting {
        verified.push(one.await.unwrap().unwrap());
    }
    assert!(verified.iter().all(|one| Arc::ptr_eq(one, &verified[0])));
    assert_eq!(source.fetches.load(Ordering::SeqCst), 1);
}
