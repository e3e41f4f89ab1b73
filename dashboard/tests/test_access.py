"""Who may see what: roles from groups, and the real sign-in against a provider of our own."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, Page, expect

from vitalstream_dashboard import access
from vitalstream_dashboard.access import Role
from vitalstream_dashboard.settings import SignInSettings
from vitalstream_devstack.databases import Database

SLOW = 120_000


def sign_in(**given: str) -> SignInSettings:
    """Settings of a sign-in that is on."""
    needed = {
        "metadata_url": "https://id.example/.well-known/openid-configuration",
        "client_id": "vitalstream",
        "client_secret": "s",
        "redirect_url": "https://vitals.example/oauth2callback",
        "cookie_secret": "c" * 32,
    }
    return SignInSettings.model_validate({**needed, **given})


@pytest.mark.parametrize(
    ("settings", "claims", "role"),
    [
        ({"operator_groups": "ops, admins"}, {"groups": ["admins", "x"]}, Role.OPERATOR),
        ({"operator_groups": "ops"}, {"groups": ["x"]}, Role.VIEWER),
        ({"operator_groups": "ops"}, {}, Role.VIEWER),
        ({"viewer_groups": "ward"}, {"groups": ["ward"]}, Role.VIEWER),
        ({"viewer_groups": "ward"}, {"groups": ["warden"]}, Role.NOBODY),
        ({"viewer_groups": "ward"}, {"groups": "ward"}, Role.VIEWER),
        ({"viewer_groups": "ward"}, {"groups": 7}, Role.NOBODY),
        ({"viewer_groups": "ward"}, {}, Role.NOBODY),
        ({"viewer_groups": "ward", "operator_groups": "ops"}, {"groups": ["ops"]}, Role.OPERATOR),
        ({}, {}, Role.VIEWER),
        (
            {"groups_claim": "realm_access.roles", "operator_groups": "ops"},
            {"realm_access": {"roles": ["ops"]}},
            Role.OPERATOR,
        ),
        (
            {"groups_claim": "realm_access.roles", "viewer_groups": "ops"},
            {"realm_access": "ops"},
            Role.NOBODY,
        ),
    ],
)
def test_groups_become_roles(settings: dict[str, str], claims: Any, role: Role) -> None:
    """Operators by their groups; viewers by theirs, or everybody where none are named."""
    assert access.role_of(sign_in(**settings), claims) is role


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"DASHBOARD_OIDC_METADATA_URL": "https://id.example/x"}, "DASHBOARD_OIDC_CLIENT_ID"),
        ({"DASHBOARD_OIDC_METADATA_URL": "id.example"}, "DASHBOARD_OIDC_METADATA_URL"),
        ({"DASHBOARD_OIDC_REDIRECT_URL": "https://x.example/"}, "DASHBOARD_OIDC_REDIRECT_URL"),
        ({"DASHBOARD_OIDC_COOKIE_SECRET": "short"}, "DASHBOARD_OIDC_COOKIE_SECRET"),
    ],
)
def test_half_a_sign_in_does_not_start(start: Any, given: dict[str, str], variable: str) -> None:
    """What is missing or wrong ends the start with a line that names it, and no secret."""
    code, _, said = start(**given).end()
    assert code == 78
    assert variable in said
    assert "short" not in said


class Provider(BaseHTTPRequestHandler):
    """The least OpenID Connect provider: signs in whoever it is told to, without asking."""

    key: ClassVar[RSAKey] = RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256", "use": "sig"})
    groups: ClassVar[list[str]] = []
    nonces: ClassVar[dict[str, str]] = {}

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    @property
    def issuer(self) -> str:
        """Its own address."""
        return f"http://{self.headers['Host']}"

    def do_GET(self) -> None:
        """Discovery, keys, and the page that a person would sign in at."""
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            self._answer(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "code_challenge_methods_supported": ["S256"],
                }
            )
        elif parts.path == "/keys":
            self._answer({"keys": [self.key.as_dict(private=False)]})
        else:
            assert asked["code_challenge_method"] == "S256"
            self.nonces["code"] = asked.get("nonce", "")
            query = urlencode({"code": "code", "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{query}")
            self.end_headers()

    def do_POST(self) -> None:
        """The token, for the dashboard that knows its password."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        assert login == "vitalstream:the-secret"
        assert parse_qs(body)["code"] == ["code"]
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "1",
            "aud": "vitalstream",
            "iat": now,
            "exp": now + 3_600,
            "nonce": self.nonces["code"],
            "name": "Ward <b>Lead</b>",
            "groups": self.groups,
        }
        token = jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key)
        self._answer({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _answer(self, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def provider() -> Iterator[str]:
    """A running provider, by its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def guarded_tab(
    browser: Browser, start: Any, database: Database, provider: str, free_port: Any
) -> Iterator[Page]:
    """A page that nobody is signed in at."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    program = start(
        DATABASE_URL=database.url("viewer"),
        STREAMLIT_SERVER_PORT=str(port),
        DASHBOARD_OIDC_METADATA_URL=f"{provider}/.well-known/openid-configuration",
        DASHBOARD_OIDC_CLIENT_ID="vitalstream",
        DASHBOARD_OIDC_CLIENT_SECRET="the-secret",  # noqa: S106 - of the provider above
        DASHBOARD_OIDC_REDIRECT_URL=f"{address}/oauth2callback",
        DASHBOARD_OIDC_COOKIE_SECRET="0123456789abcdef0123456789abcdef",  # noqa: S106 - likewise
        DASHBOARD_OIDC_VIEWER_GROUPS="ward",
        DASHBOARD_OIDC_OPERATOR_GROUPS="ops",
    )
    program.page_port = port
    program.wait_for("/readyz", 200)
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(SLOW)
    page.goto(address)
    yield page
    context.close()


@pytest.mark.browser
@pytest.mark.timeout(400)
@pytest.mark.parametrize("groups", [["ward"], ["ops"], ["elsewhere"]])
def test_signed_in_at_a_real_provider(guarded_tab: Page, groups: list[str]) -> None:
    """Nothing is shown before; then what the groups allow; a typed address opens no more."""
    page = guarded_tab
    Provider.groups = groups
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=SLOW)
    assert page.get_by_test_id("stMetric").count() == 0
    page.get_by_role("button", name="Sign in").click()
    if groups == ["elsewhere"]:
        expect(page.get_by_text("None of your groups may see this page")).to_be_visible(
            timeout=SLOW
        )
        assert page.get_by_test_id("stMetric").count() == 0
        return
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("Ward <b>Lead</b>")).to_be_visible(timeout=SLOW)
    assert page.get_by_text("no sign-in configured").count() == 0
    operator = groups == ["ops"]
    expect(page.get_by_text("Download with identity")).to_have_count(int(operator), timeout=SLOW)
    address = urlsplit(page.url)
    page.goto(f"{address.scheme}://{address.netloc}/operations")
    shown = "Records waiting" if operator else "Only operators may see this page"
    expect(page.get_by_text(shown)).to_be_visible(timeout=SLOW)
    assert (page.get_by_text("Records waiting").count() > 0) is operator
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=SLOW)
