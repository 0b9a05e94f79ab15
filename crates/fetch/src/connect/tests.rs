//! Origins and certificates.

use super::*;
use crate::door::{Configured, Untrusted};

fn origin(url: &str) -> Origin {
    Origin::of(&url.parse().unwrap()).unwrap()
}

#[test]
fn one_origin_is_scheme_host_and_port() {
    assert_eq!(origin("https://id.example/a?b"), origin("https://ID.example:443/c"));
    assert_ne!(origin("https://id.example/"), origin("http://id.example:443/"));
    assert_ne!(origin("https://id.example/"), origin("https://id.example:8443/"));
    assert_ne!(origin("https://id.example/"), origin("https://id.example./"));
}

#[test]
fn certificates_are_read_as_pem_or_der() {
    let pem = include_bytes!("../tests/data/ca.pem");
    let from_pem = certificates(pem).unwrap();
    assert_eq!(from_pem.len(), 1);
    assert_eq!(certificates(&from_pem[0]).unwrap(), from_pem);
    assert_eq!(certificates(&[pem.as_slice(), b"\n", pem].concat()).unwrap().len(), 2);
    assert!(certificates(b"-----BEGIN NOTHING-----\n-----END NOTHING-----\n").is_err());
    assert!(tls(&[CertificateDer::from(b"no certificate".to_vec())]).is_err());
}

#[test]
fn a_name_that_leads_outside_and_inside_is_refused_whole() {
    let (outside, inside) = ("1.1.1.1:443".parse().unwrap(), "10.0.0.1:443".parse().unwrap());
    assert!(admits_all::<Untrusted>(&[outside]));
    assert!(!admits_all::<Untrusted>(&[outside, inside]));
    assert!(!admits_all::<Untrusted>(&[inside, outside]));
    assert!(admits_all::<Configured>(&[outside, inside]));
}
