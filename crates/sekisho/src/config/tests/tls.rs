//! `tls`: what it changes about the rest of the file, and how mistakes and doubts about the two files are told.

use std::os::unix::fs::PermissionsExt as _;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use sekisho_gateway::config as gateway;
use sekisho_token::Timestamp;

use super::{Config, Duration, parse, refused};

/// A directory with a certificate for `id.example`, its key, and the key of another one.
fn papers() -> tempfile::TempDir {
    use base64::Engine as _;
    let dir = tempfile::tempdir().unwrap();
    let pem = |label: &str, der: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["id.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(dir.path().join("cert.pem"), pem("CERTIFICATE", certificate.der())).unwrap();
    for (name, key) in [("key.pem", key), ("other.pem", KeyPair::generate().unwrap())] {
        let path = dir.path().join(name);
        std::fs::write(&path, pem("PRIVATE KEY", &key.serialize_der())).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    dir
}

fn at(dir: &tempfile::TempDir, text: &str) -> String {
    text.replace("PAIR", "{ certificate: DIR/cert.pem, key: DIR/key.pem }").replace("DIR", dir.path().to_str().unwrap())
}

#[test]
fn mistakes_about_certificates_stand_where_their_file_is_named() {
    let dir = papers();
    for (text, said) in [
        ("gateway: { tls: { certificate: ^DIR/none.pem, key: DIR/key.pem } }\n", "No such file"),
        ("gateway: { tls: { certificate: DIR/cert.pem, key: ^DIR/none.pem } }\n", "No such file"),
        ("identity: { tls: { certificate: ^DIR, key: DIR/key.pem } }\n", "Is a directory"),
        ("identity: { tls: { certificate: ^/dev/null, key: DIR/key.pem } }\n", "-----BEGIN CERTIFICATE-----"),
        ("identity: { tls: { certificate: DIR/cert.pem, key: ^DIR/cert.pem } }\n", "-----BEGIN PRIVATE KEY-----"),
        (
            "gateway: { tls: { certificate: DIR/cert.pem, key: ^DIR/other.pem } }\n",
            "is not that of the first certificate",
        ),
        ("gateway: { tls: { ^certificate: DIR/cert.pem } }\n", "`key` is missing"),
        ("gateway: { tls: PAIR, scheme: ^http }\n", "expected `https`, or no scheme"),
        ("identity: { tls: PAIR, public_url: ^'http://localhost:7000' }\n", "expected `https://HOST`"),
        ("gateway: { limits: { handshake_deadline: ^soon } }\n", "is not a duration"),
        (
            "gateway: { realms: { main: { issuer: https://id.example/realms/main, client_id: g, \
             client_secret_file: DIR/key.pem, certificate_authority_file: ^DIR/none.pem } } }\n",
            "No such file",
        ),
    ] {
        let told = refused(&at(&dir, text));
        assert!(told.contains(said), "{said:?} in {told}");
    }
}

#[test]
fn with_a_certificate_both_rooms_are_reached_by_https_and_may_listen_beyond_loopback() {
    let dir = papers();
    let text = "identity: { tls: PAIR, listen: '0.0.0.0:7443', public_url: 'https://id.example:7443' }\n\
        gateway: { tls: PAIR, listen: '0.0.0.0:8443', limits: { handshake_deadline: 3s } }\n";
    let config = parse(&at(&dir, text)).unwrap();
    let gateway = config.gateway.unwrap();
    assert_eq!(gateway.config.scheme, gateway::Scheme::Https);
    assert_eq!(gateway.config.limits.handshake_deadline, Duration::from_secs(3));
    assert!(gateway.tls.is_some() && config.identity.unwrap().tls.is_some());

    let assumed = parse(&at(&dir, "identity: { tls: PAIR }\n")).unwrap();
    assert_eq!(assumed.identity.unwrap().settings.base_url, "https://localhost:7000");
}

#[test]
fn doubts_about_a_certificate_are_told_and_do_not_stop_anybody() {
    let dir = papers();
    let config = |text: &str| parse(&at(&dir, text)).unwrap();
    let doubts = |config: &Config| -> Vec<String> {
        config.warnings().iter().map(ToString::to_string).filter(|told| told.contains("tls")).collect()
    };
    let named = config("identity: { tls: PAIR, public_url: 'https://id.example' }\n");
    assert_eq!(doubts(&named), [""; 0]);
    let other = config("identity: { tls: PAIR, public_url: 'https://login.example' }\n");
    assert!(doubts(&other)[0].contains("is not a certificate for `login.example`"), "{:?}", doubts(&other));
    std::fs::set_permissions(dir.path().join("key.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = config("gateway: { tls: PAIR }\n");
    assert!(doubts(&exposed)[0].contains("chmod 600"), "{:?}", doubts(&exposed));

    // From 2026-01-01 to 2026-04-01.
    for (now, said) in [
        (1_767_225_599, Some("counts only from 2026-01-01T00:00:00Z on")),
        (1_767_225_600, None),
        (1_774_915_200, Some("expires at 2026-04-01T00:00:00Z")),
        (1_775_001_601, Some("has expired at 2026-04-01T00:00:00Z")),
    ] {
        let told: Vec<String> = exposed.expiries(Timestamp(now)).iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), usize::from(said.is_some()), "{told:?}");
        assert!(said.is_none_or(|said| told[0].contains(said)), "{told:?}");
    }
}
