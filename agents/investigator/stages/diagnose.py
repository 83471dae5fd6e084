"""Diagnose: findings to one cause, each claim checked against the evidence it cites."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from agents.incident import Diagnosis, Hypothesis, Incident
from agents.investigator.analyzers.registry import analyze
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.explain import diagnosis
from agents.investigator.opinion import with_opinion
from agents.investigator.proposals import Limits, NoPlan, Proposal
from agents.investigator.proposals import propose as proposal
from agents.investigator.reasoning import Answer, Reasoned, reason
from agents.investigator.reasoning_case import Case
from agents.investigator.stages.gather import look
from agents.investigator.state import State
from agents.investigator.targets import targets
from agents.investigator.toolbox import Toolbox
from agents.ledger import incidents, investigations
from tools.model import Budget


@dataclass(frozen=True, kw_only=True)
class Thought:
    """What one look came to."""

    diagnosis: Diagnosis
    proposal: Proposal


async def diagnose(state: State, runtime: Runtime[Toolbox]) -> State:
    """Write the diagnosis of this round, and choose the number of the plan that may follow."""
    thought = await think(state, runtime.context)
    turn = state.get("round", 1)
    await runtime.context.write(investigations.write_diagnosis, turn, thought.diagnosis)
    return {"nonce": secrets.token_hex(16)}


async def think(state: State, box: Toolbox) -> Thought:
    """From the round's snapshot to a checked diagnosis and at most one typed change.

    A stage that runs again in another process looks again: the snapshot lives in memory, the
    evidence it quotes is what was stored the first time.
    """
    snapshot = box.snapshots.get(state["incident"]) or await look(state, box)
    incident = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if incident is None:
        raise AssertionError("an incident under investigation is in the ledger")
    return await asyncio.to_thread(_think, box, (incident, state.get("round", 1)), snapshot)


def _think(box: Toolbox, asked: tuple[Incident, int], snapshot: Snapshot) -> Thought:
    incident, turn = asked
    about = targets(incident.firing or incident.alerts, snapshot.inventory)
    case = Case(snapshot=snapshot, targets=about, findings=analyze(snapshot))
    reasoned = reason(case)
    found = _diagnosed(box, (incident.number, turn), (case, reasoned))
    if found.cause is None:
        # A cause whose claims did not hold is not acted upon.
        return Thought(diagnosis=found, proposal=NoPlan(reason=found.no_plan_because))
    wanted = proposal(case, _believing(reasoned, found.cause), _limits(box, incident))
    if isinstance(wanted, NoPlan):
        found = found.model_copy(update={"no_plan_because": str(wanted)})
    return Thought(diagnosis=found, proposal=wanted)


def _limits(box: Toolbox, incident: Incident) -> Limits:
    """The policy, narrowed by the runbooks of the alerts that have one."""
    books = [book for alert in incident.alerts if (book := box.shelf.match(alert.labels))]
    allowed = frozenset(verb for book in books for verb in book.allowed_actions) if books else None
    return Limits(limit_factor=box.policy.limit_factor, allowed=allowed)


def _believing(reasoned: Reasoned, cause: Hypothesis) -> Reasoned:
    """The rules' own hypotheses, the one that was told first: what is proposed mends what is told."""
    told = (cause.code, cause.object.key)
    first = tuple(one for one in reasoned.hypotheses if (one.code, one.object.key) == told)
    rest = tuple(one for one in reasoned.hypotheses if one not in first)
    if not first:
        because = f"{cause.object} changed while it was looked at."
        return replace(reasoned, answer=Answer.NOT_ESTABLISHED, because=because)
    return replace(reasoned, hypotheses=first + rest)


def _diagnosed(box: Toolbox, which: tuple[int, int], thought: tuple[Case, Reasoned]) -> Diagnosis:
    incident, turn = which
    with box.ledger.read() as session:
        told = investigations.diagnosis_of(session, incident, turn)
        if told is not None:
            # Told once a round: a model that is asked again may answer something else.
            return told
        evidence = {item.id: item for item in investigations.evidence_of(session, incident)}
    found = diagnosis(*thought, evidence)
    if box.model is not None:
        budget = Budget(seconds=box.policy.model_seconds, answer_tokens=box.policy.model_tokens)
        found = with_opinion(box.model, found, evidence, budget)
    if found.cause is None:
        why = thought[1].because or "the cause is not established"
        return found.model_copy(update={"no_plan_because": why})
    return found
