"""Performing a claimed plan: check everything again, commit the intent, send once, tell the truth.

Source: approval-bound execution protocol, "The actor, per plan". A ``Claim`` comes only from the
ledger's compare-and-set, so every guard of APPROVED → EXECUTING held when this starts.
"""

from __future__ import annotations

import hashlib
import time

from agents.actor.hands import Hands, changed, digest_of_all
from agents.ledger import executions, previews
from agents.ledger.executions import Answer, Claim, Halted, NotOurs
from agents.ledger.protocol import Objection, PlanState
from tools.crash import crash
from tools.kubernetes.actions.catalogue import CATALOGUE, check
from tools.kubernetes.actions.step import Step
from tools.kubernetes.errors import Conflict, KubernetesError, NotFound, PreconditionFailed
from tools.redaction import redact

# A halt must hold within a second: what the ledger said longer ago than this is asked again.
TRUST_S = 0.3
# How the API server says that the object is not the one that was shown, or not as it was.
_CHANGED = (PreconditionFailed, Conflict, NotFound)


def perform(hands: Hands, claim: Claim) -> None:
    """Do the plan once and move it to where it truly stands."""
    crash("c3")
    try:
        against = _against(hands, claim)
    except _CHANGED as drifted:
        # The rehearsal carries the preconditions, too: it may be the first to notice.
        executions.finish(hands.ledger, claim, PlanState.STALE, redact(f"it changed meanwhile: {drifted}"))
        return
    except KubernetesError as problem:
        # Nothing was intended yet, so nothing was done: this failure has no effect to look for.
        executions.finish(
            hands.ledger, claim, PlanState.FAILED, redact(f"it could not be checked: {problem}")
        )
        return
    if against is not None:
        executions.finish(hands.ledger, claim, PlanState.STALE, against)
        return
    for n, step in enumerate(claim.plan.steps, start=1):
        if not _step(hands, claim, n, step):
            return
    executions.finish(hands.ledger, claim, PlanState.SUCCEEDED, "every step was acknowledged")
    crash("c8")


def _against(hands: Hands, claim: Claim) -> str | None:
    plan = claim.plan
    # A kubeconfig may have been pointed elsewhere since, where objects of the same names live.
    if hands.cluster.cluster_uid() != plan.cluster_uid:
        return "this connection leads to another cluster"
    found = []
    for step in plan.steps:
        refused = check(step)
        if refused is not None:
            return refused.reason
        live = hands.target(step)
        if drifted := changed(step, live):
            return f"{step.target} changed since it was shown: {drifted}"
        found.append(live)
    if against := hands.refused(plan, tuple(found)):
        return redact(against)
    with hands.ledger.read() as session:
        shown = previews.preview_of(session, plan.id)
    # The same bytes through today's admission webhooks: they may answer otherwise than when it was shown.
    rehearsed = digest_of_all(hands.foretell(step, plan.id) for step in plan.steps)
    if shown is None or shown.dry_run_digest != rehearsed:
        return "the API server would now do something else than was shown"
    return None


def _step(hands: Hands, claim: Claim, n: int, step: Step) -> bool:
    verb = CATALOGUE[step.verb]
    sent = verb.request(step, claim.plan.id)
    # Asked before every step, by file: a halt between two steps leaves the rest undone.
    if hands.halted():
        _stop(hands, claim, n, Objection.HALTED.value)
        return False
    asked = time.monotonic()
    try:
        executions.intend(hands.ledger, claim, n, hashlib.sha256(sent.body).hexdigest())
    except Halted:
        _stop(hands, claim, n, Objection.HALTED.value)
        return False
    crash("c4")
    if _held_up(hands, claim, asked):
        executions.answered(hands.ledger, claim, n, Answer(http_status=None, outcome="not sent: halted"))
        _stop(hands, claim, n, Objection.HALTED.value)
        return False
    try:
        answer = hands.send(verb, sent)
    except KubernetesError as problem:
        crash("c6")
        _refused(hands, claim, n, problem)
        return False
    crash("c6")
    version = str(answer.get("metadata", {}).get("resourceVersion", ""))
    executions.answered(
        hands.ledger, claim, n, Answer(http_status=200, outcome="applied", resource_version=version)
    )
    crash("c7" if n == len(claim.plan.steps) else "c9")
    return True


def _held_up(hands: Hands, claim: Claim, asked: float) -> bool:
    """Whether a halt came since ``asked``. Raises NotOurs when the time to send is over.

    The last look before the bytes leave: this process may have been paused since its intent, by a
    debugger, a full machine or SIGSTOP, and must not act on the word of a while ago (T37, P25).
    """
    stale = time.monotonic() - asked > TRUST_S
    halted = hands.halted_anywhere() if stale else hands.halted()
    # The clock comes last: looking for a halt may itself have waited for the database.
    if time.monotonic() >= claim.send_before:
        raise NotOurs(Objection.NOT_OWNER.value)
    return halted


def _refused(hands: Hands, claim: Claim, n: int, problem: KubernetesError) -> None:
    reason = redact(str(problem))
    executions.answered(hands.ledger, claim, n, Answer(http_status=problem.status, outcome=reason))
    if not problem.no_effect:
        # The request may have arrived and only its answer was lost: reading will tell, guessing will not.
        executions.finish(hands.ledger, claim, PlanState.UNKNOWN, reason)
    elif n == 1 and isinstance(problem, _CHANGED):
        executions.finish(hands.ledger, claim, PlanState.STALE, reason)
    else:
        _stop(hands, claim, n, reason)


def _stop(hands: Hands, claim: Claim, n: int, reason: str) -> None:
    to = PlanState.FAILED if n == 1 else PlanState.PARTIAL
    executions.finish(hands.ledger, claim, to, reason)
