"""Propose: one exact plan, or why there is none; and, if it did not help, its undo."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from langgraph.runtime import Runtime

from agents.incident import Diagnosis, Plan
from agents.investigator.proposals import NoPlan
from agents.investigator.reasoning import Answer
from agents.investigator.stages.diagnose import Thought, proposed, think, told
from agents.investigator.stages.gather import purse_of
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from agents.ledger import investigations, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import PlanState
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.errors import KubernetesError

AGAIN_S = 15.0
LONGEST_PAUSE_S = 300.0
"""How soon a look is tried again that told nothing: doubling, until the purse is empty."""


async def propose(state: State, runtime: Runtime[Toolbox]) -> State:
    """Draft the plan for the cause that was written down, if there is one."""
    box = runtime.context
    if before := await asyncio.to_thread(_drafted, box, state):
        return {"plan_id": before}
    found = await asyncio.to_thread(told, box, state["incident"], state.get("round", 1))
    if found is None:
        raise AssertionError("a proposal follows a diagnosis")
    thought = await think(state, box, purse_of(state, box))
    wanted = proposed(box, thought, found.cause, found.no_plan_because)
    # The look has served: kept, each incident would hold a whole inventory until this process ends.
    box.snapshots.pop(state["incident"], None)
    if isinstance(wanted, NoPlan):
        return await _nothing(state, box, _too_early(thought, found))
    if await asyncio.to_thread(_rejected, box, state["incident"], wanted.step):
        await box.write(investigations.set_phase, "no change proposed: a person rejected this one before")
        return {"plan_id": ""}
    try:
        plan = await asyncio.to_thread(plan_for, box, state, wanted.step)
    except KubernetesError:
        # Tried again by the queue; meanwhile nobody should think that we are still looking.
        await box.write(
            investigations.set_phase, "the API server does not answer: the change is not drawn up yet"
        )
        raise
    await box.write(investigations.set_phase, "waiting for a signature")
    return {"plan_id": await box.write(investigations.draft, plan, wanted.why)}


def _too_early(thought: Thought, found: Diagnosis) -> str:
    """Why another look may see more than this one did, or nothing."""
    if thought.case.snapshot.inventory.silent:
        return "the API server did not answer"
    # An alert may come before its pods show why: what explains nothing now may explain it in a minute.
    early = found.cause is None and thought.reasoned.answer is Answer.NOT_ESTABLISHED
    return "the cause is not established yet" if early else ""


async def _nothing(state: State, box: Toolbox, why_again: str) -> State:
    """No plan; when it was too early to tell the look counts for nothing, and another follows."""
    purse = purse_of(state, box)
    if not why_again or not purse.left("tool_calls"):
        await box.write(investigations.set_phase, "no change proposed")
        return {"plan_id": ""}
    seconds = min(LONGEST_PAUSE_S, AGAIN_S * 2 ** state.get("blind", 0))
    await box.write(investigations.set_phase, f"{why_again}: looking again within {seconds:g} s")
    await box.write(investigations.wake_later, seconds)
    return {"plan_id": "", "again": True}


def _rejected(box: Toolbox, incident: int, step: Step) -> bool:
    """Whether somebody said no to this very change: an alert that joins is no reason to ask again."""
    with box.ledger.read() as session:
        plans = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, incident)]
    denied = [one.plan for one in plans if isinstance(one, Standing) and one.state is PlanState.DENIED]
    return any(
        (said.verb, said.target, said.set) == (step.verb, step.target, step.set)
        for plan in denied
        for said in plan.steps
    )


async def undo(state: State, runtime: Runtime[Toolbox]) -> State:
    """It did not help: offer to put back what stood there before, as a new plan to sign."""
    box = runtime.context
    done = state["plan_id"]
    if before := await asyncio.to_thread(_drafted, box, state):
        return {"plan_id": before, "undo_of": done}
    step = await asyncio.to_thread(_inverse, box, done)
    if step is None:
        return {"plan_id": "", "undo_of": done}
    plan = await asyncio.to_thread(plan_for, box, state, step)
    plan = plan.model_copy(update={"undo_of": done})
    note = "it did not help: this puts back what stood there before"
    return {"plan_id": await box.write(investigations.draft, plan, note), "undo_of": done}


def _drafted(box: Toolbox, state: State) -> str | None:
    # The stage was killed after its draft: by now it may be signed, or even done.
    with box.ledger.read() as session:
        return investigations.drafted(session, state["incident"], state["nonce"])


def plan_for(box: Toolbox, state: State, step: Step) -> Plan:
    """The plan of one step, within the policy, citing the evidence of this incident."""
    incident = state["incident"]
    with box.ledger.read() as session:
        evidence = {item.id: item.digest for item in investigations.evidence_of(session, incident)}
        diagnosis = investigations.diagnosis_of(session, incident)
    cited = _cited(diagnosis) or set(evidence)
    tier = CATALOGUE[step.verb].tier
    return Plan(
        cluster_uid=box.cluster.cluster_uid(),
        incident=f"INC-{incident}",
        steps=(step,),
        evidence={key: digest for key, digest in evidence.items() if key in cited},
        tier=tier,
        approvals_needed=2 if tier == 3 else 1,
        pending_until=box.ledger.now() + timedelta(seconds=box.policy.pending_s),
        claim_within_s=box.policy.claim_within_s,
        policy_version=box.policy.version,
        nonce=state["nonce"],
    )


def _cited(diagnosis: Diagnosis | None) -> set[str]:
    claims = diagnosis.claims if diagnosis else ()
    return {number for claim in claims for number in claim.evidence}


def _inverse(box: Toolbox, plan_id: str) -> Step | None:
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    if not isinstance(found, Standing):
        return None
    signed = found.plan.steps[-1]
    try:
        live = box.live(signed)
    except KubernetesError:
        return None
    if live is None:
        return None
    undone = CATALOGUE[signed.verb].inverse(signed, {**live, "kind": signed.kind})
    return undone if isinstance(undone, Step) else None
