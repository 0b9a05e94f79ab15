//! What errors mean.

use super::*;

#[test]
fn whatever_the_server_did_not_say_itself_means_that_the_connection_is_lost() {
    assert_eq!(Trouble::of(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Trouble::Lost);
    assert_eq!(Trouble::of(&sqlx::Error::Protocol("unexpected".to_owned())), Trouble::Lost);
}

#[test]
fn the_worst_is_told_once() {
    let cell = TroubleCell::default();
    assert_eq!(cell.take(), None);
    for trouble in [Trouble::Conflict, Trouble::Refused] {
        cell.note(trouble);
    }
    assert_eq!(cell.take(), Some(Trouble::Conflict), "a statement after a deadlock is refused, which hides nothing");
    assert_eq!(cell.take(), None);
    cell.note(Trouble::Lost);
    assert_eq!(cell.take(), Some(Trouble::Lost));
}
