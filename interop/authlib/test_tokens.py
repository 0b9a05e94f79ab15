"""What becomes of tokens: refresh, introspection, revocation, client credentials, exchange."""

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"


class Service(JWTBearerTokenValidator):
    """A service that verifies access tokens by Authlib (RFC 9068 section 4)."""

    def __init__(self, app, audience):
        super().__init__(app.load_server_metadata()["issuer"], audience)
        self.app = app

    def get_jwks(self):
        return KeySet.import_key_set(self.app.fetch_jwk_set())

    def verified(self, access_token):
        """Claims that the service may act on."""
        claims = self.authenticate_token(access_token)
        self.validate_token(claims, None, None)
        return claims


@pytest.fixture
def orders(application):
    """The service `orders` as a client."""
    return application("orders", scope=None)


def introspected(app, access_token):
    """What identity says of a token to this client."""
    answer = app.session().introspect_token(app.endpoint("introspection"), access_token)
    answer.raise_for_status()
    return answer.json()


def exchanged(app, subject_token, **more):
    """The token that an exchange brings (RFC 8693)."""
    return app.fetch_access_token(
        grant_type=EXCHANGE, subject_token=subject_token, subject_token_type=ACCESS_TOKEN, **more
    )


def test_an_access_token_opens_the_gateway_and_authlib_verifies_it_as_a_service_would(demo, application, browser):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    route = demo.route("jwt-feed")
    assert app.session(token).get(route["url"]).status_code == route["expect"]["alice"]

    claims = Service(app, "orders").verified(token["access_token"])
    assert claims["client_id"] == "web"
    assert set(claims["scope"].split()) >= {"orders:read", "stock:read"}


def test_a_refresh_rotates_and_may_narrow_the_scope(demo, application, browser):
    app = application("web")
    first, _ = app.sign_in(browser, "alice", demo.password("alice"))
    second = app.session(first).refresh_token(app.endpoint("token"))
    assert second["refresh_token"] != first["refresh_token"]
    # OpenID Connect Core section 12.2: no nonce, the same person, the at_hash of the new access token.
    again = app.parse_id_token(second, None)
    assert again["sub"] == app.parse_id_token(first, None)["sub"]
    assert "nonce" not in again

    narrow = app.session(second).refresh_token(app.endpoint("token"), scope="orders:read")
    assert narrow["scope"] == "orders:read"
    claims = Service(app, "orders").verified(narrow["access_token"])
    assert claims["scope"] == "orders:read"


def test_a_refresh_token_that_was_used_up_ends_the_family(demo, application, browser, orders):
    app = application("web")
    first, _ = app.sign_in(browser, "alice", demo.password("alice"))
    second = app.session(first).refresh_token(app.endpoint("token"))
    third = app.session(second).refresh_token(app.endpoint("token"))
    assert introspected(orders, third["access_token"])["active"]
    for stolen in (first, third):
        with pytest.raises(OAuthError, match="invalid_grant"):
            app.session(stolen).refresh_token(app.endpoint("token"))
    assert introspected(orders, third["access_token"]) == {"active": False}


def test_introspection_tells_a_service_of_its_tokens_and_others_nothing(demo, application, browser, orders):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    told = introspected(orders, token["access_token"])
    assert told["active"]
    assert (told["client_id"], told["iss"]) == ("web", demo.issuer)
    assert told["sub"] == app.parse_id_token(token, None)["sub"]
    assert introspected(orders, "nobody's token") == {"active": False}
    # A client without the right to ask is refused, not told a lie.
    refused = app.session().introspect_token(app.endpoint("introspection"), token["access_token"])
    assert refused.status_code == 403


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both_and_the_gateway_knows(demo, application, browser, orders, which):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    url = demo.route("jwt-feed")["url"]
    assert app.session(token).get(url).status_code == 200
    answer = app.session().revoke_token(app.endpoint("revocation"), token[which], token_type_hint=which)
    assert answer.status_code == 200
    assert introspected(orders, token["access_token"]) == {"active": False}
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.session(token).refresh_token(app.endpoint("token"))
    unknown = app.session().revoke_token(app.endpoint("revocation"), "nobody's token")
    assert unknown.status_code == 200, "RFC 7009 section 2.2: an unknown token is as good as revoked"


def test_a_token_of_another_client_is_not_revoked(demo, application, browser, orders):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    answer = orders.session().revoke_token(app.endpoint("revocation"), token["access_token"])
    assert answer.status_code == 400
    assert introspected(orders, token["access_token"])["active"]


def test_a_program_gets_a_token_for_itself(application):
    app = application("machine", scope="orders:read")
    token = app.fetch_access_token(grant_type="client_credentials")
    assert "refresh_token" not in token and "id_token" not in token
    claims = Service(app, "orders").verified(token["access_token"])
    assert (claims["sub"], claims["client_id"]) == ("machine", "machine")
    assert claims["scope"] == "orders:read"


def test_another_secret_or_another_way_to_show_it_than_registered_is_invalid_client(application):
    app = application("machine", scope=None, token_endpoint_auth_method="client_secret_post")
    with pytest.raises(OAuthError, match="invalid_client"):
        app.fetch_access_token(grant_type="client_credentials")
    app = application("machine", scope=None)
    app.client_secret = "wrong"
    with pytest.raises(OAuthError, match="invalid_client"):
        app.fetch_access_token(grant_type="client_credentials")


def test_a_service_exchanges_a_callers_token_for_a_narrower_one_that_names_it(demo, application, browser, orders):
    app = application("web")
    token, _ = app.sign_in(browser, "alice", demo.password("alice"))
    narrow = exchanged(orders, token["access_token"], audience="stock", scope="stock:read")
    assert narrow["issued_token_type"] == JWT
    claims = Service(orders, "stock").verified(narrow["access_token"])
    assert claims["sub"] == app.parse_id_token(token, None)["sub"]
    assert claims["aud"] in ("stock", ["stock"])
    assert claims["scope"] == "stock:read"
    assert claims["act"] == {"sub": "orders"}

    # It ends with the sign-in that it came from.
    app.session().revoke_token(app.endpoint("revocation"), token["refresh_token"])
    assert introspected(application("stock", scope=None), narrow["access_token"]) == {"active": False}


def test_nobody_exchanges_a_token_that_is_neither_theirs_nor_for_their_service(application, orders):
    machine = application("machine", scope="stock:read")
    token = machine.fetch_access_token(grant_type="client_credentials", audience="stock")
    with pytest.raises(OAuthError, match="invalid_request"):
        exchanged(orders, token["access_token"])


def test_an_exchange_reaches_no_further_than_the_token_and_the_client(demo, application, browser, orders):
    token, _ = application("web", scope="openid orders:read").sign_in(browser, "alice", demo.password("alice"))
    with pytest.raises(OAuthError, match="invalid_scope"):
        exchanged(orders, token["access_token"], scope="stock:read")
    with pytest.raises(OAuthError, match="invalid_target"):
        exchanged(orders, token["access_token"], audience="payroll")
    with pytest.raises(OAuthError, match="unauthorized_client"):
        exchanged(application("web"), token["access_token"])
