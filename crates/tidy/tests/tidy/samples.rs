//! Every check on a small bad sample: it complains at the right line, and leaves the good neighbour alone.

use std::collections::BTreeSet;

use sekisho_tidy::graph::{Built, Member, Need};
use sekisho_tidy::*;

/// Runs one check over files and compares the places it names.
#[track_caller]
fn check(of: fn(&Tree) -> Vec<Complaint>, files: &[(&str, &str)], expected: &[(&str, usize)]) {
    let tree = Tree::sample(files).expect("the sample is Rust");
    let found = of(&tree);
    let places: BTreeSet<(&str, usize)> =
        found.iter().map(|complaint| (complaint.path.as_str(), complaint.line)).collect();
    assert_eq!(places, expected.iter().copied().collect(), "{found:#?}");
}

fn member(package: &str, needs: &[(&str, usize)]) -> Member {
    let needs = needs.iter().map(|&(package, line)| Need { package: package.to_owned(), line }).collect();
    Member { package: package.to_owned(), manifest: format!("{package}/Cargo.toml"), needs }
}

fn builds(lines: &[&str]) -> BTreeSet<Built> {
    lines.iter().filter_map(|line| Built::of(line)).collect()
}

fn lines(complaints: &[Complaint]) -> Vec<String> {
    complaints.iter().map(|complaint| format!("{}:{}", complaint.path, complaint.line)).collect()
}

#[test]
fn a_complaint_says_where_what_and_what_instead() {
    let complaint = Complaint::new("crates/a/src/b.rs", 7, "a bad thing", "a good thing");
    assert_eq!(complaint.to_string(), "crates/a/src/b.rs:7: a bad thing; expected a good thing");
}

#[test]
fn a_room_that_imports_a_room_and_a_crate_without_a_floor_are_reported() {
    let members = vec![
        member("sekisho-identity", &[("sekisho-wire", 3), ("sekisho-store", 9), ("serde", 4)]),
        member("sekisho-store", &[]),
        member("sekisho-wire", &[]),
        member("sekisho-attic", &[]),
    ];
    assert_eq!(lines(&floors::check(&members)), ["sekisho-identity/Cargo.toml:9", "sekisho-attic/Cargo.toml:1"]);
}

#[test]
fn a_heavy_crate_behind_the_wrong_door_is_reported() {
    let members = vec![
        member("sekisho-token", &[("aws-lc-rs", 2), ("tokio", 5)]),
        member("sekisho-store", &[("sqlx", 2), ("ring", 3)]),
    ];
    assert_eq!(lines(&heavy::check(&members)), ["sekisho-token/Cargo.toml:5", "sekisho-store/Cargo.toml:3"]);
}

#[test]
fn a_second_version_a_second_provider_and_a_stale_excuse_are_reported() {
    let mut tests = builds(&["serde v1.0.0 []", "serde v2.0.0 []"]);
    for (name, _) in duplicates::TWICE.iter().skip(1) {
        tests.extend(builds(&[&format!("{name} v1.0.0 []"), &format!("{name} v2.0.0 []")]));
    }
    let demo = builds(&["ring v0.17.0 (proc-macro) [std]"]);
    let found = duplicates::check(&demo, &tests, "name = \"ring\"\nname = \"serde\"\nname = \"base64\"\n");
    assert_eq!(lines(&found), ["Cargo.lock:1", "Cargo.lock:2", "Cargo.lock:3"], "{found:#?}");
}

#[test]
fn a_feature_that_only_tests_switch_on_is_reported() {
    let demo = builds(&["a v1 [std]", "b v1 []"]);
    let found = flavour::check(&demo, &builds(&["a v1 [default,std]", "b v1 []", "c v1 []"]));
    assert_eq!(lines(&found), ["crates/tidy/Cargo.toml:1"]);
    assert_eq!(found[0].found, "the demo builds a v1 with [std], the tests with [\"default,std\"]");
}

