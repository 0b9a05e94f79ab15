//! The lease: what makes knowledge fresh, what ends that, and what is owed.

use sekisho_token::{Entropy, SystemEntropy};
use sekisho_wire::cut::{Cut, State};
use sekisho_wire::feed::Entry;
use sekisho_wire::{BoxFuture, Change, Reason, SessionId};

use super::*;
use crate::testing::{TestClock, TestIssuer};

const LEASE: Duration = Duration::from_secs(1);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

struct World {
    clock: TestClock,
    issuer: TestIssuer,
    follower: Arc<Follower>,
}

async fn world() -> World {
    let clock = TestClock::new();
    let issuer = TestIssuer::new("orders", clock.clone());
    let follower = issuer.follower().await;
    World { clock, issuer, follower }
}

fn some_session() -> SessionId {
    SessionId::generate(sekisho_token::Timestamp(1), &SystemEntropy::default() as &dyn Entropy)
}

fn ended(session: SessionId) -> Change {
    Change::SessionEnded { session }
}

/// Whether the follower's fold refuses a session.
fn refuses(world: &World, session: SessionId) -> bool {
    let token = world.issuer.token("alice").session(session);
    let (kid, now) = (world.issuer.key().kid(), world.clock.wall());
    world.follower.view().judge(token.peek(), kid, now) == Err(Reason::SessionEnded)
}

#[tokio::test]
async fn the_head_is_asked_for_four_times_per_lease_and_age_never_passes_it() {
    let world = world().await;
    let asked = world.issuer.feed().heads_asked();
    for _ in 0..100 {
        world.clock.advance(ms(100)).await;
        assert!(world.follower.age() <= LEASE / 4, "{:?}", world.follower.age());
    }
    assert_eq!(world.issuer.feed().heads_asked() - asked, 40);
}

#[tokio::test]
async fn an_entry_is_applied_when_the_offer_returns() {
    let world = world().await;
    let (session, generation) = (some_session(), world.follower.generation());
    let position = world.issuer.revoke(ended(session));
    assert!(refuses(&world, session));
    assert_eq!(world.follower.position(), position);
    assert!(world.follower.generation() > generation);
}

#[tokio::test]
async fn with_every_notification_discarded_a_revocation_arrives_within_the_lease() {
    let world = world().await;
    world.issuer.feed().wakeups.set(State::Severed);
    let session = some_session();
    world.issuer.revoke(ended(session));
    assert!(!refuses(&world, session));
    world.clock.advance(LEASE / 4).await;
    assert!(refuses(&world, session));
    assert!(world.follower.age() <= LEASE);
}

#[tokio::test]
async fn while_the_head_fails_age_grows_and_entries_do_not_stop_it() {
    let world = world().await;
    world.issuer.feed().head.set(State::Severed);
    world.clock.advance(ms(600)).await;
    world.issuer.revoke(ended(some_session()));
    world.clock.advance(ms(600)).await;
    assert!(world.follower.age() >= ms(1200), "an offered entry is no proof of freshness");
    assert!(world.follower.ready());
    world.issuer.feed().head.set(State::Joined);
    world.clock.advance(LEASE / 4).await;
    assert!(world.follower.age() <= LEASE / 4);
}

#[tokio::test]
async fn a_head_that_hangs_does_not_stall_the_next_and_is_fresh_as_of_its_question() {
    let world = world().await;
    world.issuer.feed().head.set(State::Hanging);
    world.clock.advance(ms(250)).await;
    let asked = world.issuer.feed().heads_asked();
    // Answered late: the age is counted from when it was asked, not from when the answer came.
    world.clock.advance(ms(700)).await;
    world.issuer.feed().head.set(State::Joined);
    world.clock.settle().await;
    assert_eq!(world.issuer.feed().heads_asked(), asked + 1);
    world.issuer.feed().head.set(State::Hanging);
    world.clock.advance(LEASE * 3).await;
    assert!(world.issuer.feed().heads_asked() >= asked + 3, "a hung question was given up after a lease");
    assert!(world.follower.age() > LEASE);
    world.issuer.feed().head.set(State::Joined);
    world.clock.advance(LEASE / 2).await;
    assert!(world.follower.age() <= LEASE / 4);
}

#[tokio::test]
async fn an_offer_that_does_not_follow_ends_the_lease_until_it_is_caught_up() {
    let world = world().await;
    let feed = world.issuer.feed();
    feed.wakeups.set(State::Severed);
    let (first, second) = (some_session(), some_session());
    world.issuer.revoke(ended(first));
    world.issuer.revoke(ended(second));
    feed.wakeups.set(State::Joined);
    // Catching up is not possible yet, so nothing may be trusted: the commit may have been answered already.
    feed.entries.set(State::Severed);
    feed.offer(&feed.log_entries()[1..]);
    assert_eq!(world.follower.age(), Duration::MAX);
    assert!(!world.follower.ready());
    world.clock.advance(LEASE).await;
    assert_eq!(world.follower.age(), Duration::MAX, "the head alone does not pay the debt");
    feed.entries.set(State::Joined);
    world.clock.advance(LEASE / 4).await;
    assert!(world.follower.age() <= LEASE / 4);
    assert!(refuses(&world, first) && refuses(&world, second));
}

