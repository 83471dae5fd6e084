"""Diagnose: findings to one cause, each claim checked against the evidence it cites."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from langgraph.runtime import Runtime

from agents.incident import Diagnosis, Hypothesis, Incident
from agents.investigator.consulting import Consulting, consulted
from agents.investigator.examined import examined
from agents.investigator.experience import Experience
from agents.investigator.explain import diagnosis
from agents.investigator.permission import Asking, permitted_first
from agents.investigator.proposals import Limits, Proposal
from agents.investigator.proposals import propose as proposal
from agents.investigator.purse import Purse
from agents.investigator.reasoning import reason
from agents.investigator.reasoning_case import Case
from agents.investigator.stages.gather import look
from agents.investigator.stages.rounds import purse_of
from agents.investigator.state import State
from agents.investigator.targets import targets
from agents.investigator.thought import Thought
from agents.investigator.toolbox import Toolbox
from agents.investigator.wanted import NoPlan, Permitted
from agents.ledger import incidents, investigations
from agents.ledger.memory import tried
from tools.policy.facts import Terms


async def diagnose(state: State, runtime: Runtime[Toolbox]) -> State:
    """Write the diagnosis of this round, and choose the number of the plan that may follow.

    The model, if there is one, is asked here and only here.
    """
    box, purse = runtime.context, purse_of(state, runtime.context)
    thought = box.thoughts[state["incident"]] = await think(state, box, purse)
    turn = state.get("round", 1)
    found = await asyncio.to_thread(told, box, state["incident"], turn)
    if found is None:
        at = Consulting(box=box, turn=turn, purse=purse, case=thought.case)
        written, wanted = await asyncio.to_thread(_diagnosed, at, thought)
        await box.write(investigations.write_diagnosis, turn, written)
        # The proposal follows within milliseconds: what was tried before and what the policy says stay so.
        box.thoughts[state["incident"]] = replace(thought, wanted=wanted)
    return {"nonce": secrets.token_hex(16), "spent": purse.spent}


def told(box: Toolbox, incident: int, turn: int) -> Diagnosis | None:
    """What was written in this round: a model that is asked again may answer something else."""
    with box.ledger.read() as session:
        return investigations.diagnosis_of(session, incident, turn)


async def think(state: State, box: Toolbox, purse: Purse) -> Thought:
    """What the rules make of the round's snapshot.

    A stage that runs again in another process looks again: the snapshot lives in memory, the
    evidence it quotes is what was stored the first time.
    """
    snapshot = box.snapshots.get(state["incident"]) or await look(state, box, purse)
    incident = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if incident is None:
        raise AssertionError("an incident under investigation is in the ledger")
    about = targets(incident.firing or incident.alerts, snapshot.inventory)
    seen = await asyncio.to_thread(examined, snapshot, box.extras)
    case = Case(snapshot=seen.snapshot, targets=about, findings=seen.findings)
    return Thought(incident=incident, case=case, reasoned=await asyncio.to_thread(reason, case))


def proposed(box: Toolbox, thought: Thought, cause: Hypothesis | None, why_not: str) -> Permitted | NoPlan:
    """The change for this cause and no other, if the policy allows it: what is signed removes what
    the card says is wrong.

    The cause's facts are those of this look, so one that was diagnosed from an earlier look and is
    gone by now leads to no plan.
    """
    if cause is None:
        return NoPlan(reason=why_not)
    same = next((h for h in thought.reasoned.hypotheses if _is(h, cause)), None)
    if same is None:
        return NoPlan(reason=f"{cause.object} no longer shows what was diagnosed.")

    with box.ledger.read() as session:
        known = Experience(past=tried(session, thought.incident.number, cause))

    def draw(experience: Experience, factor: float | None) -> Proposal:
        limits = replace(_limits(box, thought.incident, factor), experience=experience)
        return proposal(thought.case, same, limits)

    return permitted_first(thought.case, asking_of(box, thought.incident), known, draw)


def asking_of(box: Toolbox, incident: Incident) -> Asking:
    """How the policy is asked about a change for this incident."""
    terms = Terms(pending_s=box.policy.pending_s, claim_within_s=box.policy.claim_within_s)
    return Asking(policies=box.policy_file, incident=incident, terms=terms)


def _is(one: Hypothesis, other: Hypothesis) -> bool:
    return (one.code, one.object.key) == (other.code, other.object.key)


def _limits(box: Toolbox, incident: Incident, factor: float | None) -> Limits:
    """The settings, narrowed by the runbooks of the alerts that have one and by a rule's factor."""
    books = [book for alert in incident.alerts if (book := box.shelf.match(alert.labels))]
    allowed = frozenset(verb for book in books for verb in book.allowed_actions) if books else None
    most = box.policy.limit_factor
    factor = most if factor is None else min(most, factor)
    return Limits(limit_factor=factor, allowed=allowed, incident=incident.id)


def _diagnosed(at: Consulting, thought: Thought) -> tuple[Diagnosis, Permitted | NoPlan]:
    """The diagnosis, which says why when no plan follows from it, and what does follow."""
    box = at.box
    with box.ledger.read() as session:
        evidence = {item.id: item for item in investigations.evidence_of(session, thought.incident.number)}
    found = consulted(at, diagnosis(thought.case, thought.reasoned, evidence), evidence)
    because = thought.reasoned.because or "the cause is not established"
    wanted = proposed(box, thought, found.cause, because)
    if not isinstance(wanted, NoPlan):
        return found, wanted
    return found.model_copy(update={"no_plan_because": str(wanted), "patch": wanted.patch}), wanted
