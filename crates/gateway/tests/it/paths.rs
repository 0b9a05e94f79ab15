//! The path that is matched is the path that is sent.

use crate::client::get;
use crate::rig::Rig;

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_is_refused() {
    let rig = Rig::start().await;
    for path in [
        "/open/../opaque",
        "/open/..",
        "/open/./x",
        "/open/%2e%2e/opaque",
        "/open/.%2E/opaque",
        "/open/..%2fopaque",
        "/open/%252e%252e/opaque",
        "/open/..;foo=bar/opaque",
        "/open/.;/x",
        "/open/a%2fb",
        "/open/a%5Cb",
        "/open/a\\b",
        "/open/%00",
        "/open/%0d%0aX-User:%20admin",
        "/open/%c0%ae%c0%ae/opaque",
        "/open/%zz",
        "/open/%",
        // A parameter, or an escape, in a segment that routes look at.
        "/opaque;x=1/orders",
        "/opaque;/orders",
        "/;/opaque",
        "/open;x/1",
        "/open/admin;x=1",
        "/opaque%3Bx/orders",
    ] {
        let answer = rig.ask(&get(path, &[])).await;
        assert_eq!(answer.verdict(), (400, "ambiguous_path".to_owned()), "{path}: {}", answer.text());
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn what_means_one_thing_is_brought_to_one_form_and_sent_so() {
    let rig = Rig::start().await;
    for (path, sent) in [
        ("/open", "/open"),
        ("/open/", "/open/"),
        ("//open//x", "/open/x"),
        ("/%6fpen/%7Ex", "/open/~x"),
        ("/open/a%20b?q=%2e%2e/%2f", "/open/a%20b?q=%2e%2e/%2f"),
        ("/open/%e6%97%a5", "/open/%E6%97%A5"),
        ("/open/1;v=2", "/open/1;v=2"),
        ("/open?//..", "/open?//.."),
        ("/", "/"),
        ("/outer/inner", "/inner"),
        ("/outer//inner/x?y", "/inner/x?y"),
    ] {
        let answer = rig.ask(&get(path, &[])).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(rig.spy.last().target(), sent, "{path}");
    }
    assert_eq!(rig.spy.all().iter().filter(|seen| seen.header("x-forwarded-prefix") == Some("/outer")).count(), 2);
}

#[tokio::test]
async fn double_slashes_and_escapes_do_not_lead_around_a_guard() {
    let rig = Rig::start().await;
    for path in ["//opaque/1", "/%6fpaque/1", "/opaque//1", "///opaque", "/o%70aque/"] {
        let answer = rig.ask(&get(path, &[])).await;
        assert_eq!(answer.verdict(), (401, "no_credential".to_owned()), "{path}");
    }
    assert_eq!(rig.spy.hits(), 0);
}