#[tokio::test]
async fn an_offer_of_an_entry_that_the_primary_does_not_have_is_never_trusted_away() {
    let world = world().await;
    let head = world.follower.view().head();
    let position = Position::new(head.position.epoch.0, head.position.revision.0 + 9);
    let changes = vec![ended(some_session())];
    let hash = head.hash.next(position, world.clock.wall(), &changes);
    let prev = Position::new(head.position.epoch.0, head.position.revision.0 + 8);
    world
        .issuer
        .feed()
        .offer(&[Envelope { prev, entry: Entry { position, changes, until: world.clock.wall(), hash } }]);
    world.clock.advance(LEASE * 2).await;
    assert_eq!(world.follower.age(), Duration::MAX);
}

#[tokio::test]
async fn a_new_epoch_loads_a_snapshot() {
    let world = world().await;
    let before = some_session();
    world.issuer.revoke(ended(before));
    world.issuer.feed().start_epoch();
    world.clock.advance(LEASE / 4).await;
    assert_eq!(world.follower.position(), Position::new(2, 0));
    assert!(refuses(&world, before));
    assert!(world.follower.age() <= LEASE / 4);
    // An entry of the new epoch that is offered before the snapshot was loaded leaves a debt, too.
    world.issuer.feed().start_epoch();
    let after = some_session();
    world.issuer.revoke(ended(after));
    assert_eq!(world.follower.age(), Duration::MAX);
    world.clock.settle().await;
    assert!(refuses(&world, after) && world.follower.ready());
}

/// A feed that a test makes worse than it is: its head is read when it was asked for, and arrives `delay` later.
#[derive(Debug)]
struct Slow {
    feed: Arc<dyn Feed>,
    /// What answers in its place when the switch is thrown.
    other: Arc<dyn Feed>,
    switch: Cut,
    clock: TestClock,
    delay: Duration,
}

impl Slow {
    fn node(&self) -> &Arc<dyn Feed> {
        if self.switch.state() == State::Joined { &self.feed } else { &self.other }
    }
}

impl Feed for Slow {
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, Unavailable>> {
        Box::pin(async move {
            let head = self.node().head(realm).await;
            self.clock.sleep_until(self.clock.monotonic().plus(self.delay)).await;
            head
        })
    }

    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, Unavailable>> {
        self.node().after(realm, position)
    }

    fn snapshot<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Snapshot, Unavailable>> {
        self.node().snapshot(realm)
    }

    fn attach(&self, realm: &RealmName, reader: Weak<dyn Reader>) {
        self.node().attach(realm, reader);
    }
}

/// Follows `issuer` through a slow feed; `other` answers when the switch is thrown.
fn slowly(issuer: &TestIssuer, other: &TestIssuer, delay: Duration) -> (Cut, Arc<Follower>) {
    let (feed, other, switch) = (Arc::clone(issuer.feed()), Arc::clone(other.feed()), Cut::joined("node"));
    let slow = Slow { feed, other, switch: switch.clone(), clock: issuer.clock().clone(), delay };
    (switch, Follower::start(Follow { feed: Arc::new(slow), ..issuer.follow() }, &Handle::current()))
}

#[tokio::test]
async fn knowledge_is_as_old_as_the_question_and_not_as_the_answer() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (_, follower) = slowly(&issuer, &issuer, ms(700));
    issuer.clock().advance(ms(700)).await;
    assert_eq!(follower.age(), ms(700));
    issuer.clock().advance(ms(699)).await;
    assert_eq!(follower.age(), ms(1399));
    issuer.clock().advance(ms(1)).await;
    assert_eq!(follower.age(), ms(700));
}

#[tokio::test]
async fn an_answer_from_before_a_missed_entry_does_not_pay_for_it() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (_, follower) = slowly(&issuer, &issuer, ms(700));
    issuer.clock().advance(ms(800)).await;
    let feed = issuer.feed();
    // A question is on its way. Its answer will say that nothing is missing, which was true when it was given.
    feed.wakeups.set(State::Severed);
    feed.entries.set(State::Severed);
    issuer.revoke(ended(some_session()));
    issuer.revoke(ended(some_session()));
    feed.wakeups.set(State::Joined);
    feed.offer(&feed.log_entries()[1..]);
    issuer.clock().advance(ms(600)).await;
    assert_eq!(follower.age(), Duration::MAX);
    feed.entries.set(State::Joined);
    issuer.clock().advance(LEASE * 2).await;
    assert!(follower.age() <= ms(1400));
}

