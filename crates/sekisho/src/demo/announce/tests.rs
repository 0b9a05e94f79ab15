//! A person finds every address and every password.

use std::path::Path;

use super::super::manifest::tests::sample;
use super::announce;

#[test]
fn everything_that_a_person_needs_is_printed() {
    let mut out = Vec::new();
    let manifest = sample();
    announce(&manifest, Path::new("some/where"), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let users = manifest.users.iter().flat_map(|user| [&user.name, &user.password]);
    let addresses = [&manifest.gateway, &manifest.issuer, &manifest.operations, &manifest.admin.openapi];
    for needed in users.chain(addresses) {
        assert!(text.contains(needed.as_str()), "`{needed}` is missing in\n{text}");
    }
    assert!(text.contains("some/where/demo.json"));
}
