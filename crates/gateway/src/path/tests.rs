//! Hostile paths by hand, and the properties of the form by chance.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(raw: &str, expected: Result<&str, Ambiguous>) {
    assert_eq!(canonical(raw).as_deref(), expected.as_ref().map(|path| *path), "{raw}");
}

#[test]
fn plain_paths_stay_as_they_are_and_cost_no_memory() {
    for path in ["/", "/orders/1", "/a-b_c~d/e.f", "/a;v=1/b", "/@me:x/!$&'()*+,=", "/a.b/c..d", "/%E6%97%A5"] {
        check(path, Ok(path));
        assert!(matches!(canonical(path), Ok(Cow::Borrowed(_))), "{path}");
    }
}

#[test]
fn unreserved_escapes_are_decoded_others_get_upper_case_and_slashes_merge() {
    check("/%61dmin", Ok("/admin"));
    check("/a%2dx%7e", Ok("/a-x~"));
    check("/a%40b%3d", Ok("/a%40b%3D"));
    check("//a///b//", Ok("/a/b/"));
    check("/%e6%97%a5", Ok("/%E6%97%A5"));
    check("/a%20b", Ok("/a%20b"));
    check("/a|b{c}", Ok("/a%7Cb%7Bc%7D"));
    check("/a%2541", Ok("/a%2541"));
    check("/.well-known/x", Ok("/.well-known/x"));
    check("/a/...", Ok("/a/..."));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for (raw, why) in [
        ("", Ambiguous::NotAPath),
        ("orders", Ambiguous::NotAPath),
        ("*", Ambiguous::NotAPath),
        ("/a b", Ambiguous::NotAPath),
        ("/a#b", Ambiguous::NotAPath),
        ("/a?b", Ambiguous::NotAPath),
        ("/日", Ambiguous::NotAPath),
        ("/a/../admin", Ambiguous::DotSegment),
        ("/a/..", Ambiguous::DotSegment),
        ("/./admin", Ambiguous::DotSegment),
        ("/admin/.", Ambiguous::DotSegment),
        ("/a/%2e%2e/admin", Ambiguous::DotSegment),
        ("/a/.%2E/admin", Ambiguous::DotSegment),
        ("/..;foo=bar/x", Ambiguous::DotSegment),
        ("/a/.;/x", Ambiguous::DotSegment),
        ("/a/..%3bx/y", Ambiguous::DotSegment),
        ("/a%2fb", Ambiguous::Separator),
        ("/..%2Fadmin", Ambiguous::Separator),
        ("/a%5cb", Ambiguous::Separator),
        ("/a\\b", Ambiguous::Separator),
        ("/%252e%252e/x", Ambiguous::Twice),
        ("/%252f", Ambiguous::Twice),
        ("/%25252f", Ambiguous::Twice),
        ("/a%", Ambiguous::Escape),
        ("/a%4", Ambiguous::Escape),
        ("/a%zz", Ambiguous::Escape),
        ("/a%+1", Ambiguous::Escape),
        ("/%00", Ambiguous::Control),
        ("/%0d%0aX", Ambiguous::Control),
        ("/%7f", Ambiguous::Control),
        ("/%c0%af", Ambiguous::Encoding),
        ("/%c0%ae%c0%ae/x", Ambiguous::Encoding),
        ("/%ff", Ambiguous::Encoding),
    ] {
        let refused = canonical(raw).expect_err(raw);
        // A fragment or query never reaches this file; that they are escaped or refused is all that matters.
        assert!(refused == why, "{raw}: {refused:?} instead of {why:?}");
    }
}

#[test]
fn a_careless_reader_drops_parameters_and_decodes() {
    for (segment, taken_for) in
        [("admin;x=1", "admin"), ("admin%3Bx", "admin"), (";", ""), ("%40me", "@me"), ("plain", "plain")]
    {
        assert_eq!(loose(segment), taken_for);
    }
}

fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just("//".to_owned()),
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just("%2e".to_owned()),
        Just("%25".to_owned()),
        Just(";".to_owned()),
        Just("%3b".to_owned()),
        Just("%2f".to_owned()),
        Just("\\".to_owned()),
        "[!-~]{1,4}",
        "%[0-9a-fA-F]{2}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn the_form_of_a_form_is_itself(raw in paths()) {
        if let Ok(path) = canonical(&raw) {
            prop_assert_eq!(canonical(&path), Ok(Cow::Borrowed(&*path)));
        }
    }

    #[test]
    fn no_form_holds_a_dot_segment_a_double_slash_or_a_separator_however_often_it_is_decoded(raw in paths()) {
        if let Ok(path) = canonical(&raw) {
            prop_assert!(path.starts_with('/'));
            let mut decoded = path.into_owned();
            prop_assert!(!decoded.contains("//"));
            for _ in 0..3 {
                let dots = decoded.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")));
                prop_assert!(!dots, "{}", decoded);
                prop_assert!(!decoded.contains(['\\', '\0', '\r', '\n']));
                decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
            }
        }
    }

    #[test]
    fn nothing_is_lost_but_repeated_slashes(raw in "(/[a-z0-9%;=@.-]{1,6}){1,4}") {
        if let Ok(path) = canonical(&raw) {
            let decode = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
            prop_assert_eq!(decode(&path), decode(&raw));
        }
    }
}
