"""Discovery, code with PKCE through the login form, the ID token, userinfo."""

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.oauth2 import rfc8414, rfc9207
from authlib.oidc import discovery, rpinitiated
from joserfc.errors import InvalidClaimError

CALLBACK_ELSEWHERE = "http://127.0.0.1:43117/elsewhere"


def test_the_metadata_is_valid_but_for_rs256_and_the_same_at_both_well_known_places(demo):
    found = requests.get(discovery.get_well_known_url(demo.issuer, external=True)).json()
    assert found["issuer"] == demo.issuer
    extensions = [rfc9207.AuthorizationServerMetadata, rpinitiated.OpenIDProviderMetadata]
    # The one thing that Authlib misses is on purpose: OpenID Connect Discovery section 3 wants RS256 in this list, and a
    # client that then chose it would get tokens that it cannot verify.
    with pytest.raises(ValueError, match="RS256"):
        discovery.OpenIDProviderMetadata(found).validate(metadata_classes=extensions)
    algorithms = found["id_token_signing_alg_values_supported"]
    with_rs256 = found | {"id_token_signing_alg_values_supported": [*algorithms, "RS256"]}
    discovery.OpenIDProviderMetadata(with_rs256).validate(metadata_classes=extensions)

    elsewhere = requests.get(rfc8414.get_well_known_url(demo.issuer, external=True)).json()
    rfc8414.AuthorizationServerMetadata(elsewhere).validate(metadata_classes=[rfc9207.AuthorizationServerMetadata])
    assert elsewhere == found


@pytest.mark.parametrize("client_id", ["web", "public"])
def test_somebody_signs_in_through_the_form_and_authlib_accepts_the_id_token(demo, application, browser, client_id):
    app = application(client_id)
    token, nonce = app.sign_in(browser, "alice", demo.password("alice"))
    essential = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "sid"]
    options = {name: {"essential": True} for name in essential}
    options["iss"]["value"] = demo.issuer
    options["aud"]["value"] = client_id
    # Signature by the published key; nonce, at_hash and azp against what was sent and what came along.
    person = app.parse_id_token(token, nonce, claims_options=options)
    assert person["preferred_username"] == "alice"

    shown = app.userinfo(token=token)
    assert shown["sub"] == person["sub"]
    assert shown["preferred_username"] == "alice"


def test_an_id_token_is_of_its_own_request_and_its_own_access_token(demo, application, browser):
    app = application("web")
    token, nonce = app.sign_in(browser, "alice", demo.password("alice"))
    other, _ = app.sign_in(browser.another(), "bob", demo.password("bob"))
    with pytest.raises(InvalidClaimError, match="nonce"):
        app.parse_id_token(token, "another request's")
    with pytest.raises(InvalidClaimError, match="at_hash"):
        app.parse_id_token(token | {"access_token": other["access_token"]}, nonce)


def test_who_is_signed_in_is_not_asked_again_and_prompt_login_asks(demo, application, browser):
    app = application("web")
    first, _ = app.sign_in(browser, "alice", demo.password("alice"))
    request = app.ask()
    second = app.redeem(request, browser.go(request["url"]))
    sessions = {app.parse_id_token(first, None)["sid"], app.parse_id_token(second, request["nonce"])["sid"]}
    assert len(sessions) == 1

    request = app.ask(prompt="login")
    page = browser.go(request["url"])
    assert page.status_code == 200
    back = browser.submit(page, "password", username="alice", password=demo.password("alice"))
    app.redeem(request, back)


def test_a_wrong_password_is_said_on_the_page_and_the_right_one_still_works(demo, application, browser):
    app = application("web")
    request = app.ask()
    page = browser.submit(browser.go(request["url"]), "password", username="carol", password="not carol's")
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    back = browser.submit(page, "password", username="carol", password=demo.password("carol"))
    token = app.redeem(request, back)
    assert app.parse_id_token(token, request["nonce"])["preferred_username"] == "carol"


def test_cancelling_reaches_authlib_as_access_denied(application, browser):
    app = application("web")
    request = app.ask()
    back = browser.submit(browser.go(request["url"]), "password", cancel="yes")
    with pytest.raises(OAuthError, match="access_denied"):
        app.redeem(request, back)


def test_a_code_is_worth_nothing_with_another_verifier_and_nothing_twice(demo, application, browser):
    app = application("web")
    request = app.ask()
    page = browser.go(request["url"])
    back = browser.submit(page, "password", username="alice", password=demo.password("alice"))
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.redeem(request | {"code_verifier": "v" * 43}, back)
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.redeem(request, back)

    request = app.ask()
    back = browser.go(request["url"])
    token = app.redeem(request, back)
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.redeem(request, back)
    answer = app.session(token).get(app.endpoint("userinfo"))
    assert answer.status_code == 401, "what the first redemption brought ends with the replay"


def test_a_redirect_uri_that_is_not_registered_is_shown_and_not_followed(application, browser):
    page = browser.go(application("web").create_authorization_url(CALLBACK_ELSEWHERE)["url"])
    assert page.status_code == 400
    assert "location" not in page.headers
