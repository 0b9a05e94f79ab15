//! What services answer: no JWT leaves an opaque route.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_wire::audit::Event;
use sekisho_wire::cut::State;

use crate::rig::Rig;

fn foreign_jwt() -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part(r#"{"alg":"ES256"}"#), part(r#"{"iss":"https://elsewhere.example","sub":"x"}"#))
}

#[tokio::test]
async fn a_jwt_of_ours_in_a_listed_header_or_cookie_is_wrapped() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    rig.get("/opaque", &token).await;
    let inner = rig.spy.last().bearer();
    rig.spy.next_with(&format!(
        "X-Access-Token: {inner}\r\nAuthorization: Bearer {inner}\r\nSet-Cookie: t={inner}; Path=/\r\n"
    ));
    let answer = rig.get("/opaque", &token).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "fine"));
    assert!(!answer.head.contains("eyJ"), "{}", answer.head);
    let wrapped = answer.header("x-access-token").expect("wrapped").to_owned();
    assert!(wrapped.starts_with("sekot"), "{wrapped}");
    assert!(answer.header("authorization").unwrap().starts_with("Bearer sekot"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("t=sekot") && cookie.ends_with("; Path=/"), "{cookie}");
    assert_eq!(rig.get("/opaque", &wrapped).await.status, 200);
    assert!(rig.audit().is_empty());
}

#[tokio::test]
async fn any_other_jwt_is_dropped_with_its_header_and_audited() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    rig.get("/opaque", &token).await;
    let inner = rig.spy.last().bearer();
    let foreign = foreign_jwt();
    let cases = [
        format!("X-Access-Token: {foreign}\r\n"),
        format!("X-Access-Token: {inner}forged\r\n"),
        format!("X-Not-Listed: {inner}\r\n"),
        format!("Location: /next?token={inner}\r\n"),
        format!("X-Access-Token: {inner} {foreign}\r\n"),
        format!("Set-Cookie: id={foreign}\r\n"),
    ];
    for (index, headers) in cases.iter().enumerate() {
        rig.spy.next_with(&format!("{headers}X-Kept: yes\r\n"));
        let answer = rig.get("/opaque", &token).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.head.contains("eyJ"), "{headers}: {}", answer.head);
        assert_eq!(answer.header("x-kept"), Some("yes"));
        let dropped: Vec<_> =
            rig.audit().into_iter().filter(|line| line.event == Event::ResponseTokenDropped).collect();
        assert_eq!(dropped.len(), index + 1, "{headers}");
        let line = serde_json::to_string(dropped.last().unwrap()).unwrap();
        assert!(!line.contains("eyJ"), "{line}");
    }
    rig.identity.cut.set(State::Severed);
    rig.spy.next_with(&format!("X-Access-Token: {inner}\r\n"));
    let answer = rig.get("/opaque", &token).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-access-token").is_none(), "what cannot be wrapped does not leave");
}

#[tokio::test]
async fn other_kinds_of_routes_are_between_client_and_service() {
    let rig = Rig::start().await;
    let jwt = rig.identity.jwt("alice", "orders:read");
    rig.spy.next_with(&format!("X-Access-Token: {jwt}\r\n"));
    assert_eq!(rig.get("/jwt", &jwt).await.header("x-access-token"), Some(jwt.as_str()));
}
