//! How long somebody waits, and that nobody waits for ever.

use sekisho_guard::testing::TestClock;

use super::*;

fn throttle(clock: &TestClock) -> Throttle {
    Throttle::new(Arc::new(clock.clone()), &Limits::default())
}

fn main() -> RealmName {
    "main".parse().unwrap()
}

fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

#[test]
fn after_the_free_failures_the_wait_doubles_and_ends_at_its_limit() {
    let (clock, realm) = (TestClock::new(), main());
    let throttle = throttle(&clock);
    for _ in 0..5 {
        throttle.sign_in(&realm, "alice", address(1)).unwrap();
    }
    for wait_s in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let throttled = throttle.sign_in(&realm, "Alice", address(2)).unwrap_err();
        assert_eq!(throttled.retry_after_s, wait_s);
        clock.leap(Duration::from_secs(wait_s.into()));
        throttle.sign_in(&realm, "alice", address(3)).unwrap();
    }
    clock.leap(MEMORY);
    for _ in 0..5 {
        throttle.sign_in(&realm, "alice", address(1)).unwrap();
    }
}

#[test]
fn a_success_frees_the_account_and_other_accounts_never_wait() {
    let (clock, realm) = (TestClock::new(), main());
    let throttle = throttle(&clock);
    for _ in 0..100 {
        let tried = throttle.sign_in(&realm, "alice", address(1)).unwrap();
        throttle.succeeded(tried);
    }
    for _ in 0..5 {
        throttle.sign_in(&realm, "alice", address(1)).unwrap();
    }
    assert!(throttle.sign_in(&realm, "alice", address(1)).is_err());
    throttle.sign_in(&realm, "bob", address(1)).unwrap();
    throttle.sign_in(&"other".parse().unwrap(), "alice", address(1)).unwrap();
}

#[test]
fn an_address_that_tries_many_names_waits_too() {
    let (clock, realm) = (TestClock::new(), main());
    let throttle = throttle(&clock);
    let tried = (0..1000).take_while(|n| throttle.sign_in(&realm, &format!("user{n}"), address(1)).is_ok()).count();
    assert_eq!(tried, 50);
    throttle.sign_in(&realm, "alice", address(2)).unwrap();
    let v6 = |host: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 1, 2, 3, host)));
    let tried = (0..1000).take_while(|n| throttle.sign_in(&realm, &format!("u{n}"), v6(*n)).is_ok()).count();
    assert_eq!(tried, 50, "one network is one address");
}

#[test]
fn what_is_remembered_is_bounded() {
    let (clock, realm) = (TestClock::new(), main());
    let limits = Limits { throttled_max: 100, ..Limits::default() };
    let throttle = Throttle::new(Arc::new(clock), &limits);
    for number in 0..10_000 {
        throttle.sign_in(&realm, &format!("user{number}"), None).unwrap();
    }
    assert!(throttle.counts().len() <= 100, "{throttle:?}");
}

#[test]
fn a_right_password_does_not_lift_the_wait_that_wrong_ones_brought_meanwhile() {
    let (clock, realm) = (TestClock::new(), main());
    let throttle = throttle(&clock);
    for number in 0..49 {
        throttle.sign_in(&realm, &format!("user{number}"), address(1)).unwrap();
        clock.leap(Duration::from_millis(1));
    }
    let own = throttle.sign_in(&realm, "mallory", address(1)).unwrap();
    clock.leap(Duration::from_millis(1100));
    throttle.sign_in(&realm, "alice", address(1)).unwrap();
    throttle.succeeded(own);
    assert!(throttle.sign_in(&realm, "bob", address(1)).is_err(), "alice's guess still has to be waited for");
}

#[test]
fn clients_that_do_not_exist_push_out_nothing_that_is_known_of_accounts() {
    let (clock, realm) = (TestClock::new(), main());
    let limits = Limits { throttled_max: 100, ..Limits::default() };
    let throttle = Throttle::new(Arc::new(clock.clone()), &limits);
    for _ in 0..5 {
        throttle.sign_in(&realm, "alice", None).unwrap();
    }
    for number in 0..10_000 {
        throttle.wrong_secret(&realm, &format!("client{number}"), None).unwrap();
    }
    assert!(throttle.sign_in(&realm, "alice", None).is_err());
}
