"""A whole Midwatch for a story: its processes against a data centre in this one, and its ledger to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import httpx
import yaml
from sqlmodel import col, select

from agents.auditor.verify import verify
from agents.incident import IncidentState, Recovery
from agents.ledger.migrate import upgrade
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.store import Ledger
from agents.ledger.story import PlanView, Story, story
from agents.ledger.tables import AuditRow, IncidentRow
from agents.ledger.tags import Tag
from evals import oncall
from evals.processes import free_port
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.effects import Effect
from evals.world.kubernetes.objects import JsonObject
from evals.world.slack.options import Mode
from evals.world.slack.person import Person
from tests.support.datacentre import TOKEN, data_centre, wait_until
from tests.support.ledgers import empty_ledger
from tests.support.patience import PATIENCE_S, patient
from tests.support.processes import Forked, Process, Started


@dataclass(kw_only=True)
class Scene:
    """The data centre, the ledger and the folder of one story; processes are added as it goes."""

    centre: DataCentre
    ledger: Ledger
    folder: Path
    port: int
    stack: ExitStack
    started: list[Process] = field(default_factory=list)

    def person(self, who: str) -> Person:
        """One of the people of the workspace: oncall, second, member, guest or stranger."""
        return Person(self.centre.slack.page_url, self.centre.addresses()["slack"]["users"][who])

    def serve(self, point: str = "", **settings: str) -> Process:
        """``midwatch serve`` in a forked process, once it is ready; with a ``point`` it dies there."""
        process = Forked((point, "serve"), self._environment(_of_serve(self) | settings), self._log())
        self._begun(process)
        assert point or process.code() is None, process.tail()
        return process

    def start(self, **settings: str) -> Process:
        """``python -m midwatch serve``, as anybody starts it, once it is ready."""
        environment = self._environment(_of_serve(self) | settings)
        process = Started(["midwatch", "serve"], environment, self._log())
        self._begun(process)
        assert process.code() is None, process.tail()
        return process

    def _begun(self, process: Process) -> None:
        self._keep(process)
        self.until(lambda: process.code() is not None or _ready(self.port))

    def actor(self, point: str = "none", **settings: str) -> Process:
        """The actor alone, made to die at ``point``."""
        environment = self._environment(_of_actor(self) | settings)
        return self._keep(Forked((point, "actor"), environment, self._log()))

    def _keep(self, process: Process) -> Process:
        self.stack.callback(process.end)
        self.started.append(process)
        return process

    def _log(self) -> Path:
        return self.folder / f"{len(self.started)}.log"

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        given = {name: value for name, value in settings.items() if value}
        return _plain() | {f"MIDWATCH_{name.upper()}": value for name, value in given.items()}

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition; what the processes logged is in the complaint when it does not come."""
        try:
            wait_until(condition)
        except AssertionError as late:
            logs = "\n".join(child.tail() for child in self.started)
            raise AssertionError(f"{late}\n{self._where()}\n{logs}") from None

    def _where(self) -> str:
        told = self.told()
        if told is None:
            return "no incident was opened"
        plans = [f"{view.plan.id} {view.state} {view.reason}" for view in told.plans]
        clicks = [body.decode() for body in self.said(Tag.CLICK_REFUSED)]
        return f"{told.incident.phase}; plans {plans}; outcome {told.outcome}; refused clicks {clicks}"

    def told(self) -> Story | None:
        """The first incident as the ledger tells it."""
        return story(self.ledger, 1)

    def plan(self) -> PlanView | None:
        """The newest plan of the first incident."""
        told = self.told()
        return told.plan if told else None

    def stands(self, *states: PlanState) -> bool:
        """Whether the newest plan is in one of these states."""
        plan = self.plan()
        return plan is not None and plan.state in states

    def closed(self) -> bool:
        """Whether the first incident was closed."""
        told = self.told()
        return told is not None and told.incident.state is IncidentState.CLOSED

    def said(self, tag: Tag) -> list[bytes]:
        """The bodies of the audit rows with this tag, oldest first."""
        with self.ledger.read() as session:
            query = select(AuditRow).where(AuditRow.tag == tag.value).order_by(col(AuditRow.seq))
            return [row.body for row in session.exec(query)]

    def lease_over(self) -> None:
        """As if the lease of the investigator that died at the first incident had run out."""
        with self.ledger.write() as tx:
            row = tx.session.get_one(IncidentRow, 1)
            if row.lease_until is not None:
                row.lease_until = tx.now - timedelta(milliseconds=1)
            tx.session.add(row)
            tx.wake(Agent.INVESTIGATOR, 1)

    def approve(self) -> None:
        """The engineer on call signs the newest card that asks, typing the digits where a form wants them."""
        # The card is up a moment before the ledger knows where: a click in between does not count.
        self.until(lambda: self.stands(PlanState.PENDING))
        assert oncall.approve(self.person("oncall"), PATIENCE_S).ok

    def recovered(self) -> Story:
        """The story once it has ended well: one signed plan, one change by the actor, the ledger whole."""
        self.until(self.closed)
        told = self.told()
        assert told is not None
        assert told.outcome is not None
        assert told.outcome.recovery is Recovery.RECOVERED
        assert [view.state for view in told.plans] == [PlanState.SUCCEEDED]
        assert len(self.effects()) == 1
        assert "actor" in self.effects()[0].user
        assert self.whole() == ()
        return told

    def cards(self) -> list[JsonObject]:
        """The messages of the channel itself: cards, and not what stands in their threads."""
        seen = self.person("oncall").messages()
        return [one for one in seen if one.get("thread_ts") in {None, one["ts"]}]

    def effects(self) -> list[Effect]:
        """What anybody changed over the API since the world began."""
        return self.centre.kubernetes.effects.all()

    def whole(self) -> tuple[str, ...]:
        """What verification of the ledger complains about."""
        return verify(self.ledger).problems


