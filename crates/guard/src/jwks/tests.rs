//! How often an issuer's keys are fetched, and what is kept.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::AtomicU32;

use sekisho_token::{Algorithm, SigningKey};
use sekisho_wire::cut::{Cut, State};

use super::*;
use crate::testing::TestClock;

#[derive(Debug)]
struct Issuer {
    keys: StdMutex<Vec<SigningKey>>,
    fetches: AtomicU32,
    cut: Cut,
}

impl KeySource for Issuer {
    fn fetch(&self) -> BoxFuture<'_, Result<JwkSet, Unavailable>> {
        Box::pin(async move {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            self.cut.pass().await?;
            Ok(JwkSet::new(self.keys.lock().unwrap().iter().map(SigningKey::public_jwk).collect()))
        })
    }
}

struct World {
    clock: TestClock,
    issuer: Arc<Issuer>,
    keys: Arc<JwksKeys>,
}

async fn world() -> World {
    let clock = TestClock::new();
    let keys = StdMutex::new(vec![SigningKey::generate(Algorithm::EdDsa).unwrap()]);
    let issuer = Arc::new(Issuer { keys, fetches: AtomicU32::new(0), cut: Cut::joined("jwks") });
    let source = Arc::clone(&issuer) as Arc<dyn KeySource>;
    let keys = JwksKeys::start(source, Arc::new(clock.clone()), Refetch::default(), &Handle::current());
    keys.started().await;
    World { clock, issuer, keys }
}

impl World {
    fn fetches(&self) -> u32 {
        self.issuer.fetches.load(Ordering::SeqCst)
    }

    fn kid(&self) -> KeyId {
        self.issuer.keys.lock().unwrap()[0].kid().clone()
    }

    fn rotate(&self) {
        *self.issuer.keys.lock().unwrap() = vec![SigningKey::generate(Algorithm::EdDsa).unwrap()];
    }
}

#[tokio::test]
async fn a_thousand_unknown_kids_cause_one_fetch_per_cool_down() {
    let world = world().await;
    world.clock.advance(Duration::from_secs(10)).await;
    let before = world.fetches();
    for _ in 0..3 {
        let waiting: Vec<_> = (0..1000)
            .map(|_| {
                let keys = Arc::clone(&world.keys);
                Handle::current().spawn(async move { keys.look_again().await })
            })
            .collect();
        for one in waiting {
            assert!(!one.await.unwrap());
        }
        world.clock.advance(Duration::from_secs(10)).await;
    }
    assert_eq!(world.fetches() - before, 3);
    assert!(world.keys.has(&world.kid()));
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_a_withdrawn_one_is_gone_with_it() {
    let world = world().await;
    world.clock.advance(Duration::from_secs(10)).await;
    let (old, generation) = (world.kid(), world.keys.generation());
    world.rotate();
    assert!(!world.keys.has(&world.kid()));
    assert!(world.keys.look_again().await);
    assert!(world.keys.has(&world.kid()) && !world.keys.has(&old));
    assert!(world.keys.generation() > generation);
}

#[tokio::test]
async fn a_withdrawn_key_is_noticed_although_nobody_asks() {
    let world = world().await;
    let old = world.kid();
    world.rotate();
    world.clock.advance(Duration::from_secs(301)).await;
    assert!(!world.keys.has(&old));
}

#[tokio::test]
async fn when_the_issuer_fails_the_last_good_set_is_kept() {
    let world = world().await;
    for state in [State::Severed, State::Hanging] {
        world.issuer.cut.set(state);
        world.clock.advance(Duration::from_secs(3600)).await;
        assert!(world.keys.has(&world.kid()));
    }
    world.issuer.cut.set(State::Joined);
    world.issuer.keys.lock().unwrap().retain(|_| false);
    world.clock.advance(Duration::from_secs(3600)).await;
    assert!(world.keys.loaded(), "an empty set replaces nothing");
}

#[tokio::test]
async fn before_the_first_fetch_keys_are_unavailable_rather_than_unknown() {
    let clock = TestClock::new();
    let issuer = Arc::new(Issuer { keys: StdMutex::default(), fetches: AtomicU32::new(0), cut: Cut::joined("jwks") });
    issuer.cut.set(State::Hanging);
    let source = Arc::clone(&issuer) as Arc<dyn KeySource>;
    let keys = JwksKeys::start(source, Arc::new(clock.clone()), Refetch::default(), &Handle::current());
    clock.settle().await;
    assert_eq!(keys.key(Some("any")).unwrap_err(), KeyLookup::Unavailable);
    assert!(!keys.loaded());
    // The fetch is given up at its deadline, and made again.
    clock.advance(Duration::from_secs(30)).await;
    assert!(issuer.fetches.load(Ordering::SeqCst) >= 2);
}
