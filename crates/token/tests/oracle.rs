//! `jsonwebtoken` as a second opinion: what we sign it verifies, what it signs we verify, and we never accept what it
//! refuses.
//!
//! Times are checked against a naive twin instead, since the oracle reads the real clock.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use proptest::prelude::*;
use sekisho_token::jwt::{self, Audiences, Expect, Limits, Refusal, Unverified};
use sekisho_token::{Algorithm, SigningKey, Timestamp, VerifyingKey};
use serde_json::{Map, Value, json};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example/realms/main";
const TYP: &str = jwt::TYP_ACCESS_TOKEN;

#[derive(Debug)]
struct Pair {
    ours: SigningKey,
    public: Arc<VerifyingKey>,
    alg: jsonwebtoken::Algorithm,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| Algorithm::ALL.into_iter().map(pair).collect());

fn pair(alg: Algorithm) -> Pair {
    let ours = SigningKey::generate(alg).unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD
            .encode(ours.to_pkcs8().unwrap().expose())
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect::<Vec<_>>()
            .join("\n")
    );
    let (theirs, encoding) = match alg {
        Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, EncodingKey::from_ec_pem(pem.as_bytes())),
        Algorithm::EdDsa => (jsonwebtoken::Algorithm::EdDSA, EncodingKey::from_ed_pem(pem.as_bytes())),
        Algorithm::Rs256 => (jsonwebtoken::Algorithm::RS256, EncodingKey::from_rsa_pem(pem.as_bytes())),
        Algorithm::Ps256 => (jsonwebtoken::Algorithm::PS256, EncodingKey::from_rsa_pem(pem.as_bytes())),
    };
    // The public key goes over as the JWK that we publish.
    let jwk = serde_json::from_value(serde_json::to_value(ours.public_jwk()).unwrap()).unwrap();
    Pair {
        public: Arc::new(VerifyingKey::from_jwk(&ours.public_jwk()).unwrap()),
        alg: theirs,
        encoding: encoding.unwrap(),
        decoding: DecodingKey::from_jwk(&jwk).unwrap(),
        ours,
    }
}

fn ours(text: &str, pair: &Pair) -> Result<Value, Refusal> {
    let expect = Expect::access_token(ISSUER, Audiences::any_of(["orders", "stock"]).unwrap());
    let unverified = Unverified::parse(text, &Limits::default())?;
    Ok(unverified.verify::<Value>(&pair.public, &expect, Timestamp(NOW))?.into_claims())
}

fn theirs(text: &str, pair: &Pair) -> Result<Value, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(pair.alg);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["orders", "stock"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    jsonwebtoken::decode::<Value>(text, &pair.decoding, &validation).map(|data| data.claims)
}

fn sign_theirs(claims: &Value, pair: &Pair) -> String {
    let mut header = Header::new(pair.alg);
    header.typ = Some(TYP.to_owned());
    header.kid = Some(pair.ours.kid().to_string());
    jsonwebtoken::encode(&header, claims, &pair.encoding).unwrap()
}

fn any_pair() -> impl Strategy<Value = &'static Pair> {
    (0..4_usize).prop_map(|index| &PAIRS[index])
}

