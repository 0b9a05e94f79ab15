//! What a program is told about a file.

use super::*;

#[track_caller]
fn told(text: &str) -> Value {
    let path = Path::new("sekisho.yaml");
    as_json(path, &Config::parse(text, path))
}

#[test]
fn a_program_gets_each_mistake_with_its_line_and_column() {
    let told = told("identity: {}\ndta: x\n");
    assert_eq!(told["good"], false);
    assert_eq!((&told["mistakes"][0]["line"], &told["mistakes"][0]["column"]), (&json!(2), &json!(1)));
    assert!(told["mistakes"][0]["what"].as_str().unwrap().contains("`dta`"), "{told}");
}

#[test]
fn a_good_file_comes_with_its_warnings_and_what_was_assumed() {
    let told = told("gateway: {}\n");
    assert_eq!((&told["good"], &told["mistakes"]), (&json!(true), &json!([])));
    assert_eq!(told["warnings"].as_array().unwrap().len(), 1, "no routes: {told}");
    assert!(!told["assumed"].as_array().unwrap().is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_not_good() {
    let path = Path::new("/nowhere/sekisho.yaml");
    assert_eq!(as_json(path, &Config::read(path))["good"], false);
}
