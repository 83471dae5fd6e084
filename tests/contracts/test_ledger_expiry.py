"""A plan that nobody signs, or nobody starts, expires by itself: over the real queue, by the real clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agents.ledger import investigations, moves
from agents.ledger.incidents import accept
from agents.ledger.moves import Move, Standing, move
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.store import Ledger
from tests.support.ledgers import empty_ledger
from tests.support.plans import a_delivery, a_plan, an_alert
from tools.queue.port import Job, WorkOptions

WITHIN_S = 30.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(empty_ledger(tmp_path / "ledger.db"))
    opened.queue.prepare(opened.writer)
    yield opened
    opened.close()


@pytest.mark.parametrize("way", [(), (PlanState.PENDING,), (PlanState.PENDING, PlanState.APPROVED)])
async def test_a_plan_that_is_left_alone_expires_without_a_click(
    ledger: Ledger, way: tuple[PlanState, ...]
) -> None:
    accept(ledger, [a_delivery(ledger.now(), an_alert(ledger.now()))])
    lease = investigations.take(ledger, 1, "test", 60)
    assert lease is not None
    plan = a_plan(ledger.now(), pending_until=ledger.now() + timedelta(seconds=2), claim_within_s=1)
    investigations.draft(ledger, lease, plan, "left alone")
    for state in way:
        with ledger.write() as tx:
            assert move(tx, Move(plan_id=plan.id, to=state, by=Agent.GATEKEEPER)) is None
    stop = asyncio.Event()

    async def look(job: Job) -> None:
        await asyncio.to_thread(moves.expire_due, ledger, job.incident)
        if _state(ledger, plan.id) is PlanState.EXPIRED:
            stop.set()

    work = ledger.queue.work(Agent.GATEKEEPER.value, look, WorkOptions(stop=stop))
    await asyncio.wait_for(work, WITHIN_S)
    assert _state(ledger, plan.id) is PlanState.EXPIRED


def _state(ledger: Ledger, plan_id: str) -> PlanState:
    with ledger.read() as session:
        found = moves.standing(session, plan_id)
    assert isinstance(found, Standing)
    return found.state