/// Claims that are good, or off in one of the ways that issuer and audience can be.
fn any_claims() -> impl Strategy<Value = Value> {
    let iss = prop_oneof![8 => Just(json!(ISSUER)), 1 => Just(json!(format!("{ISSUER}/"))), 1 => Just(json!(7)), 1 => Just(Value::Null)];
    let aud = prop_oneof![
        4 => Just(json!("orders")),
        4 => Just(json!(["x", "stock"])),
        1 => Just(json!("billing")),
        1 => Just(json!([])),
        1 => Just(json!([1])),
        1 => Just(Value::Null),
    ];
    let custom = proptest::collection::btree_map("[a-z]{4,8}", any_value(), 0..4);
    (iss, aud, custom).prop_map(|(iss, aud, custom)| {
        let mut claims: Map<_, _> = custom.into_iter().collect();
        claims.extend([("iss".into(), iss), ("aud".into(), aud), ("exp".into(), json!(NOW + 300))]);
        Value::Object(claims)
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// One change to a text: another character at a place, one more, or one less.
#[derive(Clone, Debug)]
enum Change {
    Replace(char),
    Insert(char),
    Remove,
}

fn any_change() -> impl Strategy<Value = Change> {
    let character = || prop_oneof![9 => proptest::char::ranges(vec!['A'..='Z', 'a'..='z', '0'..='9', '-'..='.', '_'..='_'].into()), 1 => any::<char>()];
    prop_oneof![
        3 => character().prop_map(Change::Replace),
        1 => character().prop_map(Change::Insert),
        1 => Just(Change::Remove),
    ]
}

fn changed(text: &str, at: prop::sample::Index, change: &Change) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at.index(characters.len());
    match change {
        Change::Replace(character) => characters[at] = *character,
        Change::Insert(character) => characters.insert(at, *character),
        Change::Remove => {
            characters.remove(at);
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_we_sign_the_oracle_judges_as_we_do(pair in any_pair(), claims in any_claims()) {
        let text = jwt::sign(&claims, TYP, &pair.ours).unwrap();
        let (ours, theirs) = (ours(&text, pair), theirs(&text, pair));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        if let Ok(read) = ours {
            prop_assert_eq!(&read, &claims);
            prop_assert_eq!(theirs.unwrap(), claims);
        }
    }

    #[test]
    fn what_the_oracle_signs_we_judge_as_it_does(pair in any_pair(), claims in any_claims()) {
        let text = sign_theirs(&claims, pair);
        let (ours, theirs) = (ours(&text, pair), theirs(&text, pair));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        if let Ok(read) = ours {
            prop_assert_eq!(read, claims);
        }
    }

    #[test]
    fn a_changed_token_is_refused_by_both(
        pair in any_pair(),
        from_oracle in any::<bool>(),
        at in any::<prop::sample::Index>(),
        change in any_change(),
    ) {
        let claims = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + 300, "sub": "alice"});
        let text = if from_oracle { sign_theirs(&claims, pair) } else { jwt::sign(&claims, TYP, &pair.ours).unwrap() };
        prop_assert!(ours(&text, pair).is_ok() && theirs(&text, pair).is_ok());
        let changed = changed(&text, at, &change);
        prop_assume!(changed != text);
        prop_assert!(ours(&changed, pair).is_err(), "{}", changed);
        prop_assert!(theirs(&changed, pair).is_err(), "{}", changed);
    }

    #[test]
    fn a_token_of_one_key_is_refused_under_another(signer in 0..4_usize, verifier in 0..4_usize) {
        prop_assume!(signer != verifier);
        let claims = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + 300});
        let text = jwt::sign(&claims, TYP, &PAIRS[signer].ours).unwrap();
        prop_assert!(ours(&text, &PAIRS[verifier]).is_err());
        prop_assert!(theirs(&text, &PAIRS[verifier]).is_err());
    }

    #[test]
    fn times_are_judged_as_by_a_naive_twin(
        exp in -200..200_i64,
        nbf in proptest::option::of(-200..200_i64),
        iat in proptest::option::of(-200..200_i64),
        leeway in 0..100_u32,
    ) {
        let mut claims = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + exp});
        for (name, time) in [("nbf", nbf), ("iat", iat)] {
            if let Some(time) = time {
                claims[name] = json!(NOW + time);
            }
        }
        let text = jwt::sign(&claims, TYP, &PAIRS[1].ours).unwrap();
        let expect = Expect::access_token(ISSUER, Audiences::one("orders")).leeway_s(leeway);
        let unverified = Unverified::parse(&text, &Limits::default()).unwrap();
        let outcome = unverified.verify::<Value>(&PAIRS[1].public, &expect, Timestamp(NOW));
        let leeway = i64::from(leeway);
        let good = exp + leeway > 0 && nbf.unwrap_or(0) <= leeway && iat.unwrap_or(0) <= leeway;
        prop_assert_eq!(outcome.is_ok(), good, "{:?}", outcome);
    }
}

/// Where the two differ we are the stricter one; each difference is wanted, and listed here so that a new one shows.
#[test]
fn what_the_oracle_accepts_and_we_do_not() {
    let pair = &PAIRS[0];
    let good = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + 300});
    let mut header = Header::new(pair.alg);
    header.typ = Some("JWT".to_owned());
    let other_typ = jsonwebtoken::encode(&header, &good, &pair.encoding).unwrap();
    let twice = format!(r#"{{"iss":"{ISSUER}","aud":"orders","exp":{},"scope":"a","scope":"b"}}"#, NOW + 300);
    let twice = sekisho_token::jws::sign(twice.as_bytes(), TYP, &pair.ours).unwrap();
    let expired = sign_theirs(&json!({"iss": ISSUER, "aud": "orders", "exp": 5}), pair);
    for (text, code) in [(other_typ, "typ_mismatch"), (twice, "claims_malformed"), (expired, "token_expired")] {
        assert!(theirs(&text, pair).is_ok(), "{code}");
        assert_eq!(ours(&text, pair).unwrap_err().code(), code);
    }
}