#[test]
fn a_framework_outside_its_corner_is_reported() {
    let uses_axum = "//! x\nuse std::fmt;\nuse {axum::Router, std::io};\n";
    check(
        places::check,
        &[
            ("crates/identity/src/flow.rs", uses_axum),
            ("crates/identity/src/http/login.rs", uses_axum),
            ("crates/identity/src/oauth/http.rs", uses_axum),
            ("crates/identity/tests/a.rs", uses_axum),
            ("crates/guard/src/axum.rs", uses_axum),
            ("crates/guard/src/axum/extract.rs", uses_axum),
            ("crates/guard/src/lib.rs", "//! x\npub mod axum;\npub use crate::axum::Layer;\n"),
            ("crates/sekisho/src/demo/orders.rs", uses_axum),
            ("crates/gateway/src/lib.rs", "//! x\nfn f() {\n    run! { let x = axum::Router::new(); }\n}\n"),
            ("crates/sekisho/src/cli.rs", "//! axum::x in a comment\nfn f() -> &'static str { \"axum::Router\" }\n"),
            (
                "crates/wire/src/lib.rs",
                "//! x\n#[derive(sqlx::FromRow)]\nstruct A;\n#[cfg(test)]\nmod t {\n use sqlx::A;\n}\n",
            ),
        ],
        &[("crates/identity/src/flow.rs", 3), ("crates/gateway/src/lib.rs", 3), ("crates/wire/src/lib.rs", 2)],
    );
}

#[test]
fn sql_outside_the_store_is_reported() {
    let query = "//! x\n/// Delete from here.\nconst A: &str = r#\"\n  SELECT a\n  FROM b\"#;\n";
    check(
        sql::check,
        &[
            ("crates/identity/src/a.rs", query),
            ("crates/store/src/a.rs", query),
            ("crates/identity/src/a/tests.rs", query),
            (
                "crates/model/src/a.rs",
                "//! x\nconst A: &str = \"select a route\";\nconst B: &str = \"update x set y\";\n",
            ),
            ("docs/a.sql", ""),
        ],
        &[("crates/identity/src/a.rs", 3), ("crates/model/src/a.rs", 3), ("docs/a.sql", 1)],
    );
}

#[test]
fn a_clock_in_the_cellar_is_reported() {
    check(
        pure::check,
        &[
            ("crates/token/src/a.rs", "//! x\nuse std::{env, fmt};\nfn f() { let t = Instant::now(); }\n"),
            ("crates/token/src/lib.rs", "//! x\n#[cfg(test)]\nmod oracle;\n#[cfg(test)]\nuse std::net::IpAddr;\n"),
            ("crates/token/src/oracle.rs", "//! x\nuse std::time::SystemTime;\n"),
            ("crates/policy/src/a.rs", "//! x\nasync fn f() {\n    tokio::select! {}\n}\n"),
            ("crates/fetch/src/a.rs", "//! x\nuse std::net::IpAddr;\n"),
        ],
        &[("crates/token/src/a.rs", 2), ("crates/token/src/a.rs", 3), ("crates/policy/src/a.rs", 3)],
    );
}

#[test]
fn a_proof_built_elsewhere_or_with_an_open_field_is_reported() {
    let verified = "//! x\npub struct Verified<C> { claims: C }\nfn f() { Verified { claims: 1 }; }\n";
    let permitted = "//! x\n#[derive(Debug, Default)]\npub struct Permitted {\n    pub who: u8,\n}\n";
    check(
        proofs::check,
        &[
            ("crates/token/src/jwt.rs", verified),
            ("crates/gateway/src/permit.rs", permitted),
            (
                "crates/gateway/src/forward.rs",
                "//! x\nfn f(_: Permitted) {}\nfn g() { crate::permit::Permitted { who: 1 }; }\n",
            ),
            (
                "crates/gateway/src/a.rs",
                "//! x\nimpl Permitted {\n    fn new() -> Self {\n        Self { who: 1 }\n    }\n}\n",
            ),
            ("crates/guard/src/a.rs", "//! x\nfn f() { State::Verified { a: 1 }; State::Permitted(2); }\n"),
        ],
        &[
            ("crates/gateway/src/permit.rs", 2),
            ("crates/gateway/src/permit.rs", 4),
            ("crates/gateway/src/forward.rs", 3),
            ("crates/gateway/src/a.rs", 4),
        ],
    );
}

#[test]
fn a_proof_without_its_one_definition_is_reported() {
    check(
        proofs::check,
        &[("crates/token/src/other.rs", "//! x\npub struct Verified;\n")],
        &[("crates/token/src/jwt.rs", 1), ("crates/gateway/src", 1)],
    );
}

