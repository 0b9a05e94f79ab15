//! Files and the houses they are applied to.

use std::path::Path;
use std::sync::Arc;

use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_identity::admin::Person;
use sekisho_identity::{Admin, Settings};
use sekisho_token::seal::SealingKey;
use sekisho_token::{Secret, SystemEntropy};
use tokio::runtime::Handle;

use super::export::{DOCUMENT, export};
use super::plan::{STOPPED, carry, compare};
use super::*;
use crate::admin::{NotDone, Outcome};
use crate::wiring::{House, IdentityPlan, Keep, Surroundings, Switches};

const FILE: &str = "
realms:
  main:
    users:
      alice: { scopes: orders:read, display_name: Alice, password: { env: ALICE } }
      bob: {}
    clients:
      web:
        auth: client_secret_basic
        grants: [authorization_code, refresh_token]
        redirect_uris: ['https://app.example/callback']
        scopes: openid orders:read
        audiences: [orders]
      app: { auth: none, grants: [authorization_code], audiences: [orders] }
  branch:
    users:
      carol: { disabled: true, password: { env: CAROL } }
";

async fn house() -> House {
    let surroundings = Surroundings {
        clock: Arc::new(TestClock::new()),
        entropy: Arc::new(SystemEntropy::default()),
        audit: Arc::new(TestAudit::default()),
        handle: Handle::current(),
        switches: Switches::joined(),
    };
    let mut house = House::within(surroundings);
    let (settings, seal) = (Settings::at("http://localhost:7000"), SealingKey::from_bytes([7; 32]));
    house.open_identity(IdentityPlan { keep: Keep::Memory, settings, seal }).await.unwrap();
    house
}

fn admin(house: &House) -> Admin {
    house.identity().unwrap().admin()
}

fn variable(name: &str) -> Option<String> {
    (name != "MISSING").then(|| format!("the password of {}", name.to_lowercase()))
}

fn read(text: &str) -> Declared {
    file::parse(text, Path::new("house.yaml"), &variable).unwrap_or_else(|error| panic!("{error}"))
}

async fn differences(admin: &Admin, text: &str, rest: Rest) -> Vec<String> {
    lines(&compare(admin, &read(text), rest).await.unwrap())
}

/// `verb kind name` of each step.
fn lines(outcome: &Outcome) -> Vec<String> {
    let line = |row: &Vec<(String, String)>| {
        let (_, verb) = row.iter().find(|(name, _)| name == "do").unwrap();
        let kind = ["user", "client", "realm"].iter().find_map(|kind| row.iter().find(|(name, _)| name == kind));
        let (kind, name) = kind.unwrap();
        format!("{verb} {kind} {name}")
    };
    outcome.rows.iter().map(line).collect()
}

async fn apply(admin: &Admin, text: &str, rest: Rest) -> Outcome {
    let wanted = read(text);
    let seen = compare(admin, &wanted, rest).await.unwrap();
    carry(admin, &wanted, rest, &seen).await.unwrap()
}

