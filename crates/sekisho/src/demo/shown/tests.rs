//! A person sees what travelled, and no credential.

use std::sync::Arc;

use sekisho_guard::clock::SystemClock;
use sekisho_token::SystemEntropy;
use sekisho_token::credential::{Credential, Kind};

use super::super::recorder::{Direction, Leg, Recorder};
use super::{BODY_CHARS_MAX, Feed, Shown, shown};

const JWT: &str =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhbGljZSIsInNlY3JldCI6MX0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
const PASSWORD: &str = "correct horse battery";
const SECRET: &str = "thirty-two-characters-or-more-of-secret";

/// One request on a leg, as it is shown.
fn request(leg: Leg, text: &str) -> Shown {
    record(leg, text, "HTTP/1.1 200 OK\r\n\r\n").remove(0)
}

/// Its answer.
fn answer(text: &str) -> Shown {
    record(Leg::GATEWAY_IDENTITY, "POST /realms/main/oauth2/token HTTP/1.1\r\n\r\n", text).remove(1)
}

fn record(leg: Leg, request: &str, answer: &str) -> Vec<Shown> {
    let recorder = Recorder::new(Arc::new(SystemClock::new()));
    let connection = recorder.open(leg);
    recorder.passed(connection, Direction::Request, request.as_bytes());
    recorder.passed(connection, Direction::Answer, answer.as_bytes());
    shown(&recorder.since(0), Feed::Shown)
}

fn check_hidden(leg: Leg, text: &str, hidden: &[&str]) -> Shown {
    let shown = request(leg, text);
    let all = serde_json::to_string(&shown).unwrap();
    for secret in hidden {
        let middle = &secret[10..secret.len() - 5];
        assert!(!all.contains(middle), "`{middle}` is shown in {all}");
    }
    shown
}

#[test]
fn a_head_is_shown_as_it_passed_but_for_its_credentials() {
    let text = format!(
        "GET /opaque/orders/1 HTTP/1.1\r\nHost:  127.0.0.1\r\nAuthorization: Bearer {JWT}\r\naccept: */*\r\n\r\n"
    );
    let shown = check_hidden(Leg::CLIENT_GATEWAY, &text, &[JWT]);
    assert_eq!(shown.title, "GET /opaque/orders/1 HTTP/1.1");
    assert_eq!(
        shown.head,
        "Host:  127.0.0.1\nAuthorization: Bearer eyJhbGci…b2Vu\naccept: */*".replace("b2Vu", &JWT[JWT.len() - 4..])
    );
    assert_eq!(shown.body, "");
    assert_eq!(shown.bytes_total, text.len() as u64);
}

#[test]
fn every_cookie_is_shortened_and_an_emptied_one_is_seen() {
    let text = format!("GET / HTTP/1.1\r\nCookie: sekisho-main-opaque={SECRET}; theme={SECRET}\r\n\r\n");
    let shown = check_hidden(Leg::GATEWAY_ORDERS, &text, &[SECRET]);
    assert_eq!(shown.head, "Cookie: sekisho-main-opaque=thirty-t…cret; theme=thirty-t…cret");
    let shown =
        answer(&format!("HTTP/1.1 200 OK\r\nSet-Cookie: a={SECRET}; HttpOnly\r\nset-cookie: b=; Max-Age=0\r\n\r\n"));
    assert_eq!(shown.head, "Set-Cookie: a=thirty-t…cret; HttpOnly\nset-cookie: b=; Max-Age=0");
}

