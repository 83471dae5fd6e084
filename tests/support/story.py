"""A whole Midwatch for a story: its processes against a data centre in this one, and its ledger to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml
from sqlmodel import col, select

from agents.auditor.verify import verify
from agents.incident import IncidentState
from agents.ledger.migrate import upgrade
from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger
from agents.ledger.story import PlanView, Story, story
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from evals.processes import Child, free_port
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.effects import Effect
from evals.world.slack.person import Person
from tests.support.datacentre import TOKEN, data_centre, wait_until

PATIENCE_S = 60.0
SERVE = ("midwatch", "serve")


@dataclass(kw_only=True)
class Scene:
    """The data centre, the ledger and the folder of one story; processes are added as it goes."""

    centre: DataCentre
    ledger: Ledger
    folder: Path
    port: int
    stack: ExitStack
    started: list[Child] = field(default_factory=list)

    def person(self, who: str) -> Person:
        """One of the people of the workspace: oncall, second, member, guest or stranger."""
        return Person(self.centre.slack.page_url, self.centre.addresses()["slack"]["users"][who])

    def start(self, *command: str, **settings: str) -> Child:
        """One process of ours, its log kept; ended when the story ends."""
        number = len(self.started)
        given = {name: value for name, value in settings.items() if value}
        environment = _plain() | {f"MIDWATCH_{name.upper()}": value for name, value in given.items()}
        child = Child(f"process {number}", list(command), environment, self.folder / f"{number}.log")
        self.stack.callback(child.end)
        self.started.append(child)
        return child

    def serve(self, *command: str) -> Child:
        """``midwatch serve`` (or a launcher of it), once it is ready."""
        child = self.start(*(command or SERVE), **_of_serve(self))
        self.until(lambda: _ready(self.port))
        return child

    def actor(self, point: str) -> Child:
        """The actor alone, made to die at ``point``; ``none`` lets it live."""
        return self.start("tests.support.crashing_actor", point, **_of_actor(self))

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Wait for a condition; what the processes logged is in the complaint when it does not come."""
        try:
            wait_until(condition, seconds)
        except AssertionError as late:
            logs = "\n".join(child.tail() for child in self.started)
            raise AssertionError(f"{late}\n{self.told()}\n{logs}") from None

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

    def effects(self) -> list[Effect]:
        """What anybody changed over the API since the world began."""
        return self.centre.kubernetes.effects.all()

    def whole(self) -> tuple[str, ...]:
        """What verification of the ledger complains about."""
        return verify(self.ledger).problems


@contextmanager
def scene(name: str, folder: Path) -> Iterator[Scene]:
    """A healthy data centre and an empty ledger; nothing of ours runs yet."""
    port = free_port()
    url = f"sqlite:///{folder / 'state' / 'midwatch.db'}"
    with (
        data_centre(name, folder / "world", f"http://127.0.0.1:{port}/alertmanager") as centre,
        ExitStack() as stack,
    ):
        (folder / "state").mkdir(mode=0o700)
        ledger = Ledger(url)
        stack.callback(ledger.close)
        upgrade(ledger.writer)
        ledger.queue.prepare(ledger.writer)
        (folder / "roster.yaml").write_text(_roster(centre), encoding="utf-8")
        yield Scene(centre=centre, ledger=ledger, folder=folder, port=port, stack=stack)


def _plain() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}


def _of_actor(at: Scene) -> dict[str, str]:
    return {
        "state_dir": str(at.folder / "state"),
        "cluster_name": "story",
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
        "slack_mode": "socket",
        "slack_api_url": data["slack"]["api_url"],
        "slack_bot_token": data["slack"]["bot_token"],
        "slack_app_token": data["slack"]["app_token"],
        "slack_channel": data["slack"]["channel"],
        "verify_poll_s": "0.5",
        "verify_window_s": "60",
    }


def _roster(centre: DataCentre) -> str:
    slack = centre.addresses()["slack"]
    ada = {"user_id": slack["users"]["oncall"], "name": "Ada Okafor", "team_id": slack["team_id"]}
    return yaml.safe_dump({"approvers": [{**ada, "tiers": [1, 2, 3], "namespaces": ["*"]}]})


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=1, trust_env=False).is_success
    except httpx.HTTPError:
        return False
