//! The README's five minutes, typed as they stand there; only the ports and the place of the binary are other ones.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const ROOT: &str = "../..";

/// The first shell block below a heading.
fn shell_block<'a>(text: &'a str, heading: &str) -> &'a str {
    let section = text.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}")).1;
    let block = section.split_once("```sh\n").expect("a shell block").1;
    block.split_once("```").expect("its end").0
}

/// Ports that nobody has, in place of the usual ones.
fn with_free_ports() -> impl Fn(&str) -> String {
    // Held together for a moment, so that none is given twice.
    let held = ["7000", "7001", "8000", "9001"].map(|usual| (usual, TcpListener::bind("127.0.0.1:0").unwrap()));
    let free = held.map(|(usual, listener)| (usual, listener.local_addr().unwrap().port().to_string()));
    move |text| free.iter().fold(text.to_owned(), |text, (usual, free)| text.replace(usual, free))
}

#[test]
fn the_five_minutes_of_the_readme_work_as_they_are_written() {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let example = std::fs::read_to_string(Path::new(ROOT).join("examples/sekisho.yaml")).unwrap();
    let script = shell_block(&readme, "## Five minutes");
    let placed = with_free_ports();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("examples")).unwrap();
    // What the example leaves to the defaults.
    let example = format!("{example}\noperations: {{ listen: 127.0.0.1:7001 }}\n")
        .replace("identity:\n", "identity:\n  listen: 127.0.0.1:7000\n");
    std::fs::write(dir.path().join("examples/sekisho.yaml"), placed(&example)).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_sekisho")).parent().unwrap();
    let script = placed(script).replace("$PWD/target/debug", built.to_str().unwrap());
    let script = format!("set -eu\ntrap 'kill $(jobs -p)' EXIT\n{script}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
    let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for expected in ["good", "three lanterns\n 200", " 401", "GET /orders", "must sign in"] {
        assert!(told.contains(expected), "{expected:?} is missing from\n{told}\n{complained}");
    }
    assert!(output.status.success(), "{told}\n{complained}");
}

/// The example is compiled with the tests.
#[test]
fn the_service_of_the_readme_is_the_example_that_compiles() {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let example = std::fs::read_to_string(Path::new(ROOT).join("crates/guard/examples/service.rs")).unwrap();
    let block = readme.split_once("```rust\n").expect("a block of Rust").1.split_once("```").expect("its end").0;
    let example: Vec<&str> = example.lines().map(str::trim).collect();
    for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(example.contains(&line), "not in crates/guard/examples/service.rs: {line}");
    }
}