#[test]
fn a_password_is_covered_in_json_and_in_forms_however_its_name_is_written() {
    let bodies = [
        ("application/json", format!(r#"{{"username":"alice","password":"{PASSWORD}"}}"#)),
        (
            "application/json; charset=utf-8",
            format!("{{\"password\" : \n \"{PASSWORD}\\\"{PASSWORD}\", \"username\": \"alice\"}}"),
        ),
        ("application/json", format!(r#"{{"username":"alice","pass\u0077ord":"{PASSWORD}"}}"#)),
        ("application/json", format!(r#"{{"username":"alice","password":"{PASSWORD}"#)),
        ("application/json", format!(r#"{{"username":"alice","PASSWORD":["{PASSWORD}"]}}"#)),
        ("application/x-www-form-urlencoded", format!("username=alice&password={PASSWORD}")),
        ("application/x-www-form-urlencoded", format!("p%61ssword={PASSWORD}&username=alice")),
    ];
    for (kind, body) in bodies {
        let text = format!("POST /auth/login HTTP/1.1\r\ncontent-type: {kind}\r\n\r\n{body}");
        let shown = check_hidden(Leg::CLIENT_GATEWAY, &text, &[PASSWORD]);
        assert!(shown.body.contains("alice"), "{}", shown.body);
    }
}

#[test]
fn tokens_and_codes_in_bodies_keep_their_ends() {
    let shown = answer(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{{\"access_token\":\"{JWT}\",\"expires_in\":300}}"
    ));
    assert_eq!(shown.body, format!("{{\"access_token\":\"eyJhbGci…{}\",\"expires_in\":300}}", &JWT[JWT.len() - 4..]));
    let text = format!(
        "POST /x HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\r\ngrant_type=y&subject_token={SECRET}&code=short"
    );
    let shown = check_hidden(Leg::GATEWAY_IDENTITY, &text, &[SECRET]);
    assert_eq!(shown.body, "grant_type=y&subject_token=thirty-t…cret&code=…");
}

#[test]
fn a_query_is_read_like_a_form() {
    let text =
        format!("GET /callback?code={SECRET}&state=1 HTTP/1.1\r\nreferer: http://a/?access_token={SECRET}#x\r\n\r\n");
    let shown = check_hidden(Leg::GATEWAY_ORDERS, &text, &[SECRET]);
    assert_eq!(shown.title, "GET /callback?code=thirty-t…cret&state=1 HTTP/1.1");
}

#[test]
fn a_credential_of_ours_is_found_by_its_look_wherever_it_stands() {
    for kind in Kind::ALL {
        let credential = Credential::mint(kind, &SystemEntropy::default());
        let text = credential.expose();
        let request = format!(
            "GET /a/{text} HTTP/1.1\r\nx-debug: got({text})\r\ncontent-type: application/json\r\n\r\n[\"{text}\",\"{JWT}\"]"
        );
        check_hidden(Leg::GATEWAY_ORDERS, &request, &[text, JWT]);
    }
}

#[test]
fn what_cannot_be_read_for_certain_is_not_shown() {
    let split = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"pas\r\n9\r\nsword\":1}";
    assert!(answer(split).body.starts_with("(application/json, not shown;"));
    let page = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<p>{PASSWORD}");
    assert!(answer(&page).body.starts_with("(text/html, not shown;"));
    let folded = check_hidden(
        Leg::GATEWAY_ORDERS,
        &format!("GET / HTTP/1.1\r\nauthorization: Basic\r\n {SECRET}\r\n\r\n"),
        &[SECRET],
    );
    assert_eq!(folded.head, "authorization: …\n …");
    let torn = check_hidden(Leg::GATEWAY_ORDERS, &format!("{SECRET}\r\n{PASSWORD}"), &[SECRET, PASSWORD]);
    assert_eq!((torn.head.as_str(), torn.body.as_str()), ("", ""));
}

#[test]
fn a_long_body_is_cut_after_it_was_shortened() {
    let filler = "x ".repeat(BODY_CHARS_MAX);
    let shown = answer(&format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[\"{filler}\"]"));
    assert!(shown.body.chars().count() < BODY_CHARS_MAX + 60);
}

#[test]
fn the_page_and_the_feed_are_left_out_and_the_feed_on_demand_is_not() {
    let recorder = Recorder::new(Arc::new(SystemClock::new()));
    let lines = [
        (Leg::CLIENT_GATEWAY, "GET / HTTP/1.1\r\n\r\n"),
        (Leg::CLIENT_GATEWAY, "GET /demo/legs?from=3 HTTP/1.1\r\n\r\n"),
        (Leg::GATEWAY_IDENTITY, "GET /realms/main/feed/head HTTP/1.1\r\n\r\n"),
        (Leg::GATEWAY_IDENTITY, "GET /realms/main/feed?after=1.2 HTTP/1.1\r\n\r\n"),
        (Leg::CLIENT_GATEWAY, "GET /opaque/orders/1 HTTP/1.1\r\n\r\n"),
        (Leg::GATEWAY_IDENTITY, "POST /realms/main/oauth2/token HTTP/1.1\r\n\r\n"),
    ];
    for (leg, text) in lines {
        let connection = recorder.open(leg);
        recorder.passed(connection, Direction::Request, text.as_bytes());
        recorder.passed(connection, Direction::Answer, b"HTTP/1.1 200 OK\r\n\r\n");
    }
    let numbers = |feed| shown(&recorder.since(0), feed).iter().map(|shown| shown.number).collect::<Vec<_>>();
    assert_eq!(numbers(Feed::Hidden), [8, 9, 10, 11]);
    assert_eq!(numbers(Feed::Shown), [4, 5, 6, 7, 8, 9, 10, 11]);
    assert!(shown(&recorder.since(11), Feed::Shown).is_empty(), "an answer without its question says nothing");
}
