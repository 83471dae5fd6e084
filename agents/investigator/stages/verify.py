"""After the change: did the alert's own signal go quiet, and is the workload well?

Looks at intervals within the verify window; says recovered or not recovered, and never assumes.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from langgraph.runtime import Runtime

from agents.incident import Alert, Incident, Recovery
from agents.investigator.recovery import (
    Told,
    concerned,
    looks_back,
    pause_s,
    signal,
    waits_for_a_pod,
    workloads,
)
from agents.investigator.stages.triage import resolved
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from agents.ledger import incidents, investigations, memory, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import LOCKING, PlanState
from tools.kubernetes.actions.verb import matches
from tools.kubernetes.errors import KubernetesError

WAITING = "waiting for the alert to resolve"
NOT_KNOWN = "changed; whether it helped could not be read yet"
HELD_UP = "changed; a pod of before is waited for, so what to do with it is looked into"
LOOKS_BACK = "changed, and the workload is well; the alert's rule still looks back on the time before"


async def after_wait(state: State, runtime: Runtime[Toolbox]) -> State:
    """What became of the plan decides: watch it, look again, go on waiting, or close."""
    box = runtime.context
    stands = await asyncio.to_thread(_stands, box, state.get("plan_id", ""))
    if stands is PlanState.SUCCEEDED and not state.get("undo_of"):
        await box.write(investigations.set_phase, "verifying")
        now = await asyncio.to_thread(box.ledger.now)
        return {"next": "verify", "verify_from": now.isoformat()}
    if stands is PlanState.SUPERSEDED and (edited := await asyncio.to_thread(_successor, box, state)):
        # Somebody typed other values: that plan is waited for and verified like our own.
        return {"next": "wait", "plan_id": edited}
    if stands in LOCKING or await asyncio.to_thread(resolved, box, state["incident"]):
        return {"next": "wait" if stands in LOCKING else "close"}
    if state.get("again"):
        return _once_more(state) | {"blind": state.get("blind", 0) + 1}
    if await asyncio.to_thread(_news, box, state, stands):
        if _may_look_again(state, box):
            return _once_more(state)
        told = f"looked into {box.policy.most_rounds} times; {WAITING}"
    else:
        told = WAITING
    await box.write(investigations.set_phase, told)
    return {"next": "wait", "plan_id": ""}


def _may_look_again(state: State, box: Toolbox) -> bool:
    return state["round"] - state.get("blind", 0) < box.policy.most_rounds


def _once_more(state: State) -> State:
    """What was diagnosed may be over, so look again from the start; that an undo was tried is over, too."""
    return {"next": "triage", "round": state["round"] + 1, "plan_id": "", "undo_of": "", "again": False}


def _news(box: Toolbox, state: State, stands: PlanState | None) -> bool:
    """Whether the world is another than the one that was diagnosed."""
    if stands in {PlanState.STALE, PlanState.CANCELLED}:
        # Cancelled because the alert resolved, and here we are: it fires again.
        return True
    if stands is PlanState.SUCCEEDED:
        # An undo: all is as it was, and one thing more is known, namely what does not help.
        return True
    if stands is PlanState.REFUSED and _moved(box, state["plan_id"]):
        return True
    with box.ledger.read() as session:
        return bool(incidents.joined(session, state["incident"], state.get("seen")))


def _stands(box: Toolbox, plan_id: str) -> PlanState | None:
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    return found.state if isinstance(found, Standing) else None


def _successor(box: Toolbox, state: State) -> str:
    """The plan of this incident that took the place of ours, or nothing."""
    with box.ledger.read() as session:
        found = moves.standing(session, state["plan_id"])
        newer = found.proposal.successor if isinstance(found, Standing) else ""
        return newer if newer in moves.plan_ids(session, state["incident"]) else ""


def _moved(box: Toolbox, plan_id: str) -> bool:
    """Whether a target is no longer as the plan expected; one that cannot be read has not moved."""
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    if not isinstance(found, Standing):
        return False
    try:
        return any(matches(step, box.live(step)) for step in found.plan.steps)
    except KubernetesError:
        return False


async def verify(state: State, runtime: Runtime[Toolbox]) -> State:
    """One look: recovered, not recovered within the window, not yet, or not to be told."""
    box = runtime.context
    incident = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if incident is None:
        return {"next": "close"}
    with box.ledger.read() as session:
        about = concerned(incident, investigations.diagnosis_of(session, incident.number))
    where = (about, state.get("namespaces", []))
    seen = await asyncio.to_thread(_seen, box, incident, where)
    others = await asyncio.to_thread(_loud, box, incident, where)
    if seen.good and _settled(others, state):
        return await _recovered(state, box, len(others))
    if _may_look_again(state, box) and await asyncio.to_thread(_held_up, box, state["plan_id"]):
        await box.write(investigations.set_phase, HELD_UP)
        return _once_more(state)
    late = await asyncio.to_thread(box.ledger.now) - _window_ends(state, box)
    if late < timedelta(0):
        await box.write(investigations.wake_later, box.policy.verify_poll_s)
        return {"next": "watch"}
    if seen.good:
        return await _recovered(state, box, len(others))
    # What the rule holds for may be over: a good change is not undone for what was before it.
    reach = looks_back(about)
    over = seen.workloads is Told.GOOD and late < reach
    return await (_still_watched(box, reach) if over else _not_good(state, box, seen))


def _held_up(box: Toolbox, plan_id: str) -> bool:
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    return isinstance(found, Standing) and any(waits_for_a_pod(box, step) for step in found.plan.steps)


async def _still_watched(box: Toolbox, reach: timedelta) -> State:
    await box.write(investigations.set_phase, LOOKS_BACK)
    await box.write(investigations.wake_later, max(box.policy.verify_poll_s, pause_s(reach)))
    return {"next": "watch"}


async def _not_good(state: State, box: Toolbox, seen: _Seen) -> State:
    """The window is over: what was not good is bad, or it could not be read."""
    if Told.BAD in (seen.signal, seen.workloads):
        await box.write(memory.judge, state["plan_id"], Recovery.NOT_RECOVERED)
        await box.write(investigations.set_phase, "not recovered")
        return {"next": "undo", "not_recovered": True, "nonce": secrets.token_hex(16)}
    # A good change is not to be offered back because nobody could look: a later look will tell.
    await box.write(investigations.set_phase, NOT_KNOWN)
    await box.write(investigations.wake_later, box.policy.verify_window_s)
    return {"next": "watch"}


@dataclass(frozen=True, kw_only=True)
class _Seen:
    signal: Told
    workloads: Told

    @property
    def good(self) -> bool:
        return self.signal is self.workloads is Told.GOOD


def _seen(box: Toolbox, incident: Incident, where: tuple[tuple[Alert, ...], list[str]]) -> _Seen:
    return _Seen(signal=signal(box, incident, where[0]), workloads=workloads(box, *where))


def _window_ends(state: State, box: Toolbox) -> datetime:
    began = datetime.fromisoformat(state["verify_from"])
    return began + timedelta(seconds=box.policy.verify_window_s)


def _loud(box: Toolbox, incident: Incident, where: tuple[tuple[Alert, ...], list[str]]) -> tuple[Alert, ...]:
    """The alerts that fire besides these, unless all of them are quiet and well by themselves."""
    rest = tuple(alert for alert in incident.firing if alert not in where[0])
    # One look for all of them: in a storm there may be thousands.
    return rest if rest and not _seen(box, incident, (rest, where[1])).good else ()


def _settled(others: tuple[Alert, ...], state: State) -> bool:
    """Whether nothing is left to wait for: an alert that joined late may be of this cause and need time."""
    return all(alert.fingerprint in state.get("seen", []) for alert in others)


async def _recovered(state: State, box: Toolbox, others: int) -> State:
    """It helped; alerts of another cause, which it could not help, are looked into on their own."""
    await box.write(memory.judge, state["plan_id"], Recovery.RECOVERED)
    if not others:
        return {"next": "close", "not_recovered": False}
    if _may_look_again(state, box):
        await box.write(
            investigations.set_phase, "the change helped; looking into the alerts that still fire"
        )
        return _once_more(state) | {"not_recovered": False}
    await box.write(investigations.set_phase, f"the change helped; {others} other alerts still fire")
    return {"next": "wait", "plan_id": "", "not_recovered": False}
