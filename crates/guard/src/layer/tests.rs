//! What a guarded service answers.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use sekisho_wire::cut::State;
use sekisho_wire::{Change, RequestId};
use tower_layer::Layer as _;
use tower_service::Service;

use super::*;
use crate::testing::{TestClock, TestIssuer};

type Body = Full<bytes::Bytes>;

/// A handler that says who calls, and demands `orders:write` on `/write`.
#[derive(Clone)]
struct Handler;

impl Service<Request<()>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let caller: &Authenticated = request.extensions().get().unwrap();
        if request.uri().path() == "/write"
            && let Err(refusal) = caller.require("orders:write")
        {
            return ready(Ok(refusal.to_response()));
        }
        ready(Ok(Response::new(Body::from(format!("{} {}", caller.subject, caller.bearer().expose().len())))))
    }
}

struct World {
    clock: TestClock,
    issuer: TestIssuer,
    guard: Guard,
}

/// Path, credentials; status, challenge, reason.
type Case<'a> = (&'a str, &'a [&'a str], u16, Option<&'a str>, &'a str);

struct Answer {
    status: StatusCode,
    challenge: Option<String>,
    retry_after: Option<String>,
    body: String,
}

async fn world(on_stale: OnStale) -> World {
    let clock = TestClock::new();
    let issuer = TestIssuer::new("orders", clock.clone());
    let follower = issuer.follower().await;
    let guard = issuer.guard_with(&follower, on_stale);
    World { clock, issuer, guard }
}

impl World {
    fn call(&self, path: &str, credentials: &[&str]) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let mut request = Request::builder().uri(path);
        for credential in credentials {
            request = request.header(AUTHORIZATION, *credential);
        }
        let request = request.header("x-request-id", RequestId(7).to_string()).body(()).unwrap();
        let required = if path.starts_with("/scoped") { "orders:read orders:list" } else { "" };
        let mut service = self.guard.scopes(&required.parse().unwrap()).layer(Handler);
        Box::pin(async move {
            let response = service.call(request).await.unwrap();
            let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let (status, challenge, retry_after) = (response.status(), text(WWW_AUTHENTICATE), text(RETRY_AFTER));
            let body = response.into_body().collect().await.unwrap().to_bytes();
            Answer { status, challenge, retry_after, body: String::from_utf8(body.to_vec()).unwrap() }
        })
    }

    async fn bearer(&self, path: &str, token: &str) -> Answer {
        self.call(path, &[&format!("Bearer {token}")]).await
    }
}

#[tokio::test]
async fn a_verified_caller_reaches_the_handler_with_a_token_to_pass_on() {
    let world = world(OnStale::Deny).await;
    let token = world.issuer.token("alice").scopes("orders:read orders:list").mint();
    for path in ["/", "/scoped"] {
        let answer = world.bearer(path, &token).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, format!("alice {}", token.len())));
    }
    assert!(world.issuer.audit().lines().is_empty(), "what is let through is nobody's refusal");
}

