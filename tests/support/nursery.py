"""Processes of ours by the thousand: forked when all is imported and built, told one thing, and killed.

``midwatch actor`` from its start costs most of a second, nearly all of it before the first plan. A child
of the nursery begins where that start ends: it has the actor's hands, or the gatekeeper's office, opens its
own connections, does one thing with the product's own code, and dies where or when it was told. A process of
its own it is all the same: own memory, own sockets, own pid, and SIGKILL leaves it no last word.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Literal

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.actor.work import advance
from agents.gatekeeper.clicks import Click, Home
from agents.gatekeeper.desk import decide
from agents.gatekeeper.office import Office
from agents.incident import Decision, Plan
from agents.ledger import decisions, executions, investigations, previews
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger, LedgerUnavailable
from tests.support.processes import forking
from tools.alertmanager import Alertmanager
from tools.crash import arm
from tools.kubernetes.client import connect
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.once import READ_S
from tools.kubernetes.pace import Pace
from tools.slack import Slack

TOLD_S = 300.0
"""So long at most a lot may take that one child works off."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """The product's own, unless a test of real waiting shortens them."""

    lease_s: float = executions.LEASE_S
    in_flight_s: float = executions.IN_FLIGHT_S
    timeout_s: float = READ_S


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where a child finds what it works with: addresses and files, because it goes to another process."""

    ledger_url: str
    folder: Path
    kubeconfig: Path
    alertmanager_url: str
    bad_ways: tuple[str, str]
    """To the API server and to Alertmanager, where requests get lost."""
    slack_url: str
    slack_token: str
    home: Home


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A plan to carry as far as the signatures given here."""

    plan: Plan
    channel: str
    signatures: tuple[Decision, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one child does in its life. ``ahead_s`` is how far the ledger's clock is ahead then: so a lease
    runs out without anybody waiting for it."""

    do: Literal["sign", "click", "act"]
    wishes: tuple[Wish, ...] = ()
    click: Click | None = None
    button: str = ""
    incidents: tuple[int, ...] = ()
    point: str = ""
    stops: bool = False
    """Stopped at ``point`` instead of killed."""
    at_once: int = 1
    """How many incidents are looked at, at the same time."""
    ahead_s: float = 0.0
    times: Times = Times()
    badly: bool = False
    """By the ways where requests get lost."""
    killed_after_s: float | None = None
    warm: bool = False
    """Done by the nursery itself: what it has read, built and compiled by then, no child does again."""


class Nursery:
    """One process that forks a child for each order and says how it ended. One order at a time."""

    def __init__(self, workshop: Workshop, log: Path) -> None:
        self.workshop, self._log = workshop, log
        log.touch()
        context = forking()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_nurse, args=(theirs, workshop, str(log)))
        self._process.start()
        theirs.close()

    def run(self, order: Order) -> int:
        """How the child ended: its exit code, negative by signal."""
        self._pipe.send(order)
        assert self._pipe.poll(TOLD_S), f"no word of a child: {self.tail()}"
        ended: int = self._pipe.recv()
        return ended

    def wake(self) -> list[int]:
        """Let every child that was stopped go on; how they ended."""
        self._pipe.send(None)
        assert self._pipe.poll(TOLD_S), f"no word of a child: {self.tail()}"
        ended: list[int] = self._pipe.recv()
        return ended

    def tail(self) -> str:
        """The end of what the children said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def close(self) -> None:
        """End the nursery, which has no children then."""
        self._pipe.close()
        self._process.join(TOLD_S)
        self._process.close()


def _nurse(pipe: Pipe, workshop: Workshop, log: str) -> None:
    said = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    life = _Life(workshop)
    stopped: list[int] = []
    # Whoever gave the orders is gone: so is the nursery.
    with suppress(EOFError):
        while True:
            order: Order | None = pipe.recv()
            if order is None:
                pipe.send([_woken(pid) for pid in stopped])
                stopped.clear()
            elif order.warm:
                pipe.send(life.live(order))
                life.rest()
            else:
                pid = os.fork()
                if pid == 0:
                    os._exit(life.live(order))
                pipe.send(_ended(pid, order, stopped))


def _ended(pid: int, order: Order, stopped: list[int]) -> int:
    if order.killed_after_s is not None:
        alive = os.pidfd_open(pid)
        try:
            # Readable when it has ended; else its time is over.
            if not select.select([alive], [], [], order.killed_after_s)[0]:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(alive)
    status = os.waitpid(pid, os.WUNTRACED)[1]
    if os.WIFSTOPPED(status):
        stopped.append(pid)
        return -os.WSTOPSIG(status)
    return os.waitstatus_to_exitcode(status)


def _woken(pid: int) -> int:
    os.kill(pid, signal.SIGCONT)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _look(hands: Hands, incident: int) -> None:
    # The queue would bring it back; here whoever gave the order does.
    with suppress(KubernetesError, LedgerUnavailable):
        advance(hands, incident)


class _Life:
    """What every child has at its birth. Nothing in it has a connection yet, so nothing is shared."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._ahead_s = 0.0
        cluster = connect(workshop.kubeconfig, "actor")
        self._hands = Hands(
            ledger=Ledger(workshop.ledger_url, clock=self._now),
            # A child that works off a whole lot is not the storm that the pace is for.
            cluster=replace(cluster, pace=Pace(per_second=1e6)),
            actor_id="the actor",
            seal=SealKey.load(workshop.folder / "seal"),
            roster_file=workshop.folder / "roster.yaml",
            halt_file=workshop.folder / "HALT",
            alertmanager=Alertmanager(url=workshop.alertmanager_url),
        )

    def _hands_for(self, order: Order) -> Hands:
        silences, cluster, timeout_s = self._hands.alertmanager, self._hands.cluster, order.times.timeout_s
        assert silences is not None
        good = (cluster.server, silences.url)
        api_url, alertmanager_url = self._workshop.bad_ways if order.badly else good
        return replace(
            self._hands,
            actor_id=f"actor-{os.getpid()}",
            cluster=replace(cluster, server=api_url, timeout_s=timeout_s),
            alertmanager=replace(silences, url=alertmanager_url, timeout_s=timeout_s),
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead_s)

    def live(self, order: Order) -> int:
        """Do it; 0, or 1 after saying what went wrong."""
        self._ahead_s = order.ahead_s
        executions.LEASE_S, executions.IN_FLIGHT_S = order.times.lease_s, order.times.in_flight_s
        if order.point:
            arm(order.point, signal.SIGSTOP if order.stops else signal.SIGKILL)
        try:
            {"sign": self._sign, "click": self._click, "act": self._act}[order.do](order)
        except BaseException:
            traceback.print_exc()
            return 1
        return 0

    def rest(self) -> None:
        """Close every connection, so that no child is born with one."""
        self._hands.ledger.close()
        self._hands.close()

    def _act(self, order: Order) -> None:
        hands = self._hands_for(order)
        if order.at_once == 1:
            for incident in order.incidents:
                _look(hands, incident)
            return
        with ThreadPoolExecutor(order.at_once) as pool:
            list(pool.map(partial(_look, hands), order.incidents))

    def _sign(self, order: Order) -> None:
        for wish in order.wishes:
            plan, ledger = wish.plan, self._hands.ledger
            lease = investigations.take(ledger, int(plan.incident.removeprefix("INC-")), "the test", 60)
            assert lease is not None
            assert investigations.draft(ledger, lease, plan, "the test wants it") == plan.id
            investigations.release(ledger, lease)
            preview(self._hands, plan)
            posted = Posted(channel_id=wish.channel, message_ts="1.1", card_digest="0")
            assert previews.mark_pending(ledger, plan.id, posted) is None, plan
            for word in wish.signatures:
                said = decisions.decide(ledger, self._hands.seal.sealed(word))
                assert not isinstance(said, Objection), said

    def _click(self, order: Order) -> None:
        asyncio.run(self._clicked(order))

    async def _clicked(self, order: Order) -> None:
        workshop = self._workshop
        assert order.click is not None
        office = Office(
            ledger=self._hands.ledger,
            slack=Slack.open(workshop.slack_token, workshop.slack_url),
            seal=self._hands.seal,
            roster_file=self._hands.roster_file,
            halt_file=self._hands.halt_file,
            channel_id=order.click.channel_id,
            home=workshop.home,
            public_url="http://here",
        )
        await decide(office, order.click, order.button, os.urandom(8).hex())
