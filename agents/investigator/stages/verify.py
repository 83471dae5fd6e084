"""After the change: did the alert's own signal go quiet, and is the workload well?

Looks at intervals within the verify window; says recovered or not recovered, and never assumes.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta

from langgraph.runtime import Runtime

from agents.incident import Alert, Incident
from agents.investigator.reasoning_health import is_healthy
from agents.investigator.signals import belongs, question
from agents.investigator.stages.triage import resolved
from agents.investigator.state import State
from agents.investigator.targets import targets
from agents.investigator.toolbox import Toolbox
from agents.ledger import incidents, investigations, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import PlanState
from tools.kubernetes.actions.verb import matches, path_of
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.reading import read_inventory
from tools.prometheus import Prometheus, PrometheusError

STATEFUL = frozenset({"Pod", "Deployment", "StatefulSet"})


async def after_wait(state: State, runtime: Runtime[Toolbox]) -> State:
    """What became of the plan decides: watch it, look again, go on waiting, or close."""
    box = runtime.context
    stands = await asyncio.to_thread(_stands, box, state.get("plan_id", ""))
    if stands is PlanState.SUCCEEDED and not state.get("undo_of"):
        await box.write(investigations.set_phase, "verifying")
        now = await asyncio.to_thread(box.ledger.now)
        return {"next": "verify", "verify_from": now.isoformat()}
    if await asyncio.to_thread(resolved, box, state["incident"]):
        return {"next": "close"}
    moved = stands is PlanState.STALE or (
        stands is PlanState.REFUSED and await asyncio.to_thread(_moved, box, state["plan_id"])
    )
    if moved and state["round"] < box.policy.most_rounds:
        # The object changed: what was diagnosed may be over, so look again from the start.
        return {"next": "triage", "round": state["round"] + 1, "plan_id": ""}
    await box.write(investigations.set_phase, "waiting for the alert to resolve")
    return {"next": "wait", "plan_id": ""}


def _stands(box: Toolbox, plan_id: str) -> PlanState | None:
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    return found.state if isinstance(found, Standing) else None


def _moved(box: Toolbox, plan_id: str) -> bool:
    """Whether a target is no longer as the plan expected; one that cannot be read has not moved."""
    with box.ledger.read() as session:
        found = moves.standing(session, plan_id)
    if not isinstance(found, Standing):
        return False
    try:
        return any(matches(step, box.cluster.get(path_of(step))) for step in found.plan.steps)
    except KubernetesError:
        return False


async def verify(state: State, runtime: Runtime[Toolbox]) -> State:
    """One look: recovered, not yet, or not within the window."""
    box = runtime.context
    incident = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if incident is None:
        return {"next": "close"}
    quiet = await asyncio.to_thread(alert_quiet, box, incident)
    if quiet and await asyncio.to_thread(workloads_well, box, incident, state.get("namespaces", [])):
        return {"next": "close"}
    now = await asyncio.to_thread(box.ledger.now)
    began = datetime.fromisoformat(state["verify_from"])
    if now < began + timedelta(seconds=box.policy.verify_window_s):
        await box.write(investigations.wake_later, box.policy.verify_poll_s)
        return {"next": "watch"}
    await box.write(investigations.set_phase, "not recovered")
    return {"next": "undo", "not_recovered": True, "nonce": secrets.token_hex(16)}


def alert_quiet(box: Toolbox, incident: Incident) -> bool:
    """Alertmanager said resolved, or the alerts' own expressions hold no more in Prometheus."""
    if resolved(box, incident.number):
        return True
    if box.prometheus is None or not incident.firing:
        return False
    now = box.ledger.now()
    return all(_holds_no_more(box.prometheus, alert, now) for alert in incident.firing)


def _holds_no_more(prometheus: Prometheus, alert: Alert, now: datetime) -> bool:
    asked = question(alert, now)
    if isinstance(asked, str):
        return False
    try:
        return not any(belongs(alert, one.labels) for one in prometheus.instant(asked.expression).samples)
    except PrometheusError:
        # A signal that could not be read is not a quiet one.
        return False


def workloads_well(box: Toolbox, incident: Incident, namespaces: list[str]) -> bool:
    """Whether every workload the alerts are about is healthy in a fresh look."""
    for namespace in namespaces or [""]:
        seen = read_inventory(box.cluster, namespace)
        if not _well(incident, seen):
            return False
    return True


def _well(incident: Incident, seen: Inventory) -> bool:
    about = [
        ref for ref in targets(incident.alerts, seen).refs if ref.kind in {"Pod", "Deployment", "StatefulSet"}
    ]
    found = [seen.find(ref) for ref in about]
    return all(obj is None or is_healthy(obj) for obj in found)