@contextmanager
def scene(
    name: str, folder: Path, database_url: str = "", *, alerts: bool = True, slack: Mode = "socket"
) -> Iterator[Scene]:
    """A healthy data centre and an empty ledger; nothing of ours runs yet.

    Without ``alerts`` the pretend Alertmanager has nobody to tell: somebody else does. ``slack`` is how
    clicks arrive.
    """
    port = free_port()
    receiver = f"http://127.0.0.1:{port}/alertmanager" if alerts else None
    workspace = patient(mode=slack, request_url=f"http://127.0.0.1:{port}/slack/events")
    with (
        data_centre(name, folder / "world", receiver, workspace) as centre,
        scene_in(centre, folder, database_url) as at,
    ):
        at.port = port
        yield at


@contextmanager
def scene_in(centre: DataCentre, folder: Path, database_url: str = "") -> Iterator[Scene]:
    """A ledger and a folder of their own in a data centre that several scenes may share."""
    with ExitStack() as stack:
        (folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        ledger = Ledger(database_url or empty_ledger(folder / "state" / "midwatch.db"))
        stack.callback(ledger.close)
        if database_url:
            upgrade(ledger.writer)
        ledger.queue.prepare(ledger.writer)
        (folder / "roster.yaml").write_text(_roster(centre), encoding="utf-8")
        yield Scene(centre=centre, ledger=ledger, folder=folder, port=free_port(), stack=stack)


def _plain() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}


def _of_actor(at: Scene) -> dict[str, str]:
    return {
        "state_dir": str(at.folder / "state"),
        "database_url": at.ledger.url,
        "cluster_name": at.centre.addresses()["cluster"],
        "actor_kubeconfig": str(at.centre.kubernetes.kubeconfig("actor")),
        "roster_file": str(at.folder / "roster.yaml"),
    }


def _of_serve(at: Scene) -> dict[str, str]:
    data = at.centre.addresses()
    return _of_actor(at) | {
        "listen": f"127.0.0.1:{at.port}",
        "webhook_token": TOKEN,
        "reader_kubeconfig": str(at.centre.kubernetes.kubeconfig("reader")),
        "prometheus_url": data["prometheus"]["url"],
        "slack_mode": at.centre.slack.options.mode,
        "slack_api_url": data["slack"]["api_url"],
        "slack_bot_token": data["slack"]["bot_token"],
        "slack_app_token": data["slack"]["app_token"],
        "slack_signing_secret": data["slack"]["signing_secret"],
        "slack_channel": data["slack"]["channel"],
        "slack_pace": "1000",
        "verify_poll_s": "0.5",
        "verify_window_s": f"{PATIENCE_S:g}",
    }


def _roster(centre: DataCentre) -> str:
    slack = centre.addresses()["slack"]
    rights = {"team_id": slack["team_id"], "tiers": [1, 2, 3], "namespaces": ["*"]}
    ada = {"user_id": slack["users"]["oncall"], "name": "Ada Okafor", **rights}
    # Only where it takes two people: whoever else signs alone is not of this story.
    ben = {"user_id": slack["users"]["second"], "name": "Ben Ito", **rights, "tiers": [3]}
    return yaml.safe_dump({"approvers": [ada, ben]})


@cache
def _asking() -> httpx.Client:
    # One for all: to make one takes a processor longer than the pause between two questions.
    return httpx.Client(timeout=1, trust_env=False)


def _ready(port: int) -> bool:
    try:
        return _asking().get(f"http://127.0.0.1:{port}/-/ready").is_success
    except httpx.HTTPError:
        return False
