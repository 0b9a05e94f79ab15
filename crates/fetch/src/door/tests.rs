//! Which addresses are public.

use super::*;

#[test]
fn addresses_that_lead_inside_are_not_public_in_any_spelling() {
    let inside = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:c0a8:101::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for address in inside {
        assert!(!is_public(address.parse().unwrap()), "{address}");
        assert!(Configured::may_lead_to(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn addresses_of_the_internet_are_public() {
    let outside = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "2001:4860:4860::8888",
        "2606:4700::1111",
    ];
    for address in outside {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}

#[track_caller]
fn check<D: Door>(url: &str, expected: &Result<(), Address>) {
    assert_eq!(D::admit(&url.parse().unwrap()), *expected, "{url}");
}

#[test]
fn each_door_admits_its_schemes_and_no_credentials() {
    check::<Configured>("http://127.0.0.1:7000/a", &Ok(()));
    check::<Configured>("https://id.example/a", &Ok(()));
    check::<Configured>("ftp://id.example/", &Err(Address::Scheme("ftp".to_owned())));
    check::<Configured>("unix:/run/x", &Err(Address::Scheme("unix".to_owned())));
    check::<Untrusted>("https://id.example/a", &Ok(()));
    check::<Untrusted>("http://id.example/a", &Err(Address::Scheme("http".to_owned())));
    for url in ["https://a:b@id.example/", "https://a@id.example/", "https://:b@id.example/"] {
        check::<Untrusted>(url, &Err(Address::Credentials));
        check::<Configured>(url, &Err(Address::Credentials));
    }
}
