//! Tokens that must not be accepted, most of them signed with the house's own key, so that only the fault under test can
//! be what refuses them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sekisho_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::oauth::PublicFlow;
use crate::rig::Rig;

/// Makes tokens from the claims of a sound one.
#[derive(Debug)]
pub(crate) struct Forge {
    key: SigningKey,
    claims: Value,
}

// === impl Forge ===

impl Forge {
    /// Takes the house's key from under its seal and a sound token's claims as a pattern.
    pub(crate) async fn of(rig: &Rig) -> Self {
        let sound = rig.login_jwt("alice").await;
        let payload = BASE64.decode(sound.split('.').nth(1).unwrap()).unwrap();
        Self { key: rig.signing_key().await, claims: serde_json::from_slice(&payload).unwrap() }
    }

    /// A token as identity could have minted it, never seen by anyone.
    pub(crate) fn sound_token(&self, _: &Rig) -> String {
        self.with_claims(&json!({"jti": "00000000000000000000000001"}))
    }

    /// A sound token of this moment.
    pub(crate) fn sound_now(&self, rig: &Rig) -> String {
        let now = rig.now();
        self.with_claims(&json!({"jti": "00000000000000000000000002", "iat": now, "exp": now + 60}))
    }

    /// A sound token but for a `kid` that nobody has.
    pub(crate) fn with_kid(&self, kid: &str) -> String {
        self.signed(&json!({"alg": "ES256", "typ": "at+jwt", "kid": kid}), &self.claims.to_string())
    }

    /// What the fault is, the token, and the reason it must be refused with on a JWT route.
    pub(crate) async fn hostile_tokens(&self, rig: &Rig) -> Vec<(&'static str, String, &'static str)> {
        let now = rig.now();
        let claims = self.claims.to_string();
        let header = self.header();
        let with_header = |more: Value| self.signed(&merged(&header, &more), &claims);
        let duplicate = claims.replacen('{', r#"{"sub":"admin","#, 1);
        let slash = format!("{}/", rig.issuer());
        let tokens = PublicFlow::sign_in(rig, "alice").await.redeem(rig).await.json();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        vec![
            ("alg none", unsigned(&merged(&header, &json!({"alg": "none"})), &claims), "algorithm_refused"),
            ("alg nOnE", unsigned(&merged(&header, &json!({"alg": "nOnE"})), &claims), "algorithm_refused"),
            ("HS256 keyed with the public key", self.hmac_with_public_key(&claims), "algorithm_refused"),
            ("a changed payload", self.changed(), "bad_signature"),
            ("exp in the past", self.with_claims(&json!({"exp": now - 61, "iat": now - 600})), "expired"),
            ("nbf in the future", self.with_claims(&json!({"nbf": now + 120})), "not_yet_valid"),
            ("iat in the future", self.with_claims(&json!({"iat": now + 120})), "clock_skew"),
            ("another issuer", self.with_claims(&json!({"iss": "https://evil.example"})), "wrong_issuer"),
            ("a slash behind the issuer", self.with_claims(&json!({"iss": slash})), "wrong_issuer"),
            ("another audience", self.with_claims(&json!({"aud": "payroll"})), "wrong_audience"),
            ("an unknown kid", self.with_kid("nobody"), "unknown_key"),
            ("a jwk in the header", attackers_token(&claims, "jwk"), "unknown_key"),
            ("a jku in the header", attackers_token(&claims, "jku"), "unknown_key"),
            ("an x5u in the header", attackers_token(&claims, "x5u"), "unknown_key"),
            ("an unknown crit", with_header(json!({"crit": ["moon"], "moon": 1})), "header_refused"),
            ("b64 false", with_header(json!({"b64": false, "crit": ["b64"]})), "header_refused"),
            ("typ of an ID token", with_header(json!({"typ": "JWT"})), "type_refused"),
            ("a member twice", self.signed(&header, &duplicate), "bad_claims"),
            ("an ID token", text("id_token"), "type_refused"),
            ("a refresh token", text("refresh_token"), "malformed_credential"),
        ]
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid()})
    }

    fn with_claims(&self, more: &Value) -> String {
        self.signed(&self.header(), &merged(&self.claims, more).to_string())
    }

    fn signed(&self, header: &Value, claims: &str) -> String {
        sign(&self.key, header, claims)
    }

    fn changed(&self) -> String {
        let sound = self.with_claims(&json!({}));
        let parts: Vec<&str> = sound.split('.').collect();
        let other = BASE64.encode(merged(&self.claims, &json!({"scope": "admin"})).to_string());
        format!("{}.{other}.{}", parts[0], parts[2])
    }

    fn hmac_with_public_key(&self, claims: &str) -> String {
        let public = serde_json::to_vec(&self.key.public_jwk()).unwrap();
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key.kid().to_string());
        let claims: Value = serde_json::from_str(claims).unwrap();
        jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(&public)).unwrap()
    }
}

/// A token of an issuer that the house does not know.
pub(crate) fn foreign_jwt() -> String {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let claims = json!({"iss": "https://elsewhere.example", "sub": "x", "aud": "orders", "exp": 4_000_000_000_i64});
    sign(&key, &json!({"alg": "ES256", "typ": "at+jwt", "kid": key.kid()}), &claims.to_string())
}

/// Signed by the attacker's own key, which the header offers.
fn attackers_token(claims: &str, member: &str) -> String {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let offered = if member == "jwk" {
        serde_json::to_value(key.public_jwk()).unwrap()
    } else {
        json!("https://evil.example/keys")
    };
    sign(&key, &json!({"alg": "ES256", "typ": "at+jwt", "kid": key.kid(), member: offered}), claims)
}

fn sign(key: &SigningKey, header: &Value, claims: &str) -> String {
    let input = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", BASE64.encode(signature))
}

fn unsigned(header: &Value, claims: &str) -> String {
    format!("{}.{}.", BASE64.encode(header.to_string()), BASE64.encode(claims))
}

fn merged(base: &Value, more: &Value) -> Value {
    let mut merged = base.clone();
    for (name, value) in more.as_object().unwrap() {
        merged[name] = value.clone();
    }
    merged
}
