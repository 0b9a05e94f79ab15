//! Which language somebody is spoken to in.

use super::*;

#[track_caller]
fn check(ui_locales: &str, accept_language: &str, expected: Language) {
    let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    let (ui_locales, accept_language) = (ui_locales.to_owned().leak(), accept_language.to_owned().leak());
    let found = Language::of(given(ui_locales), given(accept_language));
    assert_eq!(found, expected, "{ui_locales:?}, {accept_language:?}");
}

#[test]
fn the_clients_word_goes_before_the_browsers() {
    check("", "", Language::English);
    check("ja", "en", Language::Japanese);
    check("ja-JP en", "en", Language::Japanese);
    check("en ja", "ja", Language::English);
    check("fr-CA ja en", "en", Language::Japanese);
    check("fr", "ja", Language::Japanese);
}

#[test]
fn the_browsers_weights_are_obeyed() {
    check("", "ja,en-US;q=0.9,en;q=0.8", Language::Japanese);
    check("", "en-US;q=0.7, JA-jp;q=0.9", Language::Japanese);
    check("", "ja;q=0.5,en;q=0.5", Language::Japanese);
    check("", "ja;q=0,en;q=0.1", Language::English);
    check("", "fr, de;q=0.9, ja;q=0.001", Language::Japanese);
    check("", "ja;q=0", Language::English);
    check("", "*, ja;q=0.5", Language::Japanese);
}

#[test]
fn what_is_not_a_weight_is_passed_over() {
    check("", "ja;q=1.1, en;q=0.1", Language::English);
    check("", "ja;q=0.1234, en;q=0.1", Language::English);
    check("", "ja;q=x, en", Language::English);
    check("", ";;;,,,=", Language::English);
    check("", "jabberwocky", Language::English);
}
