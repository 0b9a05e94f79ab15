//! What is an address and what is not, and that neither tells the password.

use super::*;

fn parse(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_address_is_read_and_shown_without_user_and_password() {
    let address = parse("postgres://sekisho:s3%40cret@db.example:6000/identity");
    assert_eq!(address.to_string(), "postgres://db.example:6000/identity");
    assert_eq!(address.password.as_ref().unwrap().0.expose(), "s3@cret");
    assert!(!format!("{address:?}").contains("s3@cret"));
    assert_eq!(parse("postgresql://u@h/d").to_string(), "postgres://h:5432/d");
    assert_eq!(parse("postgres://u@[::1]:7/d").to_string(), "postgres://[::1]:7/d");
    assert_eq!(parse("postgres://u@%2Frun%2Fpostgresql/d").to_string(), "postgres:///d at /run/postgresql");
    assert_eq!(parse("postgres://u@x/d?host=/run/pg").host, Host::Socket("/run/pg".into()));
    assert_eq!(parse("postgres://u@h/d").with_password("p".into()), parse("postgres://u:p@h/d"));
}

#[test]
fn a_server_elsewhere_is_verified_unless_the_address_says_otherwise() {
    for (text, expected) in [
        ("postgres://u@db.example/d", Tls::Verified),
        ("postgres://u@10.0.0.1/d", Tls::Verified),
        ("postgres://u@localhost/d", Tls::Off),
        ("postgres://u@127.0.0.1/d", Tls::Off),
        ("postgres://u@[::1]/d", Tls::Off),
        ("postgres://u@%2Frun/d", Tls::Off),
        ("postgres://u@db.example/d?sslmode=require", Tls::Unverified),
        ("postgres://u@db.example/d?sslmode=disable", Tls::Off),
        ("postgres://u@localhost/d?sslmode=verify-full&sslrootcert=/etc/ca.pem", Tls::Verified),
    ] {
        assert_eq!(parse(text).tls(), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_without_any_of_the_text() {
    for text in [
        "hunter2",
        "postgres:hunter2",
        "mysql://hunter2:hunter2@h/d",
        "postgres://hunter2:hunter2@/hunter2",
        "postgres://hunter2:hunter2@h",
        "postgres://:hunter2@h/d",
        "postgres://u:hunter2#@h/d",
        "postgres://u:hunter2@h:port/d",
        "postgres://u:hunter2@h/d?sslmode=hunter2",
        "postgres://u:%ff@h/d",
    ] {
        let error = text.parse::<Address>().expect_err(text).to_string();
        assert!(!error.contains("hunter2") && error.contains("expected"), "{text}: {error}");
    }
    let unknown = "postgres://u@h/d?pasword=hunter2".parse::<Address>().unwrap_err();
    assert_eq!(unknown, AddressError::Parameter("pasword".to_owned()));
}
