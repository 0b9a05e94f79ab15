//! Names that people recognise.

use super::*;
use crate::language::Language;

#[track_caller]
fn check(user_agent: &str, expected: &str) {
    assert_eq!(called(Some(user_agent), Words::of(Language::English)), expected);
}

#[test]
fn browsers_are_told_apart_although_all_claim_to_be_each_other() {
    let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
    check("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux");
    check(&format!("Mozilla/5.0 (Windows NT 10.0) {webkit} Chrome/140.0 Safari/537.36"), "Chrome on Windows");
    check(&format!("Mozilla/5.0 (Windows NT 10.0) {webkit} Chrome/140.0 Safari/537.36 Edg/140.0"), "Edge on Windows");
    check(&format!("Mozilla/5.0 (Linux; Android 14) {webkit} Chrome/140.0 Mobile Safari/537.36"), "Chrome on Android");
    check("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone");
    check("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari on macOS");
}

#[test]
fn what_is_no_browser_is_called_what_it_calls_itself() {
    check("curl/8.14.1", "curl/8.14.1");
    check("  ", "Unknown device");
    check(&"x".repeat(300), &"x".repeat(60));
    assert_eq!(called(None, Words::of(Language::Japanese)), "不明な端末");
}
