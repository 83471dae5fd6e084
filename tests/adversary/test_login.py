"""Logins that must not count: forged answers, bent ID tokens, wrong workspaces (threats T51, T53)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evals.processes import free_port
from evals.world.openid import OpenIdServer
from evals.world.slack import SlackServer
from evals.world.slack.people import ADA, BEN, GUS
from midwatch.login import provider as providers
from midwatch.serve import _pages
from tests.support.door import by_oidc, by_slack, query_of, visitor
from tests.support.patience import PATIENCE_S, patient


@pytest.fixture
def provider() -> Iterator[OpenIdServer]:
    with OpenIdServer() as running:
        yield running


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as running:
        yield running


LIES: dict[str, dict[str, Any]] = {
    "no signature": {"algorithm": "none"},
    "the public key as a shared secret": {"algorithm": "HS256"},
    "another key under the same id": {"foreign_key": True},
    "claims changed after signing": {"garbled": True},
    "for another client": {"claims": {"aud": "somebody-else"}},
    "for us and another, and nobody says who asked": {"claims": {"aud": ["midwatch", "somebody-else"]}},
    "asked for by another client": {"claims": {"azp": "somebody-else"}},
    "by another issuer": {"claims": {"iss": "http://127.0.0.1:1"}},
    "of another login": {"claims": {"nonce": "of-another-login"}},
    "of no login": {"claims": {"nonce": None}},
    "too old": {"claims": {"exp": int(time.time()) - 3600}},
    "without an end": {"claims": {"exp": None}},
    "not valid yet": {"claims": {"nbf": int(time.time()) + 3600}},
    "about nobody": {"claims": {"sub": None}},
    "with another access token": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
}


@pytest.mark.parametrize("lie", LIES)
async def test_t51_an_id_token_that_does_not_hold_logs_nobody_in(
    tmp_path: Path, provider: OpenIdServer, lie: str
) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        for name, value in LIES[lie].items():
            setattr(provider.issuer.lies, name, value)
        answer = await somebody.log_in("oidc", "ada")
        assert answer.status_code == 403
        assert "You were not logged in" in answer.text
        assert (await somebody.get("/incidents")).status_code == 303
        assert len(somebody.events("web:session:refuse")) == 1
        assert somebody.events("web:session:open") == []


async def test_t51_an_answer_that_this_browser_did_not_ask_for_is_refused(
    tmp_path: Path, provider: OpenIdServer
) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        back = await somebody.from_provider(await somebody.to_provider("oidc"), "ada")
        # The victim's browser is led to an attacker's answer: it never began, or it began another login.
        somebody.client.cookies.clear()
        assert (await somebody.client.get(back)).status_code == 403
        await somebody.to_provider("oidc")
        assert (await somebody.client.get(back)).status_code == 403
        assert provider.issuer.lies.claims == {}


@pytest.mark.parametrize("change", [{"state": "forged"}, {"state": ""}, {"code": "forged"}, {"code": ""}])
async def test_t51_a_forged_state_or_code_is_refused(
    tmp_path: Path, provider: OpenIdServer, change: dict[str, str]
) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        back = await somebody.from_provider(await somebody.to_provider("oidc"), "ada")
        said = {**query_of(back), **change}
        assert (await somebody.client.get("/login/oidc/callback", params=said)).status_code == 403


async def test_t51_a_code_counts_once(tmp_path: Path, provider: OpenIdServer) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        address = await somebody.to_provider("oidc")
        begun = somebody.client.cookies.get("midwatch_session_login")
        back = await somebody.from_provider(address, "ada")
        assert (await somebody.client.get(back)).status_code == 303
        somebody.client.cookies.clear()
        somebody.client.cookies.set("midwatch_session_login", begun or "")
        assert (await somebody.client.get(back)).status_code == 403


async def test_t51_a_code_that_was_stolen_on_the_way_is_worth_nothing_without_the_verifier(
    tmp_path: Path, provider: OpenIdServer
) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        back = await somebody.from_provider(await somebody.to_provider("oidc"), "ada")
        stolen = {
            "code": query_of(back)["code"],
            "client_id": "midwatch",
            "client_secret": provider.issuer.client_secret,
            "redirect_uri": "http://pages.test/login/oidc/callback",
            "code_verifier": "guessed",
        }
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as thief:
            found = await thief.post(f"{provider.url}/token", data=stolen)
        assert found.json() == {"error": "invalid_grant"}


async def test_t51_a_key_that_was_rotated_is_fetched_and_the_old_one_no_longer_counts(
    tmp_path: Path, provider: OpenIdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "KEYS_AGAIN_S", 0.0)
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        assert (await somebody.log_in("oidc", "ada")).status_code == 303
        provider.issuer.rotate()
        assert (await somebody.log_in("oidc", "ada")).status_code == 303
        provider.issuer.lies.retired_key = True
        assert (await somebody.log_in("oidc", "ada")).status_code == 403


async def test_t53_an_address_that_the_provider_did_not_verify_is_nobodys(
    tmp_path: Path, provider: OpenIdServer
) -> None:
    lists = {"login_viewers": ("email:ada@example.org",)}
    async with visitor(tmp_path, **by_oidc(provider, **lists)) as somebody:
        assert (await somebody.log_in("oidc", "eve")).status_code == 403
        assert (await somebody.log_in("oidc", "ada")).status_code == 303


@pytest.mark.parametrize(
    ("team", "user"), [("T0FOREIGN01", ADA), ("", ADA), ("T0PRETEND001", "../x"), ("T0PRETEND001", BEN)]
)
async def test_t53_somebody_of_another_workspace_or_under_another_id_is_nobody_here(
    tmp_path: Path, slack: SlackServer, team: str, user: str
) -> None:
    lists = {"login_viewers": (f"slack:{slack.credentials.team_id}/*",)}
    async with visitor(tmp_path, **by_slack(slack, **lists)) as somebody:
        slack.issuer.lies.claims = {"https://slack.com/team_id": team, "https://slack.com/user_id": user}
        assert (await somebody.log_in("slack", ADA)).status_code == 403
        slack.issuer.lies.claims = {}
        assert (await somebody.log_in("slack", ADA)).status_code == 303


async def test_t53_a_member_in_no_list_and_not_on_the_roster_stays_outside(
    tmp_path: Path, slack: SlackServer
) -> None:
    async with visitor(tmp_path, **by_slack(slack)) as somebody:
        answer = await somebody.log_in("slack", GUS)
        assert answer.status_code == 403
        assert "no role here is given to you" in answer.text
        assert (await somebody.get("/incidents")).status_code == 303
        assert GUS in somebody.events("web:session:refuse")[0]


OUTSIDE = [
    "https://evil.test/",
    "//evil.test/",
    "/\\evil.test",
    "/\t/evil.test",
    "\\\\evil.test",
    "javascript:alert(1)",
    "incidents",
    "http:///evil.test",
    "/" + "x" * 2000,
]


@pytest.mark.parametrize("then", OUTSIDE)
async def test_t51_a_login_leads_nowhere_but_to_our_own_pages(
    tmp_path: Path, provider: OpenIdServer, then: str
) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as somebody:
        answer = await somebody.log_in("oidc", "ada", then)
        assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")


async def test_t51_a_provider_that_says_it_is_another_is_not_asked(
    tmp_path: Path, provider: OpenIdServer
) -> None:
    with OpenIdServer() as other:
        provider.issuer.base = lambda: other.url
        async with visitor(tmp_path, **by_oidc(provider)) as somebody:
            answer = await somebody.client.get("/login/oidc")
            assert answer.status_code == 503
            assert "says that it is another issuer" in answer.text


async def test_t51_whoever_fails_too_often_waits_and_nobody_else_does(tmp_path: Path) -> None:
    async with visitor(tmp_path) as somebody:
        for _ in range(20):
            assert (await somebody.client.post("/login", data={"token": "guess"})).status_code == 401
        answer = await somebody.client.post("/login", data={"token": "guess"})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 61
        transport = httpx.ASGITransport(somebody.app, client=("127.0.0.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://pages.test") as other:
            assert (await other.post("/login", data={"token": "guess"})).status_code == 401
        assert len(somebody.events("web:session:refuse")) == 21


PROXY = {
    "login_proxy_header": "X-Forwarded-User",
    "login_proxy_groups_header": "X-Forwarded-Groups",
    "login_proxy_addresses": ("10.1.0.0/16", "::1"),
    "login_viewers": ("user:ada", "group:sre"),
}


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("10.1.2.3", [("X-Forwarded-User", "ada")], 200),
        ("::1", [("X-Forwarded-User", "ada")], 200),
        ("10.1.2.3", [("X-Forwarded-User", "ben"), ("X-Forwarded-Groups", "dev, sre")], 200),
        ("10.1.2.3", [("X-Forwarded-User", "ben")], 401),
        ("10.1.2.3", [("X-Forwarded-User", "ada"), ("X-Forwarded-User", "ada")], 401),
        ("10.1.2.3", [("X-Forwarded-User", " ")], 401),
        ("10.1.2.3", [], 401),
        ("10.2.0.1", [("X-Forwarded-User", "ada")], 401),
        ("127.0.0.1", [("X-Forwarded-User", "ada"), ("X-Forwarded-For", "10.1.2.3")], 401),
        ("testclient", [("X-Forwarded-User", "ada")], 401),
    ],
)
async def test_t53_a_name_in_a_header_counts_from_the_proxy_alone(
    tmp_path: Path, host: str, headers: list[tuple[str, str]], status: int
) -> None:
    async with visitor(tmp_path, host, **PROXY) as somebody:
        found = await somebody.client.get("/incidents", headers=headers)
        assert found.status_code == status


async def test_t53_over_a_socket_too_nobody_comes_from_where_a_header_says(tmp_path: Path) -> None:
    # The server itself would rewrite the address for a client on this machine, before our code sees it.
    port = free_port()
    async with visitor(tmp_path, **PROXY, listen=f"127.0.0.1:{port}") as at:
        stop = asyncio.Event()
        serving = asyncio.create_task(_pages(at.settings, at.app, stop))
        # It tries again by itself until the server listens.
        patient = httpx.AsyncHTTPTransport(retries=6)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=patient) as forger:
            headers = {"X-Forwarded-User": "ada", "X-Forwarded-For": "10.1.2.3"}
            assert (await forger.get("/incidents", headers=headers)).status_code == 401
        stop.set()
        await serving