async fn exported(admin: &Admin, hashes: Hashes) -> String {
    let outcome = export(admin, Vec::new(), hashes).await.unwrap();
    outcome.rows[0].iter().find(|(name, _)| name == DOCUMENT).unwrap().1.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_is_shown_then_made_and_the_second_time_there_is_nothing_to_do() {
    let house = house().await;
    let admin = admin(&house);
    let expected = [
        "make realm branch",
        "make user carol",
        "disable user carol",
        "make client app",
        "make client web",
        "make user alice",
        "make user bob",
    ];
    assert_eq!(differences(&admin, FILE, Rest::Stays).await, expected);
    assert!(admin.realms().await.unwrap().iter().all(|realm| realm.as_str() != "branch"), "looking changes nothing");
    let told = apply(&admin, FILE, Rest::Stays).await;
    let shown: Vec<&str> = told.rows.iter().map(|row| row[1].1.as_str()).collect();
    assert_eq!(shown, ["web", "bob"], "what was made up is told once: {told}");
    assert!(differences(&admin, FILE, Rest::Stays).await.is_empty());
    assert!(differences(&admin, FILE, Rest::Goes).await.is_empty());

    let main = "main".parse().unwrap();
    let alice = admin.user(&main, &"alice".parse().unwrap()).await.unwrap();
    assert!(admin.has_password(&alice, &"the password of alice".into()).await.unwrap());
    let web = admin.client(&main, &"web".parse().unwrap()).await.unwrap();
    assert!(web.has_secret(&sekisho_token::Digest::of(told.rows[0][2].1.as_bytes())));
    let carol = admin.user(&"branch".parse().unwrap(), &"carol".parse().unwrap()).await.unwrap();
    assert!(carol.disabled_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_difference_is_told_with_what_was_and_what_becomes_and_only_what_is_said_is_changed() {
    let house = house().await;
    let admin = admin(&house);
    apply(&admin, FILE, Rest::Stays).await;
    let main = "main".parse().unwrap();
    admin.disable_user(&main, &"bob".parse().unwrap()).await.unwrap();
    let changed = FILE
        .replace("scopes: orders:read,", "scopes: orders:read orders:write,")
        .replace("display_name: Alice, password: { env: ALICE }", "password: { env: OTHER }")
        .replace("audiences: [orders]\n      app", "audiences: [orders, stock]\n      app");
    let wanted = read(&changed);
    let seen = compare(&admin, &wanted, Rest::Stays).await.unwrap();
    let text = seen.to_string();
    assert!(text.contains("scopes: orders:read -> orders:read orders:write"), "{text}");
    assert!(text.contains("display_name: Alice -> (nothing)"), "{text}");
    assert!(text.contains("audiences: orders -> orders stock"), "{text}");
    assert!(text.contains("password: set; all sessions end") && !text.contains("the password of"), "{text}");
    assert_eq!(lines(&seen), ["change client web", "change user alice", "change user alice"]);
    carry(&admin, &wanted, Rest::Stays, &seen).await.unwrap();
    let bob = admin.user(&main, &"bob".parse().unwrap()).await.unwrap();
    assert!(bob.disabled_at.is_some(), "nothing was said of that");
    assert!(differences(&admin, &changed, Rest::Stays).await.is_empty());
    let enabled = "realms: { main: { users: { bob: { disabled: false } } } }";
    assert_eq!(differences(&admin, enabled, Rest::Stays).await, ["enable user bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_goes_only_where_asked_and_never_what_the_house_keeps_for_itself() {
    let house = house().await;
    let admin = admin(&house);
    apply(&admin, FILE, Rest::Stays).await;
    let less = "realms: { main: { users: { alice: { scopes: orders:read, display_name: Alice } } }, sekisho: {} }";
    assert!(differences(&admin, less, Rest::Stays).await.is_empty());
    let gone = ["remove client app", "remove client web", "remove user bob"];
    assert_eq!(differences(&admin, less, Rest::Goes).await, gone, "other realms are not declared");
    apply(&admin, less, Rest::Goes).await;
    assert!(differences(&admin, less, Rest::Goes).await.is_empty());
    assert!(admin.client(&"sekisho".parse().unwrap(), &"command-line".parse().unwrap()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_applied_to_its_own_house_changes_nothing_and_makes_another_house_the_same() {
    let (first, second) = (house().await, house().await);
    let (one, two) = (admin(&first), admin(&second));
    apply(&one, FILE, Rest::Stays).await;
    for hashes in [Hashes::Without, Hashes::With] {
        let text = exported(&one, hashes).await;
        assert!(differences(&one, &text, Rest::Goes).await.is_empty(), "{text}");
        assert_eq!(text.contains("$argon2id$"), hashes == Hashes::With, "{text}");
        assert_eq!(text.contains("hash:"), hashes == Hashes::With, "{text}");
    }
    let text = exported(&one, Hashes::With).await;
    let told = apply(&two, &text, Rest::Goes).await;
    assert!(told.rows.is_empty(), "nothing had to be made up: {told}");
    assert_eq!(exported(&two, Hashes::With).await, text);
    let alice = two.user(&"main".parse().unwrap(), &"alice".parse().unwrap()).await.unwrap();
    assert!(two.has_password(&alice, &"the password of alice".into()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_yaml_reads_as_something_else_survive_an_export() {
    let house = house().await;
    let admin = admin(&house);
    for (name, display_name) in
        [("null", "yes"), ("~", "~"), ("12", "1.0"), ("- a: b", "#"), ("o'b \"x\"", "# no: 'comment'")]
    {
        let person = Person {
            name: name.parse().unwrap(),
            password: Secret::from("long enough"),
            scopes: Scopes::default(),
            display_name: Some(display_name.to_owned()),
            email: Some("~@example.org".to_owned()),
        };
        admin.create_user(&"main".parse().unwrap(), person).await.unwrap();
    }
    let text = exported(&admin, Hashes::Without).await;
    assert!(differences(&admin, &text, Rest::Goes).await.is_empty(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_when_somebody_else_was_faster_or_when_a_step_is_known_to_fail() {
    let house = house().await;
    let admin = admin(&house);
    let wanted = read(FILE);
    let seen = compare(&admin, &wanted, Rest::Stays).await.unwrap();
    admin.create_realm(&"branch".parse().unwrap()).await.unwrap();
    let NotDone(words) = carry(&admin, &wanted, Rest::Stays, &seen).await.unwrap_err();
    assert!(words.contains("somebody else changed something meanwhile"), "{words}");
    assert!(admin.user(&"main".parse().unwrap(), &"alice".parse().unwrap()).await.is_err());

    let short = |name: &str| (name == "P").then(|| "short".to_owned());
    let wanted = "realms: { main: { users: { dave: { password: { env: P } }, eve: {} } } }";
    let wanted = file::parse(wanted, Path::new("house.yaml"), &short).unwrap();
    let NotDone(words) = compare(&admin, &wanted, Rest::Stays).await.unwrap_err();
    assert!(words.contains("realm `main`, user `dave`: a password has at least 8 characters"), "{words}");

    let house = "realms: { sekisho: { clients: { command-line: { auth: none, grants: [], audiences: [a] } } } }";
    let NotDone(words) = compare(&admin, &read(house), Rest::Stays).await.unwrap_err();
    assert!(words.contains("belongs to the house itself"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_the_file_refers_to_is_added_once() {
    let house = house().await;
    let admin = admin(&house);
    let (main, web) = ("main".parse().unwrap(), "web".parse().unwrap());
    let told = apply(&admin, FILE, Rest::Stays).await;
    let secret = told.rows[0][2].1.clone();
    let rotate = async || {
        let was = admin.client(&main, &web).await.unwrap();
        admin.rotate_client_secret(&main, was).await.unwrap()
    };
    let other = rotate().await;
    rotate().await;
    let known = |name: &str| match name {
        "WEB" => Some(secret.clone()),
        "OTHER" => Some(other.expose().clone()),
        _ => variable(name),
    };
    let with = |name: &str| {
        let text = FILE
            .replace("        scopes: openid", &format!("        secret: {{ env: {name} }}\n        scopes: openid"));
        file::parse(&text, Path::new("house.yaml"), &known).unwrap()
    };
    assert!(compare(&admin, &with("OTHER"), Rest::Stays).await.unwrap().rows.is_empty(), "the one before counts too");
    let seen = compare(&admin, &with("WEB"), Rest::Stays).await.unwrap();
    assert_eq!(lines(&seen), ["change client web"]);
    let told = carry(&admin, &with("WEB"), Rest::Stays, &seen).await.unwrap();
    assert!(told.rows.iter().flatten().all(|(name, _)| name != STOPPED), "{told}");
    assert!(compare(&admin, &with("WEB"), Rest::Stays).await.unwrap().rows.is_empty());
}

/// A `^` marks the place of the mistake.
#[track_caller]
fn check(marked: &str, expected: &str) {
    let at = marked.find('^').unwrap();
    let (line, column) =
        (marked[..at].matches('\n').count() + 1, at - marked[..at].rfind('\n').map_or(0, |end| end + 1) + 1);
    let error = file::parse(&marked.replace('^', ""), Path::new("house.yaml"), &variable).unwrap_err().to_string();
    let place = format!("house.yaml:{line}:{column}: ");
    assert!(error.contains(&place), "expected {place} in\n{error}");
    assert!(error.contains(expected), "expected `{expected}` in\n{error}");
}

#[test]
fn mistakes_are_told_with_their_place_and_what_was_expected() {
    check("realms:\n  main: { ^user: {} }", "`user` is not a key here: expected one of users, clients");
    check("realms:\n  ^Main: {}", "lower-case");
    check("realms:\n  main:\n    users: { ' x': ^{} }", "no space at the ends");
    check("realms: { main: { users: { Alice: {}, alice: ^{} } } }", "is there twice");
    check("realms: { main: { users: { a: ^{ display_name: \"A\\0\" } } } }", "`a`: not a full name: expected 1 to 200");
    check(
        "realms: { main: { users: { a: ^{ email: nowhere } } } }",
        "`a`: not a mail address: expected at most 254 bytes",
    );
    check("realms: { main: { users: { a: { password: ^{} } } } }", "expected exactly one of `env`, `file` and `hash`");
    check("realms: { main: { users: { a: { password: ^{ env: MISSING } } } } }", "no variable `MISSING`");
    check("realms: { main: { users: { a: { password: ^{ file: /no/such } } } } }", "cannot read `/no/such`");
    check("realms: { main: { users: { a: { password: ^{ hash: md5 } } } } }", "$argon2id$");
    check("realms: { main: { clients: { c: { auth: ^basic, grants: [], audiences: [a] } } } }", "client_secret_basic");
    check("realms: { main: { clients: { c: ^{ auth: none, grants: [], audiences: [] } } } }", "at least one audience");
    let client =
        |rest: &str| format!("realms: {{ main: {{ clients: {{ c: {{ audiences: [a], grants: [], {rest} }} }} }} }}");
    check(&client("auth: none, secret: ^{ env: S }"), "a public client has no secret");
    check(&client("auth: client_secret_post, secret: ^{ env: S }"), "expected one that was handed out by Sekisho");
    check(&client("auth: client_secret_post, secret: ^{ hash: abc }"), "64 hexadecimal digits");
}

#[test]
fn a_schema_of_the_file_is_there_for_editors() {
    let schema = schema();
    assert!(schema["$defs"]["Client"]["properties"]["redirect_uris"]["description"].is_string(), "{schema:#}");
}