#[tokio::test]
async fn each_refusal_has_its_status_challenge_reason_and_one_audit_line() {
    let world = world(OnStale::Deny).await;
    let token = world.issuer.token("alice").scopes("orders:read").mint();
    let good = format!("Bearer {token}");
    let expired = format!("bearer {}", world.issuer.token("alice").expires_in_s(-100).mint());
    let table: [Case<'_>; 7] = [
        ("/", &[], 401, Some("Bearer"), "no_credential"),
        (
            "/",
            &["Basic YTpi"],
            401,
            Some(r#"Bearer error="invalid_token", error_description="malformed_credential""#),
            "malformed_credential",
        ),
        (
            "/",
            &["Bearer  x"],
            401,
            Some(r#"Bearer error="invalid_token", error_description="malformed_credential""#),
            "malformed_credential",
        ),
        ("/", &[&expired], 401, Some(r#"Bearer error="invalid_token", error_description="expired""#), "expired"),
        (
            "/",
            &[&good, &good],
            400,
            Some(r#"Bearer error="invalid_request", error_description="credentials_disagree""#),
            "credentials_disagree",
        ),
        (
            "/scoped?secret=1",
            &[&good],
            403,
            Some(r#"Bearer error="insufficient_scope", scope="orders:list orders:read""#),
            "insufficient_scope",
        ),
        (
            "/write",
            &[&good],
            403,
            Some(r#"Bearer error="insufficient_scope", scope="orders:write""#),
            "insufficient_scope",
        ),
    ];
    for (index, (path, credentials, status, challenge, reason)) in table.into_iter().enumerate() {
        let answer = world.call(path, credentials).await;
        assert_eq!((answer.status.as_u16(), answer.challenge.as_deref()), (status, challenge), "{reason}");
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["reason"], reason);
        let lines = world.issuer.audit().lines();
        assert_eq!(lines.len(), index + 1);
        let line = lines.last().unwrap();
        assert_eq!(line.refusal.unwrap().to_string(), body["id"]);
        assert_eq!(line.reason.unwrap().code(), reason);
        assert_eq!(line.request, Some(RequestId(7)));
        assert_eq!(line.subject.is_some(), status == 403);
        let told = format!("{} {}", serde_json::to_string(line).unwrap(), answer.body);
        assert!(!told.contains(&token) && !told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn after_a_revocation_the_very_next_request_is_refused() {
    let world = world(OnStale::Deny).await;
    let builder = world.issuer.token("alice");
    let session = builder.peek().sid.unwrap();
    let token = builder.mint();
    assert_eq!(world.bearer("/", &token).await.status, StatusCode::OK);
    world.issuer.revoke(Change::SessionEnded { session });
    let answer = world.bearer("/", &token).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.contains(r#""reason":"session_ended""#), "{}", answer.body);
}

#[tokio::test]
async fn stale_knowledge_is_503_and_never_401() {
    for on_stale in [OnStale::Deny, OnStale::Ask] {
        let world = world(on_stale).await;
        let token = world.issuer.token("alice").mint();
        world.issuer.feed().head.set(State::Severed);
        world.clock.advance(Duration::from_secs(2)).await;
        let answer = world.bearer("/", &token).await;
        assert_eq!((answer.status, answer.retry_after.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("1")));
        assert!(answer.body.contains(r#""reason":"feed_stale""#), "{}", answer.body);
        assert!(!world.guard.ready());
        world.issuer.feed().head.set(State::Joined);
        world.clock.advance(Duration::from_secs(1)).await;
        assert_eq!(world.bearer("/", &token).await.status, StatusCode::OK);
        assert!(world.guard.ready());
    }
}

#[tokio::test]
async fn whoever_asks_when_stale_is_served_after_one_question() {
    let world = world(OnStale::Ask).await;
    let token = world.issuer.token("alice").mint();
    world.clock.leap(Duration::from_secs(2));
    assert_eq!(world.bearer("/", &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_serves_when_stale_serves_until_the_token_ends() {
    let world = world(OnStale::Serve).await;
    let token = world.issuer.token("alice").mint();
    world.issuer.feed().head.set(State::Severed);
    world.clock.advance(Duration::from_secs(200)).await;
    assert_eq!(world.bearer("/", &token).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(200)).await;
    assert_eq!(world.bearer("/", &token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn before_the_first_snapshot_the_keys_are_what_is_missing() {
    for on_stale in [OnStale::Deny, OnStale::Ask, OnStale::Serve] {
        let issuer = TestIssuer::new("orders", TestClock::new());
        issuer.feed().entries.set(State::Severed);
        let follower = Follower::start(issuer.follow(), &tokio::runtime::Handle::current());
        issuer.clock().settle().await;
        let guard = issuer.guard_with(&follower, on_stale);
        let refused = guard.verify(&issuer.token("alice").mint()).await.unwrap_err();
        assert_eq!(refused.reason, Reason::KeysUnavailable);
    }
}

#[test]
fn a_bearer_token_is_not_printed() {
    let bearer = Bearer(Secret::from("abc.def.ghi"));
    assert!(!format!("{bearer:?}").contains("abc"));
    assert!(!format!("{:?}", bearer.to_header().unwrap()).contains("abc"));
}
