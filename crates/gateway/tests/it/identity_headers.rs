//! What a client says about who it is never arrives, however it is spelt.

use crate::client::get;
use crate::rig::Rig;

const SPELLINGS: &[&str] = &[
    "X-User",
    "x-user-id",
    "X_User",
    "X.User",
    "X_User.Id",
    "x-UsEr-Name",
    "X-Userinfo",
    "X-Auth-User",
    "X_Auth_Request_Email",
    "X-Authenticated-User",
    "X-Forwarded-User",
    "X_Forwarded_User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "Forwarded",
    "X-Real-IP",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Envoy-Original-Path",
    "X-Jwt-Assertion",
    "X-Roles",
    "X-Groups",
    "Remote-User",
    "Remote_User",
    "X-Remote-User",
    "X-Sekisho-Subject",
    "X_Sekisho.Subject",
    "X-HTTP-Method-Override",
    "X-Request-Id",
    "X_Request_Id",
];

#[tokio::test]
async fn identity_headers_never_arrive_under_any_spelling_on_any_kind_of_route() {
    let rig = Rig::start().await;
    let opaque = format!("Bearer {}", rig.identity.opaque("alice", "orders:read"));
    let jwt = format!("Bearer {}", rig.identity.jwt("alice", "orders:read"));
    for spelling in SPELLINGS {
        for (path, credential) in [("/open", &opaque), ("/opaque", &opaque), ("/jwt", &jwt), ("/jwt-feed", &jwt)] {
            let upper = spelling.to_uppercase();
            let headers = [("Authorization", credential.as_str()), (spelling, "admin"), (&upper, "admin")];
            let answer = rig.ask(&get(path, &headers)).await;
            assert_eq!(answer.status, 200, "{spelling} on {path}: {}", answer.text());
            assert!(!rig.spy.last().head.contains("admin"), "{spelling} on {path}: {}", rig.spy.last().head);
        }
    }
}

#[tokio::test]
async fn connection_may_not_nominate_what_the_guard_looks_at_or_writes() {
    let rig = Rig::start().await;
    for nominated in ["X-User", "close, Authorization", "Cookie", "X-Forwarded-For", "Host", "x_user", "Sec-Fetch-Site"]
    {
        let answer = rig.ask(&get("/open", &[("Connection", nominated), ("X-User", "a"), ("Cookie", "b=c")])).await;
        assert_eq!(answer.verdict(), (400, "bad_header".to_owned()), "{nominated}");
    }
    assert_eq!(rig.spy.hits(), 0);
    let fine =
        [("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "5"), ("X-Kept", "2"), ("TE", "gzip")];
    assert_eq!(rig.ask(&get("/open", &fine)).await.status, 200);
    let seen = rig.spy.last();
    for name in ["connection", "x-hop", "keep-alive", "te"] {
        assert!(seen.header(name).is_none(), "{name}: {}", seen.head);
    }
    assert_eq!(seen.header("x-kept"), Some("2"));
}

#[tokio::test]
async fn the_upstream_is_told_by_us_how_the_client_came() {
    let rig = Rig::start().await;
    let traced = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("X-Request-Id", "mine")];
    let answer = rig.ask(&get("/open", &traced)).await;
    let seen = rig.spy.last();
    assert_eq!(seen.headers("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.headers("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.headers("x-forwarded-host"), ["gateway.test"]);
    assert_eq!(seen.header("traceparent"), Some(traced[0].1));
    let id = seen.header("x-request-id").expect("an id");
    assert_eq!(id.len(), 26, "a fresh id instead of the client's");
    assert_eq!(answer.header("x-request-id"), Some(id));
}

#[tokio::test]
async fn only_a_trusted_proxy_is_believed_and_an_empty_list_trusts_nobody() {
    let told = [
        ("X-Forwarded-For", "203.0.113.9, 10.0.0.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.example"),
        ("X-Request-Id", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ];
    let trusting = Rig::with(&|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    })
    .await;
    let answer = trusting.ask(&get("/open", &told)).await;
    let seen = trusting.spy.last();
    assert_eq!(seen.header("x-forwarded-for"), Some("203.0.113.9, 10.0.0.7, 127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-host"), Some("shop.example"));
    assert_eq!(answer.header("x-request-id"), Some("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    trusting.ask(&get("/opaque", &told)).await;
    let line = trusting.audit().pop().unwrap();
    assert_eq!(line.address, Some("203.0.113.9".parse().unwrap()), "the first that is not a proxy of ours");
    trusting.ask(&get("/opaque", &[("X-Forwarded-For", "203.0.113.9, unknown")])).await;
    assert_eq!(trusting.audit().pop().unwrap().address, Some("127.0.0.1".parse().unwrap()));

    let strict = Rig::start().await;
    strict.ask(&get("/open", &told)).await;
    assert_eq!(strict.spy.last().header("x-forwarded-for"), Some("127.0.0.1"));
}

#[tokio::test]
async fn an_upstream_can_set_neither_our_cookies_nor_our_headers() {
    let rig = Rig::start().await;
    rig.spy.next_with(
        "Set-Cookie: sekisho-main-opaque=x; Path=/\r\nSet-Cookie: __Host-Sekisho-main-jwt=x\r\nSet-Cookie: theirs=1\r\n\
         X-Sekisho-Subject: admin\r\nX_Sekisho_Other: admin\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Request-Id: theirs\r\n",
    );
    let answer = rig.ask(&get("/open", &[])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers("set-cookie"), ["theirs=1"]);
    assert!(!answer.head.contains("admin"), "{}", answer.head);
    assert!(answer.header("x-hop").is_none());
    assert_eq!(answer.headers("x-request-id").len(), 1);
    assert_ne!(answer.header("x-request-id"), Some("theirs"));
}
