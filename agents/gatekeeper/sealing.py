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


def keep_entries(bench: Bench, told: Story) -> None:
    """Write the entries of what is approved, take away those of what is over.

    Blocking. Raises LedgerUnavailable.
    """
    if bench.approvals is not None:
        for view in told.plans:
            _keep(bench, bench.approvals, view)


def _keep(bench: Bench, approvals: Approvals, view: PlanView) -> None:
    with bench.ledger.read() as session:
        standing = sealing.is_open(session, view.plan.id)
    if view.state is PlanState.APPROVED and not standing:
        _open(bench, approvals, view)
    elif view.state not in _NEEDED and standing:
        _shut(bench, approvals, view)


def _open(bench: Bench, approvals: Approvals, view: PlanView) -> None:
    plan = view.plan
    entries = entries_of(plan.steps, plan.id)
    if isinstance(entries, Refused):
        sealing.stuck(bench.ledger, plan.id, f"it cannot be done in sealed mode: {entries.reason}")
        return
    try:
        approvals.write(entries)
    except KubernetesError as problem:
        why = f"what was signed cannot be written into the cluster, so it is not begun: {problem}"
        sealing.stuck(bench.ledger, plan.id, redact(why))
        return
    sealing.opened(bench.ledger, plan.id, sorted(entries))


def _shut(bench: Bench, approvals: Approvals, view: PlanView) -> None:
    entries = entries_of(view.plan.steps, view.plan.id)
    try:
        if not isinstance(entries, Refused):
            approvals.take_away(entries)
    except KubernetesError as problem:
        sealing.stuck(bench.ledger, view.plan.id, redact(str(problem)))
        return
    sealing.shut(bench.ledger, view.plan.id)
