"""The door of the pages: each way in, the roles, how a login ends, and what a form must carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from agents.incident import Approver
from agents.ledger import accounts, sessions
from agents.ledger.accounts import Seen
from agents.ledger.sessions import Account, Limits
from agents.ledger.store import Ledger
from evals.world.openid import OpenIdServer
from evals.world.slack import SlackServer
from evals.world.slack.people import ADA, MIA
from midwatch.check_login import login as check
from midwatch.login import roles
from midwatch.settings import Settings
from midwatch.settings_load import SettingsError, load
from tests.support.door import Visitor, by_oidc, by_slack, visitor
from tests.support.patience import patient

TOKEN = "foo"
DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


@pytest.fixture
def provider() -> Iterator[OpenIdServer]:
    with OpenIdServer() as running:
        yield running


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as running:
        yield running


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A state folder whose login token is known."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "login.sha256").write_text(DIGEST, encoding="ascii")
    return tmp_path


def a_roster(folder: Path, *users: str) -> None:
    listed = [{"team_id": "T0PRETEND001", "user_id": user, "tiers": [1]} for user in users]
    (folder / "roster.yaml").write_text(yaml.safe_dump({"approvers": listed}), encoding="utf-8")


async def test_by_openid_connect_to_the_page_that_was_wanted_and_back_out(
    tmp_path: Path, provider: OpenIdServer
) -> None:
    async with visitor(tmp_path, **by_oidc(provider)) as ada:
        asked = await ada.get("/ledger?before=9")
        assert asked.headers["location"] == "/login?next=%2Fledger%3Fbefore%3D9"
        door = await ada.get(asked.headers["location"])
        assert "/login/oidc?next=%2Fledger%3Fbefore%3D9" in door.text.replace("/ledger", "%2Fledger")
        answer = await ada.log_in("oidc", "ada", "/ledger?before=9")
        assert (answer.status_code, answer.headers["location"]) == (303, "/ledger?before=9")
        assert "Ada Okafor" in (await ada.get("/incidents")).text
        csrf, kept = await ada.csrf(), dict(ada.client.cookies)
        assert (await ada.client.post("/logout", data={"csrf": csrf})).status_code == 303
        ada.client.cookies.update(kept)
        assert (await ada.get("/incidents")).status_code == 303, "a copy of the cookie opens nothing"
        assert '"by":"ada@example.org"' in ada.events("web:session:open")[0]
        assert len(ada.events("web:session:close")) == 1


async def test_t53_whoever_is_on_the_roster_is_an_approver_until_they_are_not(
    tmp_path: Path, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "ROSTER_FOR_S", -1.0)
    a_roster(tmp_path, ADA)
    async with visitor(tmp_path, **by_slack(slack)) as ada:
        assert (await ada.log_in("slack", ADA)).status_code == 303
        assert "approver" in (await ada.get("/incidents")).text
        a_roster(tmp_path, MIA)
        assert (await ada.get("/incidents")).status_code == 303
        a_roster(tmp_path, ADA)
        assert (await ada.get("/incidents")).status_code == 200
        (tmp_path / "roster.yaml").write_text("approvers: [", encoding="utf-8")
        assert (await ada.get("/incidents")).status_code == 303


async def test_t53_an_account_that_the_chat_calls_gone_opens_nothing_any_more(
    tmp_path: Path, slack: SlackServer
) -> None:
    a_roster(tmp_path, ADA)
    async with visitor(tmp_path, **by_slack(slack)) as ada:
        await ada.log_in("slack", ADA)
        person = Approver(team_id="T0PRETEND001", user_id=ADA)
        accounts.record(ada.ledger, 1, Seen(approver=person, good=False, at=datetime.now(UTC)))
        assert (await ada.get("/incidents")).status_code == 303


async def test_each_login_gets_a_cookie_of_its_own_and_ends_the_one_before(known: Path) -> None:
    async with visitor(known) as somebody:
        seen = set()
        for _ in range(2):
            await somebody.client.post("/login", data={"token": TOKEN})
            seen.add(somebody.client.cookies["midwatch_session"])
        first, second = sorted(seen, key=lambda one: one == somebody.client.cookies["midwatch_session"])
        for secret, status in ((first, 401), (second, 200)):
            headers = {"Cookie": f"midwatch_session={secret}"}
            transport = httpx.ASGITransport(somebody.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://pages.test") as other:
                assert (await other.get("/incidents", headers=headers)).status_code == status


async def test_t51_a_session_that_somebody_planted_before_the_login_is_not_used(known: Path) -> None:
    async with visitor(known) as somebody:
        somebody.client.cookies.set("midwatch_session", "planted", domain="pages.test")
        answer = await somebody.client.post("/login", data={"token": TOKEN})
        assert "planted" not in answer.headers["set-cookie"]


async def test_over_tls_the_cookie_is_bound_to_this_host_and_the_browser_stays_on_tls(known: Path) -> None:
    async with visitor(known, public_url="https://pages.test") as somebody:
        answer = await somebody.client.post("/login", data={"token": TOKEN})
        cookie = answer.headers.get_list("set-cookie")[0]
        assert cookie.startswith("__Host-midwatch=")
        for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert (await somebody.get("/incidents")).headers["cache-control"] == "no-store"


@dataclass
class Hands:
    """A clock that is turned by hand."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 27, 3, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


