"""An application made of Authlib, and a browser without JavaScript in front of it.

The application is the part of Authlib that its Flask and Django integrations share, without a framework around it:
Authlib reads the metadata, builds the requests, keeps `state`, `nonce` and the PKCE verifier, and judges what comes back.
"""

import html.parser
import urllib.parse

import pytest
import requests
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session

#: A loopback redirect URI may have any port (RFC 8252 section 7.3). Nobody listens: the browser stops before it.
CALLBACK = "http://127.0.0.1:43117/callback"
#: A browser gives up after this many redirects in a row.
REDIRECTS_MAX = 10


class Forms(html.parser.HTMLParser):
    """The forms of a page: where each goes, and what its hidden fields hold."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.found.append({"action": attributes.get("action", ""), "names": set(), "hidden": {}})
        elif tag == "input" and self.found and "name" in attributes:
            form = self.found[-1]
            form["names"].add(attributes["name"])
            if attributes.get("type") == "hidden":
                form["hidden"][attributes["name"]] = attributes.get("value", "")

    def holding(self, name):
        """The form that has a field of this name."""
        return next(form for form in self.found if name in form["names"])


class Browser:
    """Cookies, redirects and forms, nothing else. It never leaves identity."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.origin = urllib.parse.urljoin(issuer, "/")
        self.session = requests.Session()

    def another(self):
        """Somebody else's."""
        return Browser(self.issuer)

    def go(self, url):
        """Opens an address; the answer is a page of identity, or the redirect that leads away from it."""
        return self._follow(self.session.get(url, allow_redirects=False))

    def submit(self, page, holding, **filled_in):
        """Sends the form that has the field `holding`, hidden fields included."""
        form = Forms(page.text).holding(holding)
        url = urllib.parse.urljoin(page.url, form["action"])
        origin = self.origin.rstrip("/")
        fields = form["hidden"] | filled_in
        return self._follow(self.session.post(url, data=fields, headers={"origin": origin}, allow_redirects=False))

    def _follow(self, answer):
        for _ in range(REDIRECTS_MAX):
            location = urllib.parse.urljoin(answer.url, answer.headers.get("location", ""))
            if not answer.is_redirect or not location.startswith(self.origin):
                return answer
            answer = self.session.get(location, allow_redirects=False)
        raise AssertionError(f"{REDIRECTS_MAX} redirects and no page")


class Application(OAuth2Mixin, OpenIDMixin, BaseApp):
    """A relying party that knows its issuer, its id and its secret; the rest it finds out."""

    client_cls = OAuth2Session

    def _on_update_token(self, token, refresh_token=None, access_token=None):
        """A framework would store the token; a test holds it in its hand."""

    def session(self, token=None):
        """Authlib's client for the endpoints that need no browser."""
        session = self._get_oauth_client(**self.load_server_metadata())
        session.token = token
        return session

    def endpoint(self, name):
        """An address from the metadata."""
        return self.load_server_metadata()[f"{name}_endpoint"]

    def ask(self, **more):
        """An authorization request: its address, and what must be known to judge the answer."""
        return self.create_authorization_url(CALLBACK, **more)

    def sign_in(self, browser, name, password):
        """From the authorization request to the tokens, with the form in between; also the nonce that was sent."""
        request = self.ask()
        page = browser.go(request["url"])
        back = browser.submit(page, "password", username=name, password=password)
        return self.redeem(request, back), request["nonce"]

    def redeem(self, request, back):
        """Hands the address that the browser came back to, to Authlib."""
        location = back.headers.get("location", "")
        assert location.startswith(CALLBACK), f"{back.status_code} {location}: {back.text}"
        fields = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
        # RFC 9207 section 2.4: the answer is of the issuer that was asked. Authlib leaves this to the application, and
        # errors to what is around it.
        assert fields["iss"] == self.load_server_metadata()["issuer"]
        if "error" in fields:
            raise OAuthError(fields["error"], fields.get("error_description"))
        return self.fetch_access_token(
            CALLBACK,
            authorization_response=location,
            state=request["state"],
            code_verifier=request["code_verifier"],
        )


@pytest.fixture
def application(demo):
    """Makes the relying party of a client of the demo."""

    def make(client_id, scope="openid profile email orders:read stock:read", **client_kwargs):
        entry = demo.client(client_id)
        return Application(
            framework=None,
            name=client_id,
            client_id=client_id,
            client_secret=entry.get("client_secret"),
            server_metadata_url=f"{demo.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": scope, "code_challenge_method": "S256"} | client_kwargs,
        )

    return make


@pytest.fixture
def browser(demo):
    """A browser that nobody has signed in with."""
    return Browser(demo.issuer)
