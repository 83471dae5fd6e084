"""The investigator's one job, ``advance(incident)``: run its graph from the checkpoint to the next wait.

Idempotent and level-triggered: a job says "look", the ledger says what is due. One run an
incident at a time, by the incident's lease; checkpoints after the lease's deadline are refused.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from typing import Any

from langgraph.types import Command

from agents.investigator.checkpoints import Fence
from agents.investigator.toolbox import Toolbox
from agents.ledger import incidents, investigations, moves, turns
from agents.ledger.investigations import Lease
from agents.ledger.moves import Standing
from agents.ledger.protocol import LOCKING, TERMINAL, Objection
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import IncidentRow
from tools.queue.port import Later

BUSY_S = 1.0
LEASE_S = 15.0
"""How long a killed worker's incident waits for the next one; a living worker renews three times as often."""
OWNER = f"investigator-{os.getpid()}-{secrets.token_hex(4)}"


async def advance(graph: Any, box: Toolbox, incident: int) -> None:
    """Bring one investigation forward as far as it can go now. Raises Later when that is nowhere."""
    wait = await asyncio.to_thread(turns.seconds_to_wait, box.ledger, incident, box.policy.per_hour)
    if wait:
        raise Later(wait, f"INC-{incident} waits for its turn")
    lease = await asyncio.to_thread(investigations.take, box.ledger, incident, OWNER, LEASE_S)
    if lease is None:
        if await asyncio.to_thread(_open, box.ledger, incident):
            raise Later(BUSY_S, f"INC-{incident} is being worked on")
        return
    fence = Fence(deadline=time.monotonic() + LEASE_S)
    keeper = asyncio.create_task(_keep(box.ledger, lease, fence))
    try:
        await _run(graph, box.under(lease), (lease, fence))
    finally:
        keeper.cancel()
        await asyncio.to_thread(investigations.release, box.ledger, lease)


async def _keep(ledger: Ledger, lease: Lease, fence: Fence) -> None:
    """Renew while the run goes on; a renewal that fails lets the fence come down in its time."""
    while True:
        await asyncio.sleep(LEASE_S / 3)
        # Counted from before the write: the fence never outlives the ledger's own deadline.
        asked = time.monotonic()
        try:
            kept = await asyncio.to_thread(investigations.renew, ledger, lease, LEASE_S)
        except LedgerUnavailable:
            continue
        if not kept:
            return
        fence.deadline = asked + LEASE_S


def _open(ledger: Ledger, incident: int) -> bool:
    with ledger.read() as session:
        row = session.get(IncidentRow, incident)
        return row is not None and row.state == "open"


async def _run(graph: Any, box: Toolbox, held: tuple[Lease, Fence]) -> None:
    lease, fence = held
    config = {"configurable": {"thread_id": f"incident-{lease.incident}", "fence": fence}}
    snapshot = await graph.aget_state(config)
    if snapshot.values.get("finished") and not snapshot.tasks:
        return
    entry = await _entry(snapshot, box, lease)
    while entry is not None:
        # "sync": after a crash only the stage that was killed runs again.
        await graph.ainvoke(entry[0], config, context=box, durability="sync")
        snapshot = await graph.aget_state(config)
        # A plan may have ended before the graph began to wait for it: that event has called this very run.
        entry = await _entry(snapshot, box, lease) if _of_a_plan(snapshot) else None


def _of_a_plan(snapshot: Any) -> bool:
    """Whether the graph waits for the end of a plan; a later look and an alert's end call for themselves."""
    return any(pause.value.get("plan") for task in snapshot.tasks for pause in task.interrupts)


async def _entry(snapshot: Any, box: Toolbox, lease: Lease) -> tuple[Any] | None:
    """What to invoke the graph with, or None when there is nothing to do yet."""
    if not snapshot.values:
        return ({"incident": lease.incident},)
    waiting = [pause for task in snapshot.tasks for pause in task.interrupts]
    if not waiting:
        # Killed between two stages: go on from the checkpoint.
        return (None,)
    if not await asyncio.to_thread(due, box.ledger, lease.incident, waiting[0].value):
        return None
    # By interrupt id only: a bare resume can poison a thread that waits for something else.
    return (Command(resume={waiting[0].id: True}),)


def due(ledger: Ledger, incident: int, pause: dict[str, Any]) -> bool:
    """Whether what the graph waits for has happened, by the ledger."""
    if pause["for"] == "look":
        return True
    with ledger.read() as session:
        found = moves.standing(session, pause["plan"]) if pause["plan"] else None
        if isinstance(found, Standing) and found.state in LOCKING:
            # What is being changed right now is waited for, whatever the alert does meanwhile.
            return False
        if investigations.is_resolved(session, incident):
            return True
        if found is None:
            return bool(incidents.joined(session, incident, pause.get("seen")))
    return isinstance(found, Objection) or found.state in TERMINAL