ADA_OF_OIDC = Account(method="oidc", subject="ada@example.org", name="Ada", ids=frozenset({"group:sre"}))
LIMITS = Limits(idle=timedelta(hours=1), whole=timedelta(hours=3))


def test_a_login_ends_when_it_is_not_used_and_ends_in_any_case(ledger_url: str) -> None:
    clock = Hands()
    from agents.ledger.migrate import upgrade

    ledger = Ledger(ledger_url, clock=clock)
    upgrade(ledger.writer)
    sessions.begin(ledger, "idle", ADA_OF_OIDC, LIMITS)
    sessions.begin(ledger, "used", ADA_OF_OIDC, LIMITS)
    for _ in range(5):
        clock.now += timedelta(minutes=35)
        assert sessions.seen(ledger, "used", LIMITS) == ADA_OF_OIDC
    assert sessions.seen(ledger, "idle", LIMITS) is None
    clock.now += timedelta(minutes=6)
    assert sessions.seen(ledger, "used", LIMITS) is None
    assert sessions.seen(ledger, "never", LIMITS) is None
    ledger.close()


async def a_form(somebody: Visitor, headers: dict[str, str], **fields: str) -> int:
    return (await somebody.client.post("/logout", headers=headers, data=fields)).status_code


async def test_t52_a_form_counts_from_our_own_page_and_with_its_key(known: Path) -> None:
    async with visitor(known) as somebody:
        await somebody.client.post("/login", data={"token": TOKEN})
        csrf = await somebody.csrf()
        for elsewhere in (
            {"Origin": "https://evil.test"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            assert await a_form(somebody, elsewhere, csrf=csrf) == 403, elsewhere
        for wrong in ("", "0" * 64, csrf[:-1], "\ud800"):
            fields = {"csrf": wrong} if wrong.isprintable() else {}
            assert await a_form(somebody, {"Origin": "http://pages.test"}, **fields) == 403, wrong
        assert (await somebody.get("/incidents")).status_code == 200
        assert await a_form(somebody, {"X-CSRF-Token": csrf}) == 303


async def test_with_the_token_switched_off_neither_form_link_bearer_nor_an_old_cookie_opens(
    known: Path,
) -> None:
    async with visitor(known) as before:
        await before.client.post("/login", data={"token": TOKEN})
        cookie = before.client.cookies["midwatch_session"]
    async with visitor(known, login_token=False) as somebody:
        assert (await somebody.client.post("/login", data={"token": TOKEN})).status_code == 401
        assert (await somebody.client.get(f"/login?token={TOKEN}")).status_code == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await somebody.client.get("/incidents", headers=bearer)).status_code == 401
        old = {"Cookie": f"midwatch_session={cookie}"}
        assert (await somebody.client.get("/incidents", headers=old)).status_code == 401
        assert "Token printed" not in (await somebody.get("/login")).text


async def test_a_provider_that_is_away_is_said_and_the_other_ways_stay_open(
    known: Path, provider: OpenIdServer
) -> None:
    given = by_oidc(provider)
    provider._server.stop()
    async with visitor(known, **given) as somebody:
        answer = await somebody.client.get("/login/oidc")
        assert answer.status_code == 503
        assert "The identity provider is away" in answer.text
        assert "Token printed at the first start" in answer.text


async def test_check_says_which_ways_are_open_and_whether_each_works(
    tmp_path: Path, provider: OpenIdServer, slack: SlackServer
) -> None:
    listed = {**by_oidc(provider), **by_slack(slack)}
    good = await check(Settings(state_dir=tmp_path, public_url="http://pages.test", **listed))
    assert [one.ok for one in good] == [True, True, True]
    assert "http://pages.test/login/slack/callback" in " ".join(one.says for one in good)
    wrong = {**listed, "login_oidc_issuer": f"{provider.url}/nowhere"}
    bad = await check(Settings(state_dir=tmp_path, **wrong))
    assert [one.ok for one in bad] == [True, True, False]
    closed = await check(Settings(state_dir=tmp_path, login_token=False))
    assert [(one.ok, "nobody" in one.says) for one in closed] == [(False, True)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOGIN_SLACK_CLIENT_ID", "1.2", "login_slack_client_secret, login_slack_team is missing"),
        ("LOGIN_OIDC_ISSUER", "https://id.example.org", "login_oidc_client_id is missing"),
        ("LOGIN_PROXY_HEADER", "X-Forwarded-User", "login_proxy_addresses is missing"),
        ("LOGIN_PROXY_ADDRESSES", '["10.0.0.300"]', "login_proxy_addresses__0"),
        ("LOGIN_VIEWERS", '["everybody"]', "login_viewers__0"),
        ("LOGIN_VIEWERS", '["email:*"]', "login_viewers__0"),
        ("LOGIN_ADMIN", "[]", "did you mean MIDWATCH_LOGIN_ADMINS"),
    ],
)
def test_half_a_way_in_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"MIDWATCH_{name}", value)
    with pytest.raises(SettingsError, match=said.replace(".", r"\.")):
        load()
