"""Propose: one exact plan, or why there is none; and, if it did not help, its undo."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from langgraph.runtime import Runtime
from pydantic import ValidationError

from agents.incident import Diagnosis, Plan
from agents.investigator.reasoning import Answer
from agents.investigator.stages.diagnose import asking_of, proposed, think, told
from agents.investigator.stages.rounds import purse_of
from agents.investigator.state import State
from agents.investigator.thought import Thought
from agents.investigator.toolbox import Toolbox
from agents.investigator.wanted import NoPlan, Permitted
from agents.ledger import drafts, incidents, investigations, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection, PlanState
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.objects import JsonObject
from tools.policy.facts import Radius
from tools.policy.load import PolicyError

AGAIN_S = 15.0
LONGEST_PAUSE_S = 300.0
"""How soon a look is tried again that told nothing: doubling, until the purse is empty."""
_BACK = "it did not help: this puts back what stood there before"


async def propose(state: State, runtime: Runtime[Toolbox]) -> State:
    """Draft the plan for the cause that was written down, if there is one."""
    box = runtime.context
    if before := await asyncio.to_thread(_drafted, box, state):
        return {"plan_id": before}
    found = await asyncio.to_thread(told, box, state["incident"], state.get("round", 1))
    if found is None:
        raise AssertionError("a proposal follows a diagnosis")
    # Made a moment ago, unless another process made it.
    kept = box.thoughts.pop(state["incident"], None)
    thought = kept or await think(state, box, purse_of(state, box))
    wanted = thought.wanted
    if wanted is None:
        wanted = await asyncio.to_thread(proposed, box, thought, found.cause, found.no_plan_because)
    # The look has served: kept, each incident would hold a whole inventory until this process ends.
    box.snapshots.pop(state["incident"], None)
    if isinstance(wanted, NoPlan):
        return await _nothing(state, box, _too_early(thought, found), _due(thought, wanted))
    rejected = await asyncio.to_thread(_rejected, box, state["incident"], wanted.step)
    if rejected:
        await box.write(investigations.set_phase, f"no change proposed: {rejected}")
        return {"plan_id": ""}
    try:
        plan = await asyncio.to_thread(plan_for, box, state, wanted)
    except KubernetesError:
        # Tried again by the queue; meanwhile nobody should think that we are still looking.
        await box.write(
            investigations.set_phase, "the API server does not answer: the change is not drawn up yet"
        )
        raise
    drafted = await box.write(investigations.draft, plan, wanted.why)
    if isinstance(drafted, Objection):
        return await _nothing(state, box, f"no change proposed yet: {drafted.value}")
    await box.write(investigations.set_phase, "waiting for a signature")
    return {"plan_id": drafted}


def _too_early(thought: Thought, found: Diagnosis) -> str:
    """Why another look may see more than this one did, or nothing."""
    if thought.case.snapshot.inventory.silent:
        return "the API server did not answer"
    # An alert may come before its pods show why: what explains nothing now may explain it in a minute.
    # And after a restart this look may see what the one that was told did not.
    early = found.cause is None and thought.reasoned.answer is not Answer.NOTHING_TO_DO
    return "the cause is not established yet" if early else ""


def _due(thought: Thought, wanted: NoPlan) -> float | None:
    """Seconds until what only needs time has had it; None when no look at a later time is due."""
    at = wanted.look_again or thought.reasoned.look_again
    return None if at is None else max(AGAIN_S, (at - thought.case.snapshot.taken_at).total_seconds())


async def _nothing(state: State, box: Toolbox, why_again: str, due: float | None = None) -> State:
    """No plan; when it was too early to tell the look counts for nothing, and another follows."""
    purse = purse_of(state, box)
    if not (why_again or due) or not purse.left("tool_calls"):
        await box.write(investigations.set_phase, "no change proposed")
        return {"plan_id": ""}
    seconds = due or min(LONGEST_PAUSE_S, AGAIN_S * 2 ** state.get("blind", 0))
    why_again = why_again or "no change proposed yet"
    await box.write(investigations.set_phase, f"{why_again}: looking again within {seconds:g} s")
    await box.write(investigations.wake_later, seconds)
    return {"plan_id": "", "again": True}


def _rejected(box: Toolbox, incident: int, step: Step) -> str:
    """Who said no to this lately, or nothing: neither this change again in the same incident, nor the
    same verb on the same object anywhere before the cool-down is over (T33)."""
    now, cool = box.ledger.now(), timedelta(seconds=box.policy.deny_cooldown_s)
    with box.ledger.read() as session:
        lately = drafts.denied_since(session, step, now - cool)
        plans = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, incident)]
    if lately is not None:
        where = "" if lately.incident == incident else f" in INC-{lately.incident}"
        # Not their words: the phase goes into the record, which is never erased.
        return f"a person rejected this{where}; not proposed again before {lately.at + cool:%H:%M} UTC"
    denied = [one.plan for one in plans if isinstance(one, Standing) and one.state is PlanState.DENIED]
    same = any(
        (said.verb, said.target, said.set) == (step.verb, step.target, step.set)
        for plan in denied
        for said in plan.steps
    )
    return "a person rejected this one before" if same else ""


async def undo(state: State, runtime: Runtime[Toolbox]) -> State:
    """It did not help: offer to put back what stood there before, as a new plan to sign."""
    box = runtime.context
    done = state["plan_id"]
    if before := await asyncio.to_thread(_drafted, box, state):
        return {"plan_id": before, "undo_of": done}
    back = await asyncio.to_thread(_inverse, box, state["incident"], done)
    if isinstance(back, NoPlan):
        await box.write(investigations.set_phase, f"not recovered; nothing is put back, {back.reason}")
    if not isinstance(back, Permitted):
        return {"plan_id": "", "undo_of": done}
    plan = await asyncio.to_thread(plan_for, box, state, back)
    plan = plan.model_copy(update={"undo_of": done})
    drafted = await box.write(investigations.draft, plan, back.why)
    if isinstance(drafted, Objection):
        await box.write(investigations.set_phase, f"not recovered; no undo offered: {drafted.value}")
        return {"plan_id": "", "undo_of": done}
    return {"plan_id": drafted, "undo_of": done}


def _drafted(box: Toolbox, state: State) -> str | None:
    # The stage was killed after its draft: by now it may be signed, or even done.
    with box.ledger.read() as session:
        return investigations.drafted(session, state["incident"], state["nonce"])


def plan_for(box: Toolbox, state: State, wanted: Permitted) -> Plan:
    """The plan of one step, with what the policy says of it, citing the evidence of this incident."""
    incident = state["incident"]
    with box.ledger.read() as session:
        evidence = {item.id: item.digest for item in investigations.evidence_of(session, incident)}
        diagnosis = investigations.diagnosis_of(session, incident)
    cited = _cited(diagnosis) or set(evidence)
    judged = wanted.judged
    return Plan(
        cluster_uid=box.cluster.cluster_uid(),
        incident=f"INC-{incident}",
        steps=(wanted.step,),
        evidence={key: digest for key, digest in evidence.items() if key in cited},
        tier=judged.tier,
        approvals_needed=judged.approvals_needed,
        pending_until=box.ledger.now() + timedelta(seconds=judged.pending_s),
        claim_within_s=judged.claim_within_s,
        policy_version=judged.policy,
        radius=(wanted.radius,),
        nonce=state["nonce"],
    )


def _cited(diagnosis: Diagnosis | None) -> set[str]:
    claims = diagnosis.claims if diagnosis else ()
    return {number for claim in claims for number in claim.evidence}


def _inverse(box: Toolbox, incident: int, plan_id: str) -> Permitted | NoPlan | None:
    """What puts back what the plan changed; None when nothing can, NoPlan when the policy says no."""
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    told = incidents.incident(box.ledger, incident)
    if not isinstance(found, Standing) or told is None:
        return None
    back = _put_back(box, found.plan.steps[-1])
    if back is None:
        return None
    undone, live = back
    # The object as it is now, and around it what was seen when the plan was drawn up.
    around = found.plan.radius[-1] if found.plan.radius else Radius()
    try:
        radius = around.seen_again(live)
        judged = asking_of(box, told).judged(undone, radius, undo=True)
    except (ValidationError, PolicyError) as problem:
        return NoPlan(reason=f"the policy cannot be asked: {str(problem).splitlines()[0]}")
    if not judged.allowed:
        return NoPlan(reason=f"the policy says no: {judged.objection}")
    return Permitted(step=undone, why=_BACK, radius=radius, judged=judged)


def _put_back(box: Toolbox, signed: Step) -> tuple[Step, JsonObject] | None:
    """The step that undoes this one, with the object as it is now."""
    try:
        live = box.live(signed)
    except KubernetesError:
        return None
    if live is None:
        return None
    live = {**live, "kind": signed.kind}
    undone = CATALOGUE[signed.verb].inverse(signed, live)
    return (undone, live) if isinstance(undone, Step) else None
