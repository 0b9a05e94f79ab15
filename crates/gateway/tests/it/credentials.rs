//! Where a credential may stand, and what happens to it on the way.

use crate::client::get;
use crate::rig::Rig;

#[tokio::test]
async fn two_credentials_that_differ_are_refused_and_the_same_twice_is_fine() {
    let rig = Rig::start().await;
    let (alice, bob) = (rig.identity.opaque("alice", "orders:read"), rig.identity.opaque("bob", "orders:read"));
    let bearer = |token: &str| format!("Bearer {token}");
    let cookie = |token: &str| format!("a=b; sekisho-main-opaque={token}");
    let disagree = (400, "credentials_disagree".to_owned());
    let ask = async |headers: &[(&str, &str)]| rig.ask(&get("/opaque", headers)).await.verdict();
    let (a, b) = (bearer(&alice), bearer(&bob));
    assert_eq!(ask(&[("Cookie", &cookie(&alice)), ("Authorization", &b)]).await, disagree);
    assert_eq!(ask(&[("Cookie", &cookie(&alice)), ("Authorization", "Basic YTpi")]).await, disagree);
    assert_eq!(ask(&[("Authorization", &a), ("Authorization", &b)]).await, disagree);
    assert_eq!(ask(&[("Authorization", &a), ("Authorization", &a)]).await, disagree);
    let twice = format!("{}; sekisho-main-opaque={bob}", cookie(&alice));
    assert_eq!(ask(&[("Cookie", &twice)]).await, disagree, "a cookie tossed in");
    assert_eq!(ask(&[("Cookie", &cookie(&alice)), ("Cookie", &cookie(&alice))]).await, disagree);
    assert_eq!(rig.spy.hits(), 0);
    assert_eq!(ask(&[("Cookie", &cookie(&alice)), ("Authorization", &a)]).await.0, 200);
    assert_eq!(ask(&[("Cookie", &format!("sekisho-main-opaque=\"{alice}\""))]).await.0, 200);
    assert_eq!(rig.ask(&get("/opaque", &[("Cookie", &twice)])).await.json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_credential_in_another_form_is_refused_and_one_in_the_query_is_never_read() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    for authorization in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer  {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer {token} x"),
        format!("Basic {token}"),
        token.clone(),
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' }),
        "Bearer nonsense".to_owned(),
        "Bearer sekrt000".to_owned(),
    ] {
        let answer = rig.ask(&get("/opaque", &[("Authorization", &authorization)])).await;
        assert_eq!(answer.verdict(), (401, "malformed_credential".to_owned()), "{authorization}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
    }
    for path in [format!("/opaque?access_token={token}"), format!("/jwt?access_token={token}")] {
        let answer = rig.ask(&get(&path, &[])).await;
        assert_eq!(answer.verdict(), (401, "no_credential".to_owned()));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "no error when no credential was sent");
    }
    assert_eq!(rig.identity.swaps(), 0, "nobody was asked about any of these");
    let lower = rig.ask(&get("/opaque", &[("Authorization", &format!("bearer {token}"))])).await;
    assert_eq!(lower.status, 200, "the scheme is not case-sensitive");
}

#[tokio::test]
async fn each_kind_of_route_takes_its_own_kind_of_credential() {
    let rig = Rig::start().await;
    let (opaque, jwt) = (rig.identity.opaque("alice", "orders:read"), rig.identity.jwt("alice", "orders:read"));
    assert_eq!(rig.get("/opaque", &jwt).await.verdict(), (401, "jwt_on_opaque_route".to_owned()));
    for path in ["/jwt", "/jwt-feed"] {
        assert_eq!(rig.get(path, &opaque).await.verdict(), (401, "malformed_credential".to_owned()), "{path}");
        assert_eq!(rig.get(path, &jwt).await.status, 200, "{path}");
        assert_eq!(rig.get(path, &"a".repeat(9 << 10)).await.status, 401, "{path}");
    }
    // A cookie of the other kind is no credential here.
    let cookie = format!("sekisho-main-jwt={jwt}");
    assert_eq!(rig.ask(&get("/opaque", &[("Cookie", &cookie)])).await.reason(), "no_credential");
}

#[tokio::test]
async fn the_clients_credential_ends_here_and_every_cookie_of_the_house_with_it() {
    let rig = Rig::start().await;
    let opaque = rig.identity.opaque("alice", "orders:read");
    let cookies = format!("theme=dark; sekisho-main-opaque={opaque}; __Host-SEKISHO-main-sso=x; lang=ja; odd");
    assert_eq!(rig.ask(&get("/opaque", &[("Cookie", &cookies), ("x-csrf-token", "t")])).await.status, 200);
    let seen = rig.spy.last();
    assert!(!seen.head.contains(&opaque));
    assert_eq!(seen.header("cookie"), Some("theme=dark; lang=ja; odd"));
    assert!(seen.header("x-csrf-token").is_none());
    assert!(seen.bearer().starts_with("eyJ"));

    let jwt = rig.identity.jwt("alice", "orders:read");
    let cookie = format!("sekisho-main-jwt={jwt}");
    assert_eq!(rig.ask(&get("/jwt", &[("Cookie", &cookie)])).await.status, 200);
    assert_eq!(rig.spy.last().bearer(), jwt);
    assert!(rig.spy.last().header("cookie").is_none());

    let theirs = [("Cookie", cookie.as_str()), ("Authorization", "Bearer abc")];
    assert_eq!(rig.ask(&get("/open", &theirs)).await.status, 200);
    assert!(rig.spy.last().header("cookie").is_none());
    assert_eq!(rig.spy.last().bearer(), "abc", "an open route's service has credentials of its own");
    let ours = format!("Bearer {opaque}");
    assert_eq!(rig.ask(&get("/open", &[("Authorization", &ours)])).await.status, 200);
    assert!(rig.spy.last().header("authorization").is_none(), "ours is not for it");
}
