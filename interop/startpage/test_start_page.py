"""The demo's story as the start page tells it: log in, call, see the legs, log out, see the refusal."""

import re

#: The start of a JWT: an encoded JSON object and a dot.
JWT = re.compile(r"eyJ[\w-]+\.")


def test_the_opaque_pattern_from_login_to_refusal(demo, page):
    assert page.log_in("alice", "opaque", "page").startswith("200")
    page.tells("opaque", "alice signed in, kept in this page")

    assert page.call("opaque").startswith("200")
    ways = page.ways()
    assert ways[0] == "client to gateway"
    assert ways[-1] == "gateway to client"
    for way in ["gateway to identity", "gateway to orders", "orders to stock", "stock to orders"]:
        assert way in ways, "the first use is swapped for a JWT, and the service asks its neighbour"
    outside = [leg["text"] for leg in page.legs() if "client" in leg["way"]]
    inside = [leg["text"] for leg in page.legs() if leg["way"] == "gateway to orders"]
    assert not any(JWT.search(text) for text in outside), "no JWT leaves the house"
    assert all("authorization: Bearer eyJ" in text for text in inside)

    assert page.call("opaque").startswith("200")
    assert "gateway to identity" not in page.ways(), "the second use asks nobody"

    assert page.log_out("opaque").startswith("204")
    page.tells("opaque", "logged out; this page still has the old credential")
    assert page.call("opaque").startswith("401")
    refusal = page.refusal()
    assert refusal["reason"] == "grant_revoked"
    assert refusal["that is"]
    assert re.fullmatch(rf".*sekisho.* explain .*{refusal['id']}", refusal["ask"])
    assert not any("orders" in way for way in page.ways()), "no service heard of it"


def test_a_cookie_is_out_of_the_scripts_reach_and_gone_after_logout(demo, page):
    assert page.log_in("alice", "opaque", "cookie").startswith("200")
    page.tells("opaque", "kept in a cookie")
    assert page.driver.execute_script("return document.cookie") == ""
    name = demo.route("opaque")["cookie_name"]
    cookie = page.driver.get_cookie(name)
    assert cookie["httpOnly"]
    assert cookie["sameSite"] in ("Lax", "Strict")
    assert page.call("opaque").startswith("200")
    assert page.log_out("opaque").startswith("204")
    assert page.driver.get_cookie(name) is None
    assert page.call("opaque").startswith("401")


def test_a_jwt_outlives_its_logout_where_nobody_follows_the_feed(page):
    assert page.log_in("alice", "jwt", "page").startswith("200")
    for route in ["jwt", "jwt-feed"]:
        assert page.call(route).startswith("200")
        assert "gateway to identity" not in page.ways(), "it is verified by its signature"
    assert page.log_out("jwt").startswith("204")
    assert page.call("jwt").startswith("200"), "the price of the pattern"
    assert page.call("jwt-feed").startswith("401"), "the feed pays it"


def test_who_may_not_is_told_403_and_who_is_nobody_401(page):
    assert page.call("opaque").startswith("401")
    assert page.refusal()["reason"]
    assert page.call("open", "GET /catalogue").startswith("200")
    assert page.log_in("alice", "opaque", "page").startswith("200")
    assert page.call("opaque", "POST /orders").startswith("403")
    assert page.log_in("bob", "opaque", "page").startswith("200")
    assert page.call("opaque", "POST /orders").startswith("201")
    assert page.log_in("carol", "opaque", "page").startswith("200")
    assert page.call("opaque").startswith("403")


def test_passwords_and_whole_credentials_are_not_among_the_legs(demo, page):
    assert page.log_in("alice", "jwt", "page").startswith("200")
    assert page.call("jwt").startswith("200")
    texts = "\n".join(leg["text"] for leg in page.legs())
    assert demo.password("alice") not in texts
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.[\w-]{40,}", texts)
    assert page.log_in("alice", "opaque", "page").startswith("200")
    assert demo.password("alice") not in "\n".join(leg["text"] for leg in page.legs())