#[tokio::test]
async fn a_feed_that_goes_back_is_not_taken_for_fresh() {
    let clock = TestClock::new();
    let (ahead, behind) = (TestIssuer::new("orders", clock.clone()), TestIssuer::new("orders", clock.clone()));
    ahead.revoke(ended(some_session()));
    let (switch, follower) = slowly(&ahead, &behind, Duration::ZERO);
    follower.started().await;
    switch.set(State::Severed);
    clock.advance(LEASE * 2).await;
    assert_eq!(follower.age(), Duration::MAX);
    assert_eq!(follower.position(), Position::new(1, 1), "what is known is not thrown away");
    switch.set(State::Joined);
    clock.advance(LEASE / 4).await;
    assert!(follower.age() <= LEASE / 4);
}

#[tokio::test]
async fn asking_refreshes_everybody_with_one_question_and_gives_up_with_their_patience() {
    let world = world().await;
    let feed = world.issuer.feed();
    world.clock.leap(LEASE * 2);
    // Before the poll has run: everybody finds stale knowledge and asks.
    let asked = feed.heads_asked();
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let follower = Arc::clone(&world.follower);
            Handle::current().spawn(async move { follower.refresh(LEASE, LEASE).await })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert!(feed.heads_asked() - asked <= 2, "asked {} times", feed.heads_asked() - asked);

    feed.head.set(State::Hanging);
    world.clock.advance(LEASE * 2).await;
    let follower = Arc::clone(&world.follower);
    let impatient = Handle::current().spawn(async move { follower.refresh(LEASE, ms(50)).await });
    world.clock.advance(ms(60)).await;
    assert!(impatient.await.unwrap().is_err());
    // A question that has just failed is not asked again for each request.
    feed.head.set(State::Severed);
    world.clock.advance(LEASE * 2).await;
    let asked = feed.heads_asked();
    for _ in 0..100 {
        assert!(world.follower.refresh(LEASE, LEASE).await.is_err());
    }
    assert!(feed.heads_asked() - asked <= 1);
}

#[tokio::test]
async fn whoever_had_something_revoked_over_a_wire_waits_for_a_head_asked_for_afterwards() {
    let world = world().await;
    world.issuer.feed().wakeups.set(State::Severed);
    // The lease was taken at this very instant of the clock, and yet before the revocation.
    world.clock.advance(LEASE / 4).await;
    let session = some_session();
    world.issuer.revoke(ended(session));
    assert_eq!(world.follower.refresh(Duration::ZERO, LEASE).await, Ok(()));
    assert!(refuses(&world, session));
}

#[tokio::test]
async fn a_question_that_was_on_its_way_before_a_revocation_does_not_count_for_it() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let (_, follower) = slowly(&issuer, &issuer, ms(700));
    issuer.clock().advance(ms(800)).await;
    issuer.feed().wakeups.set(State::Severed);
    let revoked = issuer.revoke(ended(some_session()));
    let asking = Arc::clone(&follower);
    let waiting = Handle::current().spawn(async move { asking.refresh(Duration::ZERO, LEASE * 9).await });
    issuer.clock().advance(ms(600)).await;
    assert!(!waiting.is_finished() && follower.position() < revoked, "that answer is from before");
    issuer.clock().advance(ms(700)).await;
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(follower.position(), revoked);
}

#[tokio::test]
async fn following_ends_with_the_last_follower() {
    let world = world().await;
    let feed = Arc::clone(world.issuer.feed());
    drop(world.follower);
    let asked = feed.heads_asked();
    world.clock.advance(LEASE * 10).await;
    assert_eq!(feed.heads_asked(), asked);
}

#[tokio::test]
async fn revocations_are_forgotten_when_their_time_is_over() {
    let world = world().await;
    for _ in 0..100 {
        world.issuer.revoke(ended(some_session()));
    }
    assert_eq!(world.follower.view().standing(), 100);
    world.clock.advance(Duration::from_secs(301 + 300)).await;
    assert_eq!(world.follower.view().standing(), 0);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "measures how long a test that owns time takes in real time")]
async fn twelve_hours_pass_in_under_a_second() {
    let begun = std::time::Instant::now();
    let world = world().await;
    world.clock.advance(Duration::from_secs(12 * 3600)).await;
    assert!(world.follower.age() <= LEASE / 4);
    assert!(world.follower.ready());
    assert!(begun.elapsed() < Duration::from_secs(1), "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_reader_that_is_told_to_distrust_what_it_knows_has_no_lease_until_it_loaded_a_snapshot() {
    let world = world().await;
    let generation = world.follower.generation();
    let reader: Arc<dyn Reader> = Arc::clone(&world.follower.shared) as _;
    reader.distrust();
    assert_eq!(world.follower.age(), Duration::MAX);
    assert!(!world.follower.ready());
    assert_ne!(world.follower.generation(), generation, "verdicts of before are not good any more");
    world.clock.settle().await;
    assert!(world.follower.ready() && world.follower.age() <= LEASE);
}
