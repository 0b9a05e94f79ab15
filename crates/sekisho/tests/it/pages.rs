//! The pages as a person meets them: in their language, their own account on one page, OPQ-7 by their own hand.

use std::time::Duration;

use base64::Engine as _;
use sekisho_identity::{Logo, RealmSettings, Theme};
use sekisho_token::{Digest, Timestamp};

use crate::client::Answer;
use crate::oauth::{Browser, PublicFlow, refresh};
use crate::rig::Rig;

const ACCOUNT: &str = "/realms/main/account";
const PASSWORD: &str = "/realms/main/account/password";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1";
const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 8 8\"><script>alert(1)</script></svg>";

/// The realm `shop` of every rig: one with a theme.
pub(crate) fn dressed() -> RealmSettings {
    let theme = Theme {
        accent: Some("#0b57d0".parse().unwrap()),
        logo: Some(Logo::new(LOGO.as_bytes().to_vec()).unwrap()),
        name: Some("関所商店".parse().unwrap()),
    };
    RealmSettings { theme, ..RealmSettings::default() }
}

fn authorize(more: &str) -> String {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    format!(
        "/realms/main/oauth2/authorize?response_type=code&client_id=public&redirect_uri=http://127.0.0.1/callback\
         &scope=openid%20orders:read&code_challenge={challenge}&code_challenge_method=S256{more}"
    )
}

#[track_caller]
fn speaks(answer: &Answer, tag: &str, heading: &str) {
    let text = answer.text();
    assert!(text.contains(&format!("<html lang=\"{tag}\">")) && text.contains(heading), "{tag}, {heading}: {text}");
    assert_eq!(answer.header("content-language"), Some(tag));
}

/// What the buttons of this name would send.
fn values<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("name=\"{name}\" value=\"");
    page.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The fields of the form for a new password.
const fn filled_in<'a>(current: &'a str, new: &'a str, again: &'a str) -> [(&'static str, &'a str); 3] {
    [("current", current), ("new", new), ("again", again)]
}

