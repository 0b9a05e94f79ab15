//! Silence.

use super::*;

#[test]
fn debug_tells_nothing_and_expose_tells_all() {
    let secret = Secret::from("hunter2");
    assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(…) Secret(…)");
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(secret.clone().expose(), "hunter2");
}
