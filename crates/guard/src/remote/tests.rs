//! The ports over HTTP, against an identity provider of a page that speaks the same contract.

use std::time::Duration;

use sekisho_fetch::Options;
use sekisho_token::{Algorithm, SigningKey, Timestamp};
use sekisho_wire::exchange::{ExchangeError, Inspect, Inspected, Swap, Wrap};
use sekisho_wire::login::{Attempt, LoginError, Redeem, Renew, Revoke, TokenForm};
use sekisho_wire::{Change, Exchange as _, Feed as _, Login as _, Position, Reason, SessionId};

use super::*;
use crate::access::Authority;
use crate::clock::fetch_timer;
use crate::follow::{Follow, Follower};
use crate::layer::{Guard, GuardOptions};
use crate::testing::{TestClock, TestIssuer};

mod identity;

use identity::Identity;

const LEASE: Duration = Duration::from_secs(1);

struct World {
    clock: TestClock,
    identity: Arc<Identity>,
    remote: RemoteIdentity,
}

async fn world() -> World {
    let clock = TestClock::new();
    let identity = Identity::serve(clock.clone()).await;
    let as_clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let http = Client::configured(Options::new(fetch_timer(&as_clock), Handle::current())).unwrap();
    let remote = RemoteIdentity::new(Connection {
        issuer: identity.issuer.issuer().clone(),
        address: None,
        client_id: "orders".parse().unwrap(),
        client_secret: Secret::from("s&cret"),
        http,
        clock: as_clock,
        handle: Handle::current(),
    });
    World { clock, identity, remote: remote.unwrap() }
}

impl World {
    fn follower(&self) -> Arc<Follower> {
        let (feed, clock) = (self.remote.feed(), Arc::new(self.clock.clone()));
        let realm = self.remote.realm().clone();
        Follower::start(Follow { realm, feed, clock, max_staleness: LEASE }, &Handle::current())
    }

    fn realm(&self) -> RealmName {
        self.remote.realm().clone()
    }

    fn revoke(&self) -> Position {
        self.identity.issuer.revoke(Change::SessionEnded { session: SessionId(7) })
    }

    async fn ready(&self, follower: &Follower) {
        self.clock.advance_until(LEASE / 8, || follower.age() <= LEASE).await;
    }
}

#[tokio::test]
async fn a_service_verifies_and_refuses_over_http_alone() {
    let world = world().await;
    let issuer = &world.identity.issuer;
    let options = GuardOptions {
        clock: Arc::new(world.clock.clone()),
        ..GuardOptions::new(issuer.issuer().as_str(), "orders", "orders".parse().unwrap(), Secret::from("s&cret"))
    };
    let guard = Guard::remote(options).start().await.unwrap();
    world.clock.advance_until(LEASE / 8, || guard.ready()).await;
    let builder = issuer.token("alice");
    let session = builder.peek().sid.unwrap();
    let token = builder.mint();
    assert!(guard.verify(&token).await.is_ok());
    let revoked = issuer.revoke(Change::SessionEnded { session });
    let Authority::Feed(follower) = guard.parts().verifier.authority() else { panic!("the feed is followed") };
    world.clock.advance_until(LEASE / 8, || follower.position() >= revoked && guard.ready()).await;
    assert_eq!(guard.verify(&token).await.unwrap_err().reason, Reason::SessionEnded);
}

#[tokio::test]
async fn the_issuer_may_be_reached_at_another_address_than_its_name() {
    let world = world().await;
    let address: Url = world.identity.issuer.issuer().as_str().parse().unwrap();
    let remote = RemoteIdentity::new(Connection {
        issuer: Issuer::new("https://id.example/realms/main"),
        address: Some(address),
        client_id: "orders".parse().unwrap(),
        client_secret: Secret::from("s&cret"),
        http: world.remote.http().clone(),
        clock: Arc::new(world.clock.clone()),
        handle: Handle::current(),
    });
    assert!(remote.unwrap().feed().snapshot(&world.realm()).await.is_ok());
}

#[tokio::test]
async fn a_wake_up_arrives_by_the_stream_while_time_stands_still() {
    let world = world().await;
    let follower = world.follower();
    world.ready(&follower).await;
    world.clock.advance_until(Duration::ZERO, || world.identity.streams() == 1).await;
    let revoked = world.revoke();
    world.clock.advance_until(Duration::ZERO, || follower.position() == revoked).await;
}

