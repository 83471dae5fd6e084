"""Sealed mode: what was signed is written into the cluster before the actor begins, and taken away after.

Written by the gatekeeper's own account, which may touch one ConfigMap and nothing else. When it cannot be
written the approval stands in the ledger, the card says why, and the actor does not begin.
"""

from __future__ import annotations

from agents.gatekeeper.bench import Bench
from agents.ledger import sealing
from agents.ledger.protocol import PlanState
from agents.ledger.story import PlanView, Story
from tools.kubernetes.actions.verb import Refused
from tools.kubernetes.approvals import Approvals
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.sealing import entries_of
from tools.redaction import redact

_NEEDED = (PlanState.APPROVED, PlanState.EXECUTING)


def keep_entries(bench: Bench, told: Story) -> bool:
    """Write the entries of what is approved, take away those of what is over; whether anything changed.

    Blocking. Raises LedgerUnavailable.
    """
    approvals = bench.approvals
    if approvals is None:
        return False
    changed = [_keep(bench, approvals, view) for view in told.plans]
    return any(changed)


def _keep(bench: Bench, approvals: Approvals, view: PlanView) -> bool:
    with bench.ledger.read() as session:
        standing = sealing.is_open(session, view.plan.id)
    if view.state is PlanState.APPROVED and not standing:
        return _open(bench, approvals, view)
    if view.state not in _NEEDED and standing:
        return _shut(bench, approvals, view)
    return False


def _open(bench: Bench, approvals: Approvals, view: PlanView) -> bool:
    plan = view.plan
    entries = entries_of(plan.steps, plan.id)
    if isinstance(entries, Refused):
        sealing.stuck(bench.ledger, plan.id, f"it cannot be done in sealed mode: {entries.reason}")
        return True
    try:
        approvals.write(entries)
    except KubernetesError as problem:
        why = f"what was signed cannot be written into the cluster, so it is not begun: {problem}"
        sealing.stuck(bench.ledger, plan.id, redact(why))
        return True
    sealing.opened(bench.ledger, plan.id, sorted(entries))
    return True


def _shut(bench: Bench, approvals: Approvals, view: PlanView) -> bool:
    entries = entries_of(view.plan.steps, view.plan.id)
    try:
        if not isinstance(entries, Refused):
            approvals.take_away(entries)
    except KubernetesError as problem:
        sealing.stuck(bench.ledger, view.plan.id, redact(str(problem)))
        return False
    sealing.shut(bench.ledger, view.plan.id)
    return True
