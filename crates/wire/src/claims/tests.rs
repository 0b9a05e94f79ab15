//! The JSON form of access claims.

use super::*;

const MINIMAL: &str = r#"{"iss":"https://id.example/realms/main","sub":"orders","aud":"orders","client_id":"orders",
    "exp":600,"iat":0,"jti":"00000000000000000000000001","rev":"1.2"}"#;

#[test]
fn an_audience_may_be_one_string_or_several() {
    let claims: AccessClaims = serde_json::from_str(MINIMAL).unwrap();
    assert_eq!(claims.aud, ["orders"]);
    let many = MINIMAL.replace(r#""aud":"orders""#, r#""aud":["orders","stock"]"#);
    assert_eq!(serde_json::from_str::<AccessClaims>(&many).unwrap().aud, ["orders", "stock"]);
}

#[test]
fn a_token_without_a_position_is_not_one_of_ours() {
    let without = MINIMAL.replace(r#","rev":"1.2""#, "");
    assert!(serde_json::from_str::<AccessClaims>(&without).is_err());
}

#[test]
fn absent_members_stay_absent() {
    let claims: AccessClaims = serde_json::from_str(MINIMAL).unwrap();
    let json = serde_json::to_value(&claims).unwrap();
    for absent in ["sid", "grant", "auth_time", "amr", "act"] {
        assert!(json.get(absent).is_none(), "{absent}");
    }
    assert_eq!(serde_json::from_value::<AccessClaims>(json).unwrap(), claims);
}