#[tokio::test]
async fn without_the_stream_the_next_poll_brings_it() {
    let world = world().await;
    world.identity.streams_refused.store(true, Ordering::SeqCst);
    let follower = world.follower();
    world.ready(&follower).await;
    let revoked = world.revoke();
    world.clock.advance_until(LEASE / 8, || follower.position() == revoked).await;
}

#[tokio::test]
async fn what_the_issuer_did_not_sign_is_not_believed() {
    let world = world().await;
    let realm = world.realm();
    let feed = world.remote.feed();
    assert!(feed.snapshot(&realm).await.is_ok());
    let before = feed.head(&realm).await.unwrap().position;
    world.revoke();
    world.identity.sign_with(SigningKey::generate(Algorithm::Es256).unwrap());
    assert!(feed.after(&realm, before).await.is_err());
    assert!(feed.snapshot(&realm).await.is_err());
    assert!(world.remote.feed().snapshot(&realm).await.is_err(), "nor by one who has not seen a key yet");
}

#[tokio::test]
async fn a_new_key_is_learned_from_the_feed_or_from_the_jwks() {
    let world = world().await;
    let realm = world.realm();
    let feed = world.remote.feed();
    let start = feed.snapshot(&realm).await.unwrap().head.position;
    // Told by an entry that the old key signed.
    let second = SigningKey::generate(Algorithm::Es256).unwrap();
    world.identity.issuer.publish_key(&second);
    assert!(feed.after(&realm, start).await.is_ok());
    world.identity.sign_with(second);
    assert!(feed.after(&realm, start).await.is_ok());
    // Missed while away: then the JWKS has it.
    let third = SigningKey::generate(Algorithm::Es256).unwrap();
    world.identity.publish_in_jwks(&third);
    world.identity.sign_with(third);
    world.clock.advance(Duration::from_secs(2)).await;
    assert!(feed.after(&realm, start).await.is_ok());
}

#[tokio::test]
async fn a_key_that_the_feed_revoked_does_not_come_back_through_the_jwks() {
    let world = world().await;
    let realm = world.realm();
    let feed = world.remote.feed();
    let start = feed.snapshot(&realm).await.unwrap().head.position;
    let stolen = SigningKey::generate(Algorithm::Es256).unwrap();
    world.identity.publish_in_jwks(&stolen);
    world.identity.issuer.revoke(Change::KeyRevoked { kid: stolen.kid().clone() });
    assert!(feed.after(&realm, start).await.is_ok());
    world.identity.sign_with(stolen);
    world.clock.advance(Duration::from_secs(2)).await;
    assert!(feed.after(&realm, start).await.is_err());
}

#[tokio::test]
async fn a_new_epoch_is_followed_by_a_snapshot() {
    let world = world().await;
    let follower = world.follower();
    world.ready(&follower).await;
    world.identity.issuer.feed().start_epoch();
    world.clock.advance_until(LEASE / 8, || follower.position() == Position::new(2, 0)).await;
    world.ready(&follower).await;
}

