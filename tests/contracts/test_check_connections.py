"""What ``midwatch check`` says about Slack and the model: right when it works, and what to fix when not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.ledger import consultations, investigations
from agents.ledger.breaker import Breaker
from agents.ledger.consultations import Asked, Ended
from agents.ledger.incidents import accept
from agents.ledger.investigations import Lease
from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger
from evals.world.model.script import Line, Manner, Script
from evals.world.model.server import ModelOptions as EndpointOptions
from evals.world.model.server import ModelServer
from evals.world.slack import SlackOptions, SlackServer
from evals.world.slack.options import DEFAULT_SCOPES
from evals.world.slack.people import GENERAL, SHARED
from midwatch.check import check_all
from midwatch.check_model import model, model_breaker
from midwatch.check_result import Part, Result
from midwatch.check_slack import slack
from midwatch.settings import Settings
from midwatch.web.slack import PATH
from midwatch.wiring import ledger_of
from tests.support.front_desk import FrontDesk, front_desk, settings_for
from tests.support.patience import patient
from tests.support.plans import a_delivery, an_alert
from tests.support.slack_world import silent_listener


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def checked(desk: FrontDesk, **changes: Any) -> Result:
    """The check of the way in, with settings that differ from those the desk runs with."""
    given = {"public_url": desk.url.removesuffix(PATH)} | changes
    *others, way = desk.run(slack(desk.settings.model_copy(update=given)))
    assert [one.what for one in others] == ["slack", "slack scopes", "slack channel", "slack clock"]
    assert all(one.ok for one in others), others
    return way


def test_a_served_address_that_takes_our_signature_is_fine(desk: FrontDesk) -> None:
    way = checked(desk)
    assert way.ok, way.says
    assert desk.url in way.says
    assert desk.state() is PlanState.PENDING


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slack_signing_secret": SecretStr("f" * 32)}, "the secret there is another"),
        ({"public_url": "http://127.0.0.1:1"}, "no answer (ConnectError)"),
        ({"public_url": "http://[::1"}, "no answer (InvalidURL)"),
    ],
)
def test_a_wrong_address_or_secret_is_said_in_words(
    desk: FrontDesk, changes: dict[str, Any], words: str
) -> None:
    way = checked(desk, **changes)
    assert not way.ok
    assert words in way.says
    assert "f" * 32 not in way.says


def test_an_address_that_leads_elsewhere_is_seen(desk: FrontDesk) -> None:
    # The pretend workspace itself has no such route.
    way = checked(desk, public_url=desk.slack.page_url.removesuffix("/page"))
    assert not way.ok
    assert "got 404 instead of 401" in way.says


def test_an_address_that_never_answers_is_not_waited_for(desk: FrontDesk) -> None:
    with silent_listener() as url:
        way = checked(desk, public_url=url.removesuffix(PATH))
    assert not way.ok
    assert "no answer (ReadTimeout)" in way.says


@pytest.mark.parametrize(("token", "ok"), [(None, True), ("xapp-1-wrong", False)])
async def test_the_app_token_is_tried_in_socket_mode(token: str | None, ok: bool, tmp_path: Path) -> None:
    with SlackServer(patient()) as workspace:
        given = {} if token is None else {"slack_app_token": SecretStr(token)}
        results = await slack(settings_for(workspace, tmp_path, "socket", **given))
        assert [result.ok for result in results] == [True, True, True, True, ok]
        assert ok or "connections:write" in results[-1].says
        assert workspace.connections == 0


def without(*scopes: str) -> SlackOptions:
    return patient(scopes=DEFAULT_SCOPES - set(scopes))


@pytest.mark.parametrize(
    ("options", "changes", "what", "words"),
    [
        (without("files:write"), {}, "slack scopes", "missing: files:write;"),
        (without("commands", "files:write"), {}, "slack scopes", "missing: commands, files:write;"),
        (patient(), {"slack_channel": GENERAL}, "slack channel", "the app is not in #general"),
        (patient(), {"slack_channel": SHARED}, "slack channel", "shared with another company"),
        (patient(), {"slack_channel": "C0NOWHERE01"}, "slack channel", "channel_not_found"),
    ],
)
async def test_what_the_app_lacks_in_slack_is_named_with_what_to_do(
    tmp_path: Path, options: SlackOptions, changes: dict[str, str], what: str, words: str
) -> None:
    with SlackServer(options) as workspace:
        results = await slack(settings_for(workspace, tmp_path, "socket", **changes))
    (bad,) = [one for one in results if not one.ok]
    assert bad.what == what
    assert words in bad.says


async def test_a_clock_that_is_off_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SlackServer(patient()) as workspace:
        monkeypatch.setattr("midwatch.check_slack.time.time", lambda: 0.0)
        results = await slack(settings_for(workspace, tmp_path, "socket"))
    (bad,) = [one for one in results if not one.ok]
    assert (bad.what, "off Slack's" in bad.says) == ("slack clock", True)


async def test_a_wrong_bot_token_is_one_line_and_ends_the_check(tmp_path: Path) -> None:
    with SlackServer(patient()) as workspace:
        wrong = {"slack_bot_token": SecretStr("xoxb-wrong")}
        (result,) = await slack(settings_for(workspace, tmp_path, "http", **wrong))
        assert not result.ok
        assert "invalid_auth" in result.says


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line(answer={"total": 5}, times=None), ""),
        (Line(manner=Manner.SERVER_ERROR, times=None), "unavailable"),
        (Line(manner=Manner.REFUSING, answer="no", times=None), "it refused"),
        (Line(manner=Manner.MALFORMED, answer="five", times=None), "another shape"),
        (Line(manner=Manner.NOT_JSON, times=None), "another shape"),
    ],
)
async def test_the_model_is_asked_one_small_question(line: Line, words: str) -> None:
    endpoint = ModelServer(EndpointOptions(script=Script([line])))
    endpoint.start()
    try:
        (result,) = await model(model_settings(endpoint, "sk-pretend"))
        assert result.ok is (not words), result.says
        assert words in result.says
        assert endpoint.requests
    finally:
        endpoint.stop()


async def test_a_wrong_key_for_the_model_is_said_without_the_key() -> None:
    endpoint = ModelServer()
    endpoint.start()
    try:
        (result,) = await model(model_settings(endpoint, "sk-wrong-and-secret"))
        assert not result.ok
        assert "model_api_key" in result.says
        assert "sk-wrong" not in result.says
    finally:
        endpoint.stop()


async def test_without_a_model_there_is_nothing_to_fix() -> None:
    (result,) = await model(Settings())
    assert result.ok


async def test_each_model_is_tried_once_and_what_the_breaker_says_is_told(tmp_path: Path) -> None:
    script = Script([Line(answer={"total": 5}, times=None)])
    endpoint = ModelServer(EndpointOptions(script=script, models=("weak", "strong")))
    endpoint.start()
    try:
        both = {"model_name": "weak", "model_opinion_name": "strong", "state_dir": tmp_path}
        settings = model_settings(endpoint, "sk-pretend", **both)
        assert {result.says.partition(" ")[0] for result in await model(settings)} == {"weak", "strong"}
        (missing,) = await model_breaker(settings)
        assert not missing.ok, "the ledger is not there yet"
        ledger = ledger_of(settings)
        held = a_lease(ledger)
        (closed,) = await model_breaker(settings)
        assert closed.ok, closed.says
        limits = Breaker(failures=settings.model_failures)
        for _ in range(settings.model_failures):
            asked = consultations.begin(ledger, held, asking("strong"), limits)
            assert isinstance(asked, int)
            consultations.end(ledger, held, asked, Ended(outcome="unavailable", problem="no answer in time"))
        (resting,) = await model_breaker(settings)
        assert not resting.ok
        assert "strong failed 5 times in a row" in resting.says
        assert "weak" not in resting.says
        ledger.close()
    finally:
        endpoint.stop()


def a_lease(ledger: Ledger) -> Lease:
    accept(ledger, [a_delivery(datetime.now(UTC), an_alert(datetime.now(UTC)))])
    held = investigations.take(ledger, 1, "worker", 600)
    assert held is not None
    return held


def asking(name: str) -> Asked:
    return Asked(turn=1, stage="opinion", key="k", prompt="p", model=name, reserved=10, seconds=1)


def model_settings(endpoint: ModelServer, key: str, **more: Any) -> Settings:
    given = {"model_base_url": endpoint.url, "model_name": "pretend-1", "model_api_key": SecretStr(key)}
    return Settings(**(given | more))


def test_one_part_is_looked_at_by_itself_and_what_was_found_of_all_stays_as_it_was(
    tmp_path: Path,
) -> None:
    heard: list[str] = []
    found = asyncio.run(check_all(Settings(state_dir=tmp_path), heard.append, {Part.SLACK}))
    assert ([one.what for one in found], heard) == (["slack"], ["trying the chat"])
    assert list(tmp_path.iterdir()) == []
