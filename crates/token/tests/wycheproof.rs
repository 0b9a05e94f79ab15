//! Every JWS and JWK case of Project Wycheproof that our algorithms cover: valid ones accepted, invalid ones refused.
//!
//! Where the corpora are is said by `SEKISHO_CORPORA`; without it the tests say that they were skipped. What is left out,
//! and why, is printed each time, and so many cases must have run that a changed layout cannot go unnoticed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_token::Algorithm;
use sekisho_token::jwk::JwkSet;
use sekisho_token::jws::{self, Expect, Typ};
use sekisho_token::key::KeySet;
use serde_json::{Value, json};

#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    skipped: BTreeMap<String, usize>,
}

/// Says something on standard error past the test harness, which would keep it to itself.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn corpus(file: &str) -> Option<Value> {
    #[expect(clippy::disallowed_methods, reason = "a test has no options but its environment")]
    let Ok(corpora) = std::env::var("SEKISHO_CORPORA") else {
        say(&format!("SKIPPED: wycheproof {file}: SEKISHO_CORPORA is not set"));
        return None;
    };
    let path = PathBuf::from(corpora).join("wycheproof").join(file);
    let text = std::fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    Some(serde_json::from_slice(&text).unwrap())
}

/// A single key or a set of them, read as an issuer's set would be.
fn keys(public: &Value) -> KeySet {
    let set = if public.get("keys").is_some() { public.clone() } else { json!({"keys": [public]}) };
    KeySet::from_jwks(&JwkSet::from_json(set.to_string().as_bytes()).unwrap())
}

fn text(jws: &Value) -> String {
    jws.as_str().map_or_else(|| jws.to_string(), str::to_owned)
}

fn header_alg(text: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.decode(text.split('.').next()?).ok()?;
    serde_json::from_slice::<Value>(&header).ok()?.get("alg")?.as_str().map(str::to_owned)
}

fn is_ours(alg: Option<&str>) -> bool {
    alg.is_some_and(|alg| alg.parse::<Algorithm>().is_ok())
}

fn run(file: &str) -> Option<Tally> {
    let corpus = corpus(file)?;
    let mut tally = Tally::default();
    for group in corpus["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            run_case(group, case, &mut tally);
        }
    }
    let skipped: Vec<_> = tally.skipped.iter().map(|(why, count)| format!("{count} {why}")).collect();
    let (accepted, refused) = (tally.accepted, tally.refused);
    say(&format!("wycheproof {file}: {accepted} accepted, {refused} refused; skipped: {}", skipped.join(", ")));
    Some(tally)
}

fn run_case(group: &Value, case: &Value, tally: &mut Tally) {
    let mut skip = |why: &str| *tally.skipped.entry(why.to_owned()).or_default() += 1;
    let (Some(public), Some(jws)) = (group.get("public"), case.get("jws")) else {
        return skip(if case.get("jwe").is_some() { "encryption" } else { "symmetric keys" });
    };
    let text = text(jws);
    let expect = Expect { algorithms: &Algorithm::ALL, typ: Typ::OneOfOrAbsent(&[]), bytes_max: 1 << 16 };
    let outcome = jws::verify(&text, &keys(public), &expect);
    let name = format!("case {} of {}: {}", case["tcId"], group["comment"], case["comment"]);
    match case["result"].as_str().unwrap() {
        "valid" if is_ours(header_alg(&text).as_deref()) => {
            let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).unwrap()).unwrap();
            let signed = outcome.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert_eq!(signed.payload(), payload, "{name}");
            tally.accepted += 1;
        }
        // Valid elsewhere; here nothing but a refusal would be right either.
        "valid" => {
            assert!(outcome.is_err(), "{name}");
            skip("valid in algorithms that are not ours (and refused)");
        }
        "invalid" => {
            assert!(outcome.is_err(), "{name} was accepted");
            tally.refused += 1;
        }
        other => panic!("{name}: what is `{other}`?"),
    }
}

#[test]
fn signatures() {
    let Some(tally) = run("json_web_signature_test.json") else { return };
    assert!(tally.accepted >= 16, "accepted only {}", tally.accepted);
    assert!(tally.refused >= 320, "refused only {}", tally.refused);
}

#[test]
fn keys_of_an_issuer() {
    let Some(tally) = run("json_web_key_test.json") else { return };
    assert!(tally.accepted >= 1 && tally.refused >= 10, "ran only {} and {}", tally.accepted, tally.refused);
}

#[test]
fn mixed_cases() {
    let Some(tally) = run("json_web_crypto_test.json") else { return };
    assert!(tally.accepted >= 2 && tally.refused >= 26, "ran only {} and {}", tally.accepted, tally.refused);
}
