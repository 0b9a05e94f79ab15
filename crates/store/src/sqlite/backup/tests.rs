//! How a backup gets its name where there are no links, which no test on this file system could tell from outside.

use super::*;

#[test]
fn without_links_a_copy_is_moved_to_its_name_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let [partial, free, taken] = ["partial", "free", "taken"].map(|name| dir.path().join(name));
    fs::write(&partial, "copy").unwrap();
    fs::write(&taken, "mine").unwrap();
    let refused = move_to_a_free_name(&partial, &taken).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    move_to_a_free_name(&partial, &free).unwrap();
    assert_eq!(fs::read_to_string(&free).unwrap(), "copy");
    assert!(!partial.exists());
}

#[test]
fn only_what_says_that_there_are_no_links_is_taken_for_it() {
    for (error, expected) in
        [(Errno::PERM, true), (Errno::OPNOTSUPP, true), (Errno::NOSYS, true), (Errno::EXIST, false)]
    {
        assert_eq!(knows_no_links(&error.into()), expected, "{error}");
    }
}