#[test]
fn a_second_file_that_joins_the_rooms_is_reported() {
    let all = "//! x\nuse sekisho_gateway::A;\nfn f() { sekisho_store::open(); }\n";
    let some = "//! x\nuse sekisho_store::A;\n";
    let rooms = [("crates/gateway/src/lib.rs", "//! x\n"), ("crates/store/src/lib.rs", "//! x\n")];
    let with = |files: &[(&'static str, &'static str)]| [&rooms, files].concat();
    check(wiring::check, &with(&[(wiring::WIRING, all), ("crates/sekisho/src/user.rs", some)]), &[]);
    check(wiring::check, &with(&[(wiring::WIRING, some)]), &[(wiring::WIRING, 1)]);
    let twice = with(&[(wiring::WIRING, all), ("crates/sekisho/src/demo.rs", all)]);
    check(wiring::check, &twice, &[("crates/sekisho/src/demo.rs", 1)]);
}

#[test]
fn a_silent_file_is_reported() {
    check(
        doc::check,
        &[("a.rs", "fn f() {}\n"), ("b.rs", "//!\nfn f() {}\n"), ("c.rs", "//! What it owns.\n"), ("d.rs", "")],
        &[("a.rs", 1), ("b.rs", 1), ("d.rs", 1)],
    );
}

#[test]
fn long_functions_and_files_are_reported() {
    let body = |name: &str, lines: usize| format!("fn {name}() {{\n{}}}\n", "\n".repeat(lines - 2));
    let short = format!("//! x\n{}", body("f", length::FUNCTION_LINES_MAX));
    let long = format!("//! x\n/// Doc.\n#[inline]\n{}", body("f", length::FUNCTION_LINES_MAX + 1));
    let method = format!("//! x\nimpl A {{\n{}}}\n", body("f", length::FUNCTION_LINES_MAX + 1));
    let tested = format!("//! x\n#[cfg(test)]\nmod t {{\n{}}}\n", body("f", length::FILE_LINES_MAX));
    let file = "//! x\n".repeat(length::FILE_LINES_MAX + 1);
    let files = [("a.rs", &short), ("b.rs", &long), ("c.rs", &method), ("d.rs", &tested), ("e.rs", &file)];
    let files = files.map(|(path, text)| (path, text.as_str()));
    check(length::check, &files, &[("b.rs", 4), ("c.rs", 3), ("e.rs", 1)]);
}

#[test]
fn a_module_called_after_nothing_is_reported() {
    check(
        naming::check,
        &[
            ("crates/a/src/util.rs", "//! x\n"),
            ("crates/a/src/scope/mod.rs", "//! x\n"),
            ("crates/a/tests/common/b.rs", "//! x\n"),
            ("crates/a/src/scope.rs", "//! x\nmod helpers {}\n"),
            ("crates/a/src/utility.rs", "//! x\n"),
        ],
        &[
            ("crates/a/src/util.rs", 1),
            ("crates/a/src/scope/mod.rs", 1),
            ("crates/a/tests/common/b.rs", 1),
            ("crates/a/src/scope.rs", 2),
        ],
    );
}

#[test]
fn an_unsorted_manifest_is_reported() {
    let bad = "[package]\nz = 1\na = 2\n\n[dependencies]\nb.workspace = true\na = { version = \"1\" }\n\n[dev-dependencies]\na = \"1\"\n";
    let ours = "[workspace.dependencies]\nsekisho-token = {}\nsekisho-fetch = {}\n\n# Theirs.\na = \"1\"\n";
    check(manifest::check, &[("crates/a/Cargo.toml", bad), ("Cargo.toml", ours)], &[("crates/a/Cargo.toml", 7)]);
}

#[test]
fn half_done_work_is_reported() {
    check(
        leftovers::check,
        &[
            ("a.md", "fine\nTODO: more\nTODOS\n"),
            ("a.rs", "//! x\nfn f() {\n    g(|| unimplemented!())\n}\n#[test]\n#[ignore = \"slow\"]\nfn t() {}\n"),
            ("b.rs", "//! x\nfn todo() { todo(); }\n#[inline]\nfn ignore() {}\n"),
        ],
        &[("a.md", 2), ("a.rs", 3), ("a.rs", 6)],
    );
}

#[test]
fn a_path_of_a_machine_and_a_mirror_are_reported() {
    check(
        machine::check,
        &[
            ("run", "cd ..\ncd /root/x\n"),
            (
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nsource = \"git+https://x\"\n",
            ),
            (".cargo/config.toml", "[source.crates-io]\nreplace-with = \"mirror\"\n"),
            ("b.rs", "//! x\nconst A: &str = \"/workshop\";\n"),
        ],
        &[("run", 2), ("Cargo.lock", 2), (".cargo/config.toml", 2)],
    );
}