async fn at_the_account<'a>(rig: &'a Rig, agent: &'static str) -> (Browser<'a>, Answer) {
    let mut browser = Browser::of(rig).saying("user-agent", agent);
    let page = browser.go(ACCOUNT).await;
    let account = browser.sign_in(&page, "alice").await;
    (browser, account)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_word_on_the_language_goes_before_the_browsers_and_holds_through_the_whole_sign_in() {
    let rig = Rig::start().await;
    let mut nobody_said = Browser::of(&rig);
    speaks(&nobody_said.go(&authorize("")).await, "en", "<h1>Sign in</h1>");
    let mut browser = Browser::of(&rig).saying("accept-language", "fr, ja;q=0.9, en;q=0.8");
    speaks(&browser.go(&authorize("")).await, "ja", "<h1>サインイン</h1>");
    speaks(&browser.go(&authorize("&ui_locales=en")).await, "en", "<h1>Sign in</h1>");
    speaks(&browser.go(&authorize("&redirect_uri=x")).await, "ja", "戻り先");

    let mut browser = Browser::of(&rig).saying("accept-language", "en");
    let page = browser.go(&authorize("&ui_locales=fr-CA%20ja-JP&prompt=consent")).await;
    speaks(&page, "ja", "「Rig」を利用するには");
    let wrong = browser.submit(&page, &[("username", "alice"), ("password", "wrong")]).await;
    assert_eq!(wrong.code(), 401);
    speaks(&wrong, "ja", "正しくありません");
    let consent = browser.sign_in(&wrong, "alice").await;
    speaks(&consent, "ja", "許可しますか");
    let switched = consent.text();
    let link = switched.split("<footer><a href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let english = browser.go(&rig.identity_path(&link)).await;
    speaks(&english, "en", "Allow Rig?");
    let back = browser.submit(&english, &[]).await;
    assert!(back.header("location").unwrap().contains("code="), "{back:?}");
    let document = rig.identity.get("/realms/main/.well-known/openid-configuration").send().await.json();
    assert_eq!(document["ui_locales_supported"], serde_json::json!(["en", "ja"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_the_title_and_tied_to_the_fields() {
    let rig = Rig::start().await;
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize("")).await;
    let text = page.text();
    assert!(text.contains("<title>Sign in – Sekisho</title>") && !text.contains("aria-invalid="), "{text}");
    let wrong = browser.submit(&page, &[("username", "<b>alice"), ("password", "wrong")]).await.text();
    assert!(wrong.contains("<title>Error: Sign in – Sekisho</title>"), "{wrong}");
    assert!(wrong.contains("id=\"wrong\" role=\"alert\""), "{wrong}");
    assert_eq!(wrong.matches("aria-invalid=\"true\" aria-describedby=\"wrong\"").count(), 2, "{wrong}");
    assert!(wrong.contains("value=\"&#60;b&#62;alice\"") && !wrong.contains("<b>alice"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn her_account_lists_each_device_with_its_time_and_ends_the_one_she_points_at() {
    let rig = Rig::start().await;
    let (mut phone, _) = at_the_account(&rig, IPHONE).await;
    rig.advance(Duration::from_secs(3600)).await;
    let through_the_gateway = rig.login("alice").await;
    let (mut desk, account) = at_the_account(&rig, FIREFOX).await;
    speaks(&account, "en", "<h1>Your account</h1>");
    let text = account.text();
    for shown in ["Firefox on Linux", "This browser", "Safari on iPhone", "127.0.0.1", "Through"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    for at in [rig.now(), rig.now() - 3600] {
        assert!(text.contains(&format!("<time datetime=\"{}\">", Timestamp(at).civil())), "{at}: {text}");
    }
    let others = values(&text, "end");
    assert_eq!(others.len(), 2, "not the one she looks from: {text}");
    // Newest first: the gateway's, then the phone.
    let after = desk.submit(&account, &[("end", others[1])]).await;
    assert_eq!(after.code(), 200);
    assert!(after.text().contains("The sign-in was ended.") && !after.text().contains("iPhone"), "{}", after.text());
    assert!(phone.go(ACCOUNT).await.text().contains("to see your account"), "the phone has to sign in again");
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&through_the_gateway).send().await.code(), 200);

    let after = desk.submit(&after, &[("end_others", "yes")]).await;
    assert!(values(&after.text(), "end").is_empty(), "{}", after.text());
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&through_the_gateway).send().await.code(), 401);
    let out = desk.submit(&after, &[("sign_out", "yes")]).await;
    assert!(out.text().contains("You are signed out."), "{}", out.text());
    assert!(desk.go(ACCOUNT).await.text().contains("to see your account"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_more_than_a_page_shows_says_so() {
    let rig = Rig::start().await;
    let (mut desk, _) = at_the_account(&rig, FIREFOX).await;
    let most = sekisho_model::session::LIVING_MAX;
    rig.repeat_the_sign_in(0..most - 2).await;
    let page = desk.go(ACCOUNT).await.text();
    assert_eq!(values(&page, "end").len() + 1, (most - 1) as usize);
    assert!(!page.contains("latest sign-ins"), "all of them are there");
    rig.repeat_the_sign_in(most..most + 7).await;
    let page = desk.go(ACCOUNT).await.text();
    assert_eq!(values(&page, "end").len() + 1, most as usize);
    assert!(page.contains("Only the 1000 latest sign-ins and permissions are shown here."), "{page}");
    assert!(desk.go(&format!("{ACCOUNT}?ui_locales=ja")).await.text().contains("1000件までを表示しています"));
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_7_her_password_change_ends_the_other_sessions_and_the_list_empties() {
    let rig = Rig::start().await;
    let devices = [rig.login("alice").await, rig.login("alice").await];
    let bob = rig.login("bob").await;
    let (mut phone, _) = at_the_account(&rig, IPHONE).await;
    let (mut desk, account) = at_the_account(&rig, FIREFOX).await;
    assert_eq!(values(&account.text(), "end").len(), 3);
    let form = desk.go(PASSWORD).await;
    let old = rig.user("alice").password;
    let (old, new) = (old.as_str(), "another horse altogether");
    for (fields, code, says) in [
        (filled_in(old, new, "something else"), 400, "differ"),
        (filled_in(old, "short", "short"), 400, "at least 8 characters"),
        (filled_in(old, old, old), 400, "is the current one"),
        (filled_in("wrong", new, new), 401, "current password is wrong"),
    ] {
        let refused = desk.submit(&form, &fields).await;
        assert_eq!(refused.code(), code, "{}", refused.text());
        let text = refused.text();
        assert!(text.contains(says) && text.contains("<title>Error: Change password"), "{text}");
        assert!(text.contains("aria-invalid=\"true\""), "{text}");
    }
    let changed = desk.submit(&form, &filled_in(old, new, new)).await;
    assert!(changed.text().contains("Your password was changed"), "{}", changed.text());
    assert!(values(&changed.text(), "end").is_empty(), "the list is empty but for this one: {}", changed.text());
    for token in &devices {
        assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(token).send().await.code(), 401);
    }
    assert!(phone.go(ACCOUNT).await.text().contains("to see your account"));
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&bob).send().await.code(), 200);
    assert_eq!(rig.login_with("alice", old).await.code(), 401);
    assert_eq!(rig.login_with("alice", new).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_old_password_at_the_form_is_throttled_with_the_sign_ins() {
    let rig = Rig::start().await;
    let (mut browser, _) = at_the_account(&rig, FIREFOX).await;
    let form = browser.go(PASSWORD).await;
    let fields = [("current", "guess"), ("new", "another horse altogether"), ("again", "another horse altogether")];
    let mut codes = Vec::new();
    for _ in 0..10 {
        let answer = browser.submit(&form, &fields).await;
        codes.push((answer.code(), answer.header("retry-after").is_some()));
    }
    assert_eq!((codes[0], codes[9]), ((401, false), (429, true)), "{codes:?}");
    assert_eq!(rig.login_with("alice", &rig.user("alice").password).await.code(), 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_of_eleven_minutes_ago_changes_no_password_until_it_is_shown_again() {
    let rig = Rig::start().await;
    let (mut browser, _) = at_the_account(&rig, FIREFOX).await;
    let form = browser.go(PASSWORD).await;
    assert!(form.text().contains("Current password"));
    rig.advance(Duration::from_secs(11 * 60)).await;
    let old = rig.user("alice").password;
    let fields =
        [("current", old.as_str()), ("new", "another horse altogether"), ("again", "another horse altogether")];
    let stale = browser.submit(&form, &fields).await;
    assert!(stale.text().contains("again, to change your password"), "{}", stale.text());
    assert_eq!(rig.login_with("alice", &old).await.code(), 200, "nothing was changed");
    let form = browser.sign_in(&stale, "alice").await;
    assert!(form.text().contains("Current password"), "back at the form: {}", form.text());
    assert!(browser.go(ACCOUNT).await.text().contains("Your account"), "the rest asks for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_listed_with_what_it_may_and_taken_back_with_everything_it_has() {
    let rig = Rig::start().await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let (access, again) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let bobs = PublicFlow::sign_in(&rig, "bob").await.redeem(&rig).await.json();
    let (mut browser, account) = at_the_account(&rig, FIREFOX).await;
    let text = account.text();
    assert_eq!(values(&text, "revoke"), ["public"], "{text}");
    assert!(text.contains("orders:read") && text.contains("to know who you are"), "{text}");
    let after = browser.submit(&account, &[("revoke", "public")]).await;
    assert!(after.text().contains("No application has access"), "{}", after.text());
    assert_eq!(refresh(&rig, again).await.json()["error"], "invalid_grant");
    assert_eq!(rig.introspect(access).await["active"], false);
    assert_eq!(rig.introspect(bobs["access_token"].as_str().unwrap()).await["active"], true, "bob's stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buttons_work_from_our_own_page_in_her_own_browser_on_her_own_things_alone() {
    let rig = Rig::start().await;
    let (mut browser, account) = at_the_account(&rig, FIREFOX).await;
    let (_, elsewhere) = at_the_account(&rig, IPHONE).await;
    let token = values(&elsewhere.text(), "token")[0].to_owned();
    let (mut foreign, _) = at_the_account(&rig, FIREFOX).await;
    let swapped = account.text().replace(values(&account.text(), "token")[0], &token);
    let swapped = Answer { body: swapped.into(), ..account.clone() };
    assert_eq!(foreign.submit(&swapped, &[("sign_out", "yes")]).await.code(), 403, "another browser's token");
    assert_eq!(rig.identity.post(ACCOUNT).form(&[("sign_out", "yes")]).send().await.code(), 403, "no token");
    let mut cross = browser_with_the_cookies_of(&rig).await;
    let page = cross.go(ACCOUNT).await;
    assert_eq!(cross.submit(&page, &[("sign_out", "yes")]).await.code(), 403, "from another site");

    let bobs = rig.login("bob").await;
    let listed = rig.admin().sessions(&crate::rig::realm(), &"bob".parse().unwrap()).await.unwrap();
    let after = browser.submit(&account, &[("end", &listed[0].id.to_string())]).await;
    assert_eq!(after.code(), 200);
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&bobs).send().await.code(), 200, "bob's is not hers to end");
    let nothing = browser.submit(&account, &[("unknown", "button")]).await;
    assert_eq!(nothing.code(), 400);
    let lie = browser.go(&format!("{ACCOUNT}?did=password_changed&token=x")).await;
    assert!(!lie.text().contains("was changed"), "a link cannot make the page lie: {}", lie.text());
}

/// One whose every form says that another site sent it.
async fn browser_with_the_cookies_of(rig: &Rig) -> Browser<'_> {
    let mut browser = Browser::of(rig);
    let page = browser.go(ACCOUNT).await;
    browser.sign_in(&page, "alice").await;
    browser.saying("sec-fetch-site", "cross-site")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_themed_realm_wears_its_colour_and_logo_under_a_policy_that_allows_no_more() {
    let rig = Rig::start().await;
    let page = Browser::of(&rig).go("/realms/shop/account").await;
    let text = page.text();
    assert!(text.contains("--accent: #0b57d0") && text.contains("<title>Sign in – 関所商店</title>"), "{text}");
    let style = text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(Digest::of(style.as_bytes()).0);
    let policy = page.header("content-security-policy").unwrap();
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    );
    let src = text.split("<img src=\"").nth(1).unwrap().split('"').next().unwrap();
    let logo = rig.identity.get(src).send().await;
    assert_eq!((logo.code(), logo.text().as_str()), (200, LOGO));
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
    assert_eq!(logo.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert!(logo.header("content-security-policy").unwrap().ends_with("sandbox"), "an SVG runs nothing");
    assert_eq!(logo.header("x-content-type-options"), Some("nosniff"));
    let other = rig.identity.get("/realms/shop/logo?v=0").send().await;
    assert_eq!(other.header("cache-control"), Some("no-cache"));
    assert_eq!(rig.identity.get("/realms/main/logo").send().await.code(), 404);
}
