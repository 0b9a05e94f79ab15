//! Whom we believe.

use super::*;

fn ours() -> TrustedProxies {
    TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()])
}

#[test]
fn the_client_is_the_last_address_that_is_not_a_proxy_of_ours() {
    for (list, client) in [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("\"[2001:db8::1]:80\"", "10.0.0.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.9, _hidden", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("10.0.0.2, 10.0.0.3", "10.0.0.1"),
    ] {
        for peer in ["10.0.0.1", "::ffff:10.0.0.1"] {
            let found = ours().client(peer.parse().unwrap(), Some(list));
            assert_eq!(found.to_canonical().to_string(), client, "{list}");
        }
    }
}

#[test]
fn a_peer_that_is_not_ours_is_the_client_whatever_it_says() {
    let peer: IpAddr = "203.0.113.9".parse().unwrap();
    assert_eq!(ours().client(peer, Some("1.1.1.1")), peer);
    assert_eq!(
        TrustedProxies::default().client("127.0.0.1".parse().unwrap(), Some("1.1.1.1")).to_string(),
        "127.0.0.1"
    );
}
