"""Propose: one exact plan, or why there is none; and, if it did not help, its undo."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from langgraph.runtime import Runtime

from agents.incident import Diagnosis, Plan
from agents.investigator.proposals import NoPlan
from agents.investigator.stages.diagnose import proposed, think, told
from agents.investigator.stages.gather import purse_of
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from agents.ledger import investigations, moves
from agents.ledger.moves import Standing
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import path_of
from tools.kubernetes.errors import KubernetesError


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
    if isinstance(wanted, NoPlan):
        await box.write(investigations.set_phase, "no change proposed")
        return {"plan_id": ""}
    plan = await asyncio.to_thread(plan_for, box, state, wanted.step)
    await box.write(investigations.set_phase, "waiting for a signature")
    return {"plan_id": await box.write(investigations.draft, plan, wanted.why)}


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
        live = box.cluster.get(path_of(signed))
    except KubernetesError:
        return None
    undone = CATALOGUE[signed.verb].inverse(signed, {**live, "kind": signed.kind})
    return undone if isinstance(undone, Step) else None
