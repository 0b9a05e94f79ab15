//! Where the password comes from.

use super::*;

fn postgres(address: &str, password_env: Option<&str>) -> Database {
    Database::Postgres { address: Box::new(address.parse().unwrap()), password_env: password_env.map(str::to_owned) }
}

#[test]
fn a_password_comes_from_the_environment_when_the_database_is_opened() {
    let dir = Path::new("somewhere");
    let with = |password: &str| format!("postgres://u:{password}@h/d").parse::<Address>().unwrap();
    // Cargo sets this one for every test.
    let keep = postgres("postgres://u@h/d", Some("CARGO_PKG_NAME")).keep(dir).unwrap();
    let Keep::Postgres { dir: kept, address } = keep else { panic!("{keep:?}") };
    assert_eq!((kept.as_path(), *address), (dir, with("sekisho")));
    let missing = postgres("postgres://u@h/d", Some("SEKISHO_NO_SUCH_VARIABLE")).keep(dir).unwrap_err();
    assert!(missing.to_string().contains("`SEKISHO_NO_SUCH_VARIABLE` is not set"), "{missing}");
    assert!(matches!(Database::Directory.keep(dir), Ok(Keep::Dir(_))));
}

#[test]
fn a_server_elsewhere_without_verified_tls_is_exposed() {
    for (address, expected) in [
        ("postgres://u:p@db.example/d?sslmode=require", Some("postgres://db.example:5432/d")),
        ("postgres://u:p@db.example/d?sslmode=disable", Some("postgres://db.example:5432/d")),
        ("postgres://u:p@db.example/d", None),
        ("postgres://u:p@localhost/d", None),
    ] {
        assert_eq!(postgres(address, None).exposed().as_deref(), expected, "{address}");
    }
    assert_eq!(Database::Directory.exposed(), None);
}
