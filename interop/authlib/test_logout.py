"""RP-initiated logout: the sign-in ends, and with it what every application got from it."""

import urllib.parse

import pytest
from authlib.integrations.base_client import OAuthError

CALLBACK = "http://127.0.0.1/callback"


def state_of(answer):
    """The `state` that the browser came back to the application with."""
    location = answer.headers["location"]
    assert location.startswith(CALLBACK), location
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))["state"]


def is_over(app, browser, token):
    """Asserts that nothing is left of a sign-in: not the refresh token, not the browser's cookie."""
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.session(token).refresh_token(app.endpoint("token"))
    back = browser.go(app.ask(prompt="none")["url"])
    with pytest.raises(OAuthError, match="login_required"):
        app.redeem(app.ask(), back)


def test_with_the_id_token_as_a_hint_nobody_is_asked_and_the_browser_comes_back(demo, application, browser):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    request = app.create_logout_url(CALLBACK, id_token_hint=token["id_token"])
    assert state_of(browser.go(request["url"])) == request["state"]
    is_over(app, browser, token)


def test_without_a_hint_the_person_is_asked_first(demo, application, browser):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    request = app.create_logout_url(CALLBACK, client_id="web")
    page = browser.go(request["url"])
    assert page.status_code == 200
    assert app.session(token).get(app.endpoint("userinfo")).status_code == 200, "the question changes nothing"
    assert state_of(browser.submit(page, "query")) == request["state"]
    is_over(app, browser, token)


def test_somebody_elses_hint_ends_nothing(demo, application, browser):
    app = application("web")
    mine, _ = app.sign_in(browser, "alice", demo.password("alice"))
    other, _ = app.sign_in(browser.another(), "bob", demo.password("bob"))
    page = browser.go(app.create_logout_url(CALLBACK, id_token_hint=other["id_token"])["url"])
    assert page.status_code == 200, "the person is asked"
    for token in (mine, other):
        assert app.session(token).get(app.endpoint("userinfo")).status_code == 200


def test_an_address_that_is_not_registered_is_not_gone_to(demo, application, browser):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    request = app.create_logout_url("http://evil.example/", id_token_hint=token["id_token"])
    page = browser.go(request["url"])
    assert page.status_code == 400
    assert "location" not in page.headers
