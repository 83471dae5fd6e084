"""Slack over HTTP as ``midwatch serve`` has it: its web application on a port, its office and bolt behind,
a pretend workspace in front, and one plan that waits for a signature on a posted card.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
import yaml
from pydantic import SecretStr
from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import Response

from agents.gatekeeper.counter import counter
from agents.gatekeeper.office import Office
from agents.gatekeeper.posting import advance
from agents.incident import Plan, Preview
from agents.ledger import decisions, incidents, investigations, moves, previews
from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from evals.world.slack import FalseClick, Forge, Person, SlackServer
from evals.world.slack.httpmode import Signed
from evals.world.slack.people import ADA, BEN, INCIDENTS
from evals.world.slack.wire import JsonObject
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.web.slack import PATH, Gate, router
from midwatch.wiring import ledger_of, office_of
from tests.support.ledgers import empty_ledger
from tests.support.patience import PATIENCE_S, patient
from tests.support.plans import a_delivery, a_plan, an_alert

T = TypeVar("T")


@dataclass(kw_only=True)
class FrontDesk:
    """Everything a test of the route wants to reach."""

    slack: SlackServer
    settings: Settings
    ledger: Ledger
    office: Office
    gate: Gate
    plan: Plan
    url: str
    loop: asyncio.AbstractEventLoop
    passed: list[bytes] = field(default_factory=list)
    """The bodies that reached bolt."""

    @property
    def forge(self) -> Forge:
        return Forge(self.slack)

    def person(self, user_id: str = ADA) -> Person:
        return Person(self.slack.page_url, user_id)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def click(self, user_id: str = ADA, action_id: str = "approve", **differs: Any) -> JsonObject:
        """A click on the card's button that differs from an honest one as wanted."""
        button = {"channel": INCIDENTS, "ts": self.card_ts, "value": self.office.seal.button(self.plan.id)}
        false = FalseClick(user_id=user_id, action_id=action_id, **{**button, **differs})
        return self.forge.click(false)

    def post(self, request: Signed, **headers: str) -> tuple[int, str]:
        return self.forge.post(self.url, request, **headers)

    @property
    def card_ts(self) -> str:
        with self.ledger.read() as session:
            found = moves.standing(session, self.plan.id)
        assert isinstance(found, moves.Standing)
        return found.proposal.message_ts

    def state(self) -> PlanState:
        with self.ledger.read() as session:
            found = moves.standing(session, self.plan.id)
        assert isinstance(found, moves.Standing)
        return found.state

    def decided(self) -> list[str]:
        with self.ledger.read() as session:
            return [d.approver.user_id for d in decisions.decisions_of(session, self.plan.id)]

    def said(self, *tags: Tag) -> list[str]:
        with self.ledger.read() as session:
            wanted = [tag.value for tag in tags]
            query = select(AuditRow).where(col(AuditRow.tag).in_(wanted)).order_by(col(AuditRow.seq))
            return [row.body.decode() for row in session.exec(query)]


def draft(ledger: Ledger, *diffs: str, **changes: Any) -> Plan:
    """A previewed plan for incident 1, ready to be shown for signing."""
    now = ledger.now()
    incidents.accept(ledger, [a_delivery(now, an_alert(now))])
    lease = investigations.take(ledger, 1, "the test", 60)
    assert lease is not None
    plan = a_plan(now, **changes)
    investigations.draft(ledger, lease, plan, "why")
    shown = Preview(plan_id=plan.id, at=now, diffs=diffs or ("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    investigations.release(ledger, lease)
    return plan


def settings_for(slack: SlackServer, folder: Path, mode: str, **changes: Any) -> Settings:
    """The settings of a gatekeeper that Ada and Ben sign for."""
    us = slack.credentials
    people = [
        {"user_id": who, "team_id": us.team_id, "tiers": [1, 2, 3], "namespaces": ["*"]} for who in (ADA, BEN)
    ]
    (folder / "roster.yaml").write_text(yaml.safe_dump({"approvers": people}), encoding="utf-8")
    given: dict[str, Any] = {
        "state_dir": folder,
        "roster_file": folder / "roster.yaml",
        "slack_mode": mode,
        "slack_api_url": slack.url,
        "slack_bot_token": SecretStr(us.bot_token),
        "slack_app_token": SecretStr(us.app_token),
        "slack_signing_secret": SecretStr(us.signing_secret),
        "slack_channel": INCIDENTS,
        # The pretend workspace takes more than Slack does, and no test waits for a turn that is not about it.
        "slack_pace": 1000,
        "webhook_token": SecretStr("only Alertmanager knows this one"),
    }
    return Settings(**given | changes)


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


@contextmanager
def front_desk(folder: Path, **changes: Any) -> Iterator[FrontDesk]:
    """The whole of it, served by a thread of its own; the card is up when this yields. ``changes`` are the
    plan's.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="front-desk")
    thread.start()
    try:
        with SlackServer(patient()) as slack:
            settings = settings_for(slack, folder, "http")
            empty_ledger(settings.state_dir / "midwatch.db")
            ledger = ledger_of(settings)
            try:
                desk = _desk(slack, settings, draft(ledger, **changes), (ledger, loop))
                with serving(desk):
                    yield desk
            finally:
                ledger.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _desk(
    slack: SlackServer, settings: Settings, plan: Plan, runs: tuple[Ledger, asyncio.AbstractEventLoop]
) -> FrontDesk:
    ledger, loop = runs
    office = asyncio.run_coroutine_threadsafe(office_of(settings, ledger), loop).result(PATIENCE_S)
    # A busy machine is no answer of Slack's.
    office.click_waits_s = PATIENCE_S
    asyncio.run_coroutine_threadsafe(advance(office, 1), loop).result(PATIENCE_S)
    secret = slack.credentials.signing_secret
    passed: list[bytes] = []
    gate = _watched(Gate.before(counter(office, secret), secret, ledger), passed)
    return FrontDesk(
        slack=slack,
        settings=settings,
        ledger=ledger,
        office=office,
        gate=gate,
        plan=plan,
        url="",
        loop=loop,
        passed=passed,
    )


def _watched(gate: Gate, passed: list[bytes]) -> Gate:
    async def dispatch(request: Request) -> Response:
        passed.append(await request.body())
        return await gate.dispatch(request)

    # Nor is it a ledger that is away.
    return replace(gate, dispatch=dispatch, spend_within_s=PATIENCE_S)


@contextmanager
def serving(desk: FrontDesk) -> Iterator[None]:
    """The application on a free port; ``desk.url`` and the workspace point to it."""
    ready = threading.Event()
    app = application(desk.settings, desk.ledger, router(desk.gate))
    server = _Announcing(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1), ready)
    # Named TCP, as it is when uvicorn binds by itself: only then does asyncio send small answers at once.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        serving = asyncio.run_coroutine_threadsafe(server._serve(sockets=[listener]), desk.loop)
        assert ready.wait(PATIENCE_S)
        desk.url = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        desk.slack.use("http", desk.url)
        try:
            yield
        finally:
            server.should_exit = True
            serving.result(PATIENCE_S)