#[tokio::test]
async fn a_refusal_of_our_own_client_is_the_operators_and_never_the_callers() {
    let world = world().await;
    for status in [401, 403, 404] {
        world.identity.answer(status, "", r#"{"error":"invalid_client"}"#);
        assert!(matches!(swap(&world).await, Err(ExchangeError::Misconfigured(_))), "{status}");
        assert!(matches!(challenge(&world).await, Err(LoginError::Misconfigured(_))), "{status}");
        assert!(world.remote.feed().head(&world.realm()).await.is_err());
    }
    for error in ["invalid_client", "unauthorized_client", "invalid_target", "unsupported_grant_type"] {
        world.identity.answer(400, "", &format!(r#"{{"error":"{error}"}}"#));
        assert!(matches!(swap(&world).await, Err(ExchangeError::Misconfigured(_))), "{error}");
    }
}

async fn swap(world: &World) -> Result<sekisho_wire::exchange::Swapped, ExchangeError> {
    let (token, audience) = (Secret::from("sekot_x"), vec!["orders".to_owned(), "stock".to_owned()]);
    let swap = Swap { realm: world.realm(), token, audience, request: RequestId(5) };
    world.remote.exchange().swap(swap).await
}

async fn challenge(world: &World) -> Result<Secret<String>, LoginError> {
    let attempt = Attempt {
        realm: world.realm(),
        username: "alice".to_owned(),
        password: Secret::from("p w"),
        scope: Some("orders:read stock:read".parse().unwrap()),
        address: Some([192, 0, 2, 1].into()),
        user_agent: None,
        request: RequestId(5),
    };
    world.remote.login().challenge(attempt).await
}

#[tokio::test]
async fn a_swap_is_a_token_exchange_of_our_client_on_behalf_of_a_request() {
    let world = world().await;
    world.identity.answer(200, "", r#"{"access_token":"a.b.c","subject_token_expires_at":77,"more":1}"#);
    let swapped = swap(&world).await.unwrap();
    assert_eq!((swapped.jwt.expose().as_str(), swapped.opaque_expires_at), ("a.b.c", Timestamp(77)));
    let sent = world.identity.last_request();
    assert!(sent.starts_with("POST /realms/main/oauth2/token HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains(&format!("authorization: Basic {}\r\n", STANDARD.encode("orders:s%26cret"))), "{sent}");
    assert!(sent.contains(&format!("x-request-id: {}\r\n", RequestId(5))), "{sent}");
    let body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=sekot_x\
        &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
        &requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&audience=orders&audience=stock";
    assert!(sent.ends_with(body), "{sent}");
}

#[tokio::test]
async fn what_identity_says_of_the_token_is_the_reason() {
    let world = world().await;
    let table = [
        (
            400,
            "",
            r#"{"error":"invalid_request","reason":"session_ended"}"#,
            ExchangeError::Refused(Reason::SessionEnded),
        ),
        (400, "", r#"{"error":"invalid_grant"}"#, ExchangeError::Refused(Reason::UnknownToken)),
        (400, "", r#"{"error":"invalid_scope"}"#, ExchangeError::Refused(Reason::InsufficientScope)),
        (400, "", r#"{"error":"x","reason":"overloaded"}"#, ExchangeError::Unavailable(Unavailable::of("identity"))),
        (400, "", "<html>", ExchangeError::Unavailable(Unavailable::of("identity"))),
        (500, "", "", ExchangeError::Unavailable(Unavailable::of("identity"))),
        (302, "location: http://evil.test/\r\n", "", ExchangeError::Unavailable(Unavailable::of("identity"))),
        (
            503,
            "retry-after: 7\r\n",
            "",
            ExchangeError::Unavailable(Unavailable { what: "identity", retry_after_s: Some(7) }),
        ),
    ];
    for (status, headers, body, expected) in table {
        world.identity.answer(status, headers, body);
        assert_eq!(swap(&world).await.unwrap_err(), expected, "{status} {body}");
    }
    world.identity.answer(200, "", "{}");
    assert!(matches!(swap(&world).await, Err(ExchangeError::Unavailable(_))), "an answer without its members is none");
}

#[tokio::test]
async fn wrapping_and_inspecting_read_what_they_are_told() {
    let world = world().await;
    let exchange = world.remote.exchange();
    world.identity.answer(200, "", r#"{"access_token":"sekot_y"}"#);
    let wrap = Wrap { realm: world.realm(), jwt: Secret::from("a.b.c"), request: RequestId(5) };
    assert_eq!(exchange.wrap(wrap).await.unwrap().expose(), "sekot_y");
    let inspect = || Inspect { realm: world.realm(), token: Secret::from("x"), request: RequestId(5) };
    world.identity.answer(200, "", r#"{"active":false}"#);
    assert!(matches!(exchange.inspect(inspect()).await, Ok(Inspected::Inactive)));
    let claims = world.identity.issuer.token("alice").peek().clone();
    let mut active = serde_json::to_value(&claims).unwrap();
    active["active"] = true.into();
    world.identity.answer(200, "", &active.to_string());
    let Ok(Inspected::Active(read)) = exchange.inspect(inspect()).await else { panic!("it is active") };
    assert_eq!(*read, claims);
    assert!(world.identity.last_request().starts_with("POST /realms/main/oauth2/introspect "));
}

#[tokio::test]
async fn a_login_is_a_challenge_and_a_redemption() {
    let world = world().await;
    world.identity.answer(200, "", r#"{"authorization_code":"sekco_z"}"#);
    assert_eq!(challenge(&world).await.unwrap().expose(), "sekco_z");
    let sent = world.identity.last_request();
    assert!(sent.starts_with("POST /realms/main/oauth2/challenge "), "{sent}");
    let body = "username=alice&password=p+w&scope=orders%3Aread+stock%3Aread&sekisho_client_address=192.0.2.1";
    assert!(sent.ends_with(body), "{sent}");

    let tokens = r#"{"access_token":"t","token_type":"Bearer","expires_in":300,"refresh_token":"r",
        "scope":"orders:read","sub":"alice","sid":"00000000000000000000000007"}"#;
    world.identity.answer(200, "", tokens);
    let redeem = || Redeem {
        realm: world.realm(),
        code: Secret::from("sekco_z"),
        form: TokenForm::Jwt,
        audience: vec!["orders".to_owned()],
        token_bytes_max: 3900,
        request: RequestId(5),
    };
    let login = world.remote.login();
    let tokens = login.redeem(redeem()).await.unwrap();
    assert_eq!(tokens.expires_at, world.clock.wall().plus_s(300));
    assert_eq!(tokens.session, Some(SessionId(7)));
    assert!(tokens.scope.has("orders:read") && tokens.refresh_token.is_some());
    assert!(world.identity.last_request().ends_with("&token_bytes_max=3900&audience=orders"));

    let too_large = r#"{"error":"invalid_scope","reason":"credential_too_large","bytes":5000,"bytes_max":3900}"#;
    world.identity.answer(400, "", too_large);
    let error = login.redeem(redeem()).await.unwrap_err();
    assert_eq!(error, LoginError::TooLarge { bytes: 5000, bytes_max: 3900 });
}

#[tokio::test]
async fn a_failed_login_says_who_must_act() {
    let world = world().await;
    let table = [
        (400, "", r#"{"error":"access_denied"}"#, LoginError::WrongCredentials),
        (400, "", r#"{"error":"invalid_scope"}"#, LoginError::Refused("invalid_scope")),
        (429, "retry-after: 30\r\n", "", LoginError::Throttled { retry_after_s: 30 }),
        (503, "", "", LoginError::Unavailable(Unavailable::of("identity"))),
    ];
    for (status, headers, body, expected) in table {
        world.identity.answer(status, headers, body);
        assert_eq!(challenge(&world).await.unwrap_err(), expected, "{status} {body}");
    }
    world.identity.answer(400, "", r#"{"error":"invalid_grant"}"#);
    let renew = Renew {
        realm: world.realm(),
        refresh_token: Secret::from("r"),
        form: TokenForm::Opaque,
        audience: Vec::new(),
        request: RequestId(5),
    };
    assert_eq!(world.remote.login().renew(renew).await.unwrap_err(), LoginError::Refused("invalid_grant"));
    world.identity.answer(200, "", "");
    let revoke = Revoke { realm: world.realm(), token: Secret::from("t"), request: RequestId(5) };
    assert_eq!(world.remote.login().revoke(revoke).await, Ok(()));
    assert!(world.identity.last_request().starts_with("POST /realms/main/oauth2/revoke "));
}

#[tokio::test]
async fn an_issuer_must_be_one_of_ours_in_normal_form() {
    let world = world().await;
    for (issuer, good) in [
        ("https://id.example/realms/main", true),
        ("https://id.example/base/realms/main", true),
        ("https://id.example/realms/main/", false),
        ("https://ID.example/realms/main", false),
        ("https://id.example:443/realms/main", false),
        ("https://id.example", false),
        ("main", false),
    ] {
        let made = RemoteIdentity::new(Connection {
            issuer: Issuer::new(issuer),
            address: None,
            client_id: "orders".parse().unwrap(),
            client_secret: Secret::from("x"),
            http: world.remote.http().clone(),
            clock: Arc::new(world.clock.clone()),
            handle: Handle::current(),
        });
        assert_eq!(made.is_ok(), good, "{issuer}");
    }
    let shown = format!("{:?}", world.remote);
    assert!(!shown.contains("cret"), "{shown}");
    let elsewhere: RealmName = "other".parse().unwrap();
    assert!(world.remote.feed().head(&elsewhere).await.is_err());
}
