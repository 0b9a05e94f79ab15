//! Signed texts: the forms that are refused, and the type they must bear.

use std::sync::Arc;

use super::*;
use crate::jwk::Jwk;
use crate::key::KeyLookup;

const ENTRY: Expect<'static> =
    Expect { algorithms: &Algorithm::ALL, typ: Typ::OneOf(&["sekisho-feed-entry+jws"]), bytes_max: 4096 };

fn pair() -> (SigningKey, Arc<VerifyingKey>) {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let public = Arc::new(VerifyingKey::from_jwk(&key.public_jwk()).unwrap());
    (key, public)
}

/// Signs a header as it stands, whatever it says.
fn signed_with_header(header: &str, payload: &str, key: &SigningKey) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

#[test]
fn any_bytes_come_back_from_any_algorithm() {
    for alg in Algorithm::ALL {
        let key = SigningKey::generate(alg).unwrap();
        let public = Arc::new(VerifyingKey::from_jwk(&key.public_jwk()).unwrap());
        for payload in [b"".as_slice(), b"{}", &[0, 255, 46]] {
            let text = sign(payload, "sekisho-feed-entry+jws", &key).unwrap();
            let signed = verify(&text, &public, &ENTRY).unwrap();
            assert_eq!((signed.payload(), signed.kid()), (payload, key.kid()));
        }
    }
}

#[test]
fn the_ed25519_example_of_rfc_8037_verifies() {
    let jwk = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = Arc::new(VerifyingKey::from_jwk(&Jwk::from_json(jwk).unwrap()).unwrap());
    let text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let untyped = Expect { typ: Typ::OneOfOrAbsent(&[]), ..ENTRY };
    assert_eq!(verify(text, &key, &untyped).unwrap().into_payload(), b"Example of Ed25519 signing");
}

#[test]
fn what_is_not_three_parts_of_base64url_is_refused() {
    let (key, public) = pair();
    let good = sign(b"{}", "sekisho-feed-entry+jws", &key).unwrap();
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!() };
    for bad in [
        String::new(),
        ".".into(),
        (*header).into(),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.+{}", &signature[1..]),
        format!("{header}..{payload}.{signature}"),
        r#"{"payload":"","signatures":[]}"#.into(),
    ] {
        let refusal = verify(&bad, &public, &ENTRY).unwrap_err();
        assert!(matches!(refusal, Refusal::NotCompact | Refusal::SignatureInvalid), "{bad}: {refusal}");
    }
    for bad in ["..", "...", "a.b.c"] {
        assert_eq!(
            verify(bad, &public, &ENTRY).unwrap_err(),
            if bad == ".." { Refusal::HeaderMalformed(crate::json::Malformed::Syntax) } else { Refusal::NotCompact }
        );
    }
}

#[test]
fn size_is_looked_at_before_anything_else() {
    let (key, public) = pair();
    let long = sign(&[b'x'; 4096], "sekisho-feed-entry+jws", &key).unwrap();
    assert!(matches!(
        verify(&long, &public, &ENTRY),
        Err(Refusal::TooLarge { part: Part::Token, bytes_max: 4096, .. })
    ));
    let wide = Expect { bytes_max: long.len(), ..ENTRY };
    assert!(verify(&long, &public, &wide).is_ok());
    let header = format!(r#"{{"alg":"EdDSA","x":"{}"}}"#, "x".repeat(HEADER_BYTES_MAX));
    let refusal = verify(&signed_with_header(&header, "", &key), &public, &ENTRY).unwrap_err();
    assert_eq!(refusal.code(), "header_too_large");
}

#[test]
fn headers_are_refused_for_what_they_demand() {
    let (key, public) = pair();
    let typ = r#""typ":"sekisho-feed-entry+jws""#;
    for (header, code) in [
        (format!(r#"{{{typ}}}"#), "header_malformed"),
        (format!(r#"{{"alg":"EdDSA","alg":"EdDSA",{typ}}}"#), "header_malformed"),
        (format!(r#"{{"alg":7,{typ}}}"#), "header_malformed"),
        (format!(r#"{{"alg":"EdDSA","kid":7,{typ}}}"#), "header_malformed"),
        (format!(r#"{{"alg":"EdDSA","kid":null,{typ}}}"#), "header_malformed"),
        (format!(r#"{{"alg":"EdDSA","kid":"{}",{typ}}}"#, "k".repeat(257)), "header_malformed"),
        (r#"["EdDSA"]"#.into(), "header_malformed"),
        (format!(r#"{{"alg":"EdDSA",{typ}}} "#), "ok"),
        (format!(r#"{{"alg":"EdDSA",{typ}}}x"#), "header_malformed"),
        (format!(r#"{{"alg":"none",{typ}}}"#), "alg_not_allowed"),
        (format!(r#"{{"alg":"eddsa",{typ}}}"#), "alg_not_allowed"),
        (format!(r#"{{"alg":"HS256",{typ}}}"#), "alg_not_allowed"),
        (format!(r#"{{"alg":"ES256",{typ}}}"#), "key_alg_mismatch"),
        (r#"{"alg":"EdDSA"}"#.into(), "typ_mismatch"),
        (r#"{"alg":"EdDSA","typ":"at+jwt"}"#.into(), "typ_mismatch"),
        (r#"{"alg":"EdDSA","typ":"Application/Sekisho-Feed-Entry+JWS"}"#.into(), "ok"),
        (r#"{"alg":"EdDSA","typ":"text/sekisho-feed-entry+jws"}"#.into(), "typ_mismatch"),
        (r#"{"alg":"EdDSA","typ":"application/x/sekisho-feed-entry+jws"}"#.into(), "typ_mismatch"),
        (format!(r#"{{"alg":"EdDSA","crit":["exp"],"exp":1,{typ}}}"#), "crit_unsupported"),
        (format!(r#"{{"alg":"EdDSA","crit":[],{typ}}}"#), "crit_unsupported"),
        (format!(r#"{{"alg":"EdDSA","crit":null,{typ}}}"#), "crit_unsupported"),
        (format!(r#"{{"alg":"EdDSA","crit":["b64"],"b64":false,{typ}}}"#), "crit_unsupported"),
        (format!(r#"{{"alg":"EdDSA","b64":false,{typ}}}"#), "b64_unsupported"),
        (format!(r#"{{"alg":"EdDSA","b64":true,{typ}}}"#), "b64_unsupported"),
        (format!(r#"{{"alg":"EdDSA","kid":"other",{typ}}}"#), "kid_unknown"),
        (
            format!(r#"{{"alg":"EdDSA","jwk":{{"kty":"OKP"}},"jku":"https://x","x5u":"https://x","x5c":["x"],{typ}}}"#),
            "ok",
        ),
    ] {
        let outcome = verify(&signed_with_header(&header, "{}", &key), &public, &ENTRY);
        assert_eq!(outcome.err().map_or("ok", |refusal| refusal.code()), code, "{header}");
    }
}

#[test]
fn keys_that_cannot_be_had_are_not_the_tokens_fault() {
    struct Down;
    impl Keys for Down {
        fn key(&self, _: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
            Err(KeyLookup::Unavailable)
        }
    }
    let (key, _) = pair();
    let text = sign(b"{}", "sekisho-feed-entry+jws", &key).unwrap();
    let down: &dyn Keys = &Down;
    let refusal = verify(&text, down, &ENTRY).unwrap_err();
    assert_eq!((refusal.code(), refusal.is_the_tokens_fault()), ("keys_unavailable", false));
}
