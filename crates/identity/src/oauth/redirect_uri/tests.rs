//! Which addresses are the registered one, and which can be registered.

use sekisho_model::client::{AccessTokenForm, Consent, Pkce};

use super::*;

fn registration(auth: ClientAuth) -> Registration {
    Registration {
        name: "test".to_owned(),
        auth,
        grants: Vec::new(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        scopes: "openid".parse().unwrap(),
        audiences: vec!["orders".to_owned()],
        pkce: Pkce::Required,
        tokens: AccessTokenForm::Jwt,
        consent: Consent::Implied,
        capabilities: Vec::new(),
    }
}

#[test]
fn registered_and_sent_are_compared_byte_for_byte() {
    let registered = ["https://c.example/cb".to_owned(), "https://c.example/q?foo=bar".to_owned()];
    for good in ["https://c.example/cb", "https://c.example/q?foo=bar"] {
        assert!(is_registered(&registered, good), "{good}");
    }
    for bad in [
        "https://c.example/cb/",
        "https://c.example/CB",
        "https://c.example/cb?x=1",
        "https://c.example:443/cb",
        "https://C.example/cb",
        "https://c.example/%63b",
        "https://c.example/q?foo=baz",
        "https://c.example/q",
        "https://c.example/cb/..;/evil",
        "https://c.example/cb/../evil",
        "https://c.example/cb/%2e%2e/evil",
        "https://c.example\\@evil.example/",
        "https://a@b@c.example/cb",
        "https://c.example/cb\r\n",
        "https://c.example/cb\0",
        "https://c.example/cb\t",
        " https://c.example/cb",
        "",
    ] {
        assert!(!is_registered(&registered, bad), "{bad:?}");
    }
}

#[test]
fn the_port_of_a_loopback_address_is_the_one_exception() {
    let registered =
        ["http://127.0.0.1/cb".to_owned(), "http://[::1]/cb".to_owned(), "http://127.0.0.1:9/p".to_owned()];
    for good in ["http://127.0.0.1:53211/cb", "http://[::1]:1/cb", "http://127.0.0.1/cb", "http://127.0.0.1:65535/p"] {
        assert!(is_registered(&registered, good), "{good}");
    }
    for bad in [
        "http://127.0.0.1:53211/other",
        "http://127.0.0.1:53211/cb?x",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:099999/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://localhost:1@evil.example/cb",
        "http://localhost:1/cb",
        "https://127.0.0.1:1/cb",
        "http://127.0.0.1:+1/cb",
    ] {
        assert!(!is_registered(&registered, bad), "{bad}");
    }
}

#[test]
fn what_could_be_misread_or_runs_code_cannot_be_registered() {
    let (public, web) = (registration(ClientAuth::None), registration(ClientAuth::ClientSecretBasic));
    for good in ["https://c.example/cb", "https://c.example/cb?a=b", "http://127.0.0.1/cb", "http://localhost:3000/cb"]
    {
        assert_eq!(check(good, &web), Ok(()), "{good}");
    }
    assert_eq!(check("com.example.app:/cb", &public), Ok(()));
    for bad in [
        "http://c.example/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "https://c.example/*",
        "https://*.example/cb",
        "https://c.example/cb#x",
        "https://c.example/cb#",
        "https://user@c.example/cb",
        "https://c.example/a/../cb",
        "/cb",
        "myapp:/cb",
        "https://c.example/c b",
        "com.example.app:/cb",
    ] {
        assert!(check(bad, &web).is_err(), "{bad}");
    }
    assert!(check("myapp:/cb", &public).is_err());
}
