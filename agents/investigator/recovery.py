"""Whether a change helped: the alert's own signal and the workloads, each told as yes, no or not known.

What could not be read is never taken for quiet or well, and never for sick: on it no verdict is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from agents.incident import Alert, Diagnosis, Incident
from agents.investigator.held_up import first_of
from agents.investigator.reasoning import alert_key
from agents.investigator.reasoning_health import is_healthy
from agents.investigator.signals import belongs, expression_of, question
from agents.investigator.targets import targets
from agents.investigator.toolbox import Toolbox
from agents.ledger import investigations
from tools.kubernetes.actions.step import Step
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.reading import Depth, read_inventory
from tools.prometheus import PrometheusError
from tools.promql import lookback

LEAST_PAUSE_S = 15.0
LOOKS = 40
"""About so many looks are taken, however far the rule looks back."""
STATEFUL = frozenset({"Pod", "Deployment", "StatefulSet"})


class Told(StrEnum):
    """One answer about the world."""

    GOOD = "good"
    BAD = "bad"
    NOT_KNOWN = "not known"


def worst(answers: Iterable[Told]) -> Told:
    """One answer for many: a bad one is bad news, and one that is missing leaves the rest open."""
    found = set(answers)
    return next((one for one in (Told.BAD, Told.NOT_KNOWN) if one in found), Told.GOOD)


def concerned(incident: Incident, diagnosis: Diagnosis | None) -> tuple[Alert, ...]:
    """The alerts that the diagnosed cause explains: by those its repair is judged, by no others."""
    cause = diagnosis.cause if diagnosis else None
    explained = set(cause.explains) if cause else set()
    return tuple(alert for alert in incident.alerts if alert_key(alert) in explained) or incident.alerts


def signal(box: Toolbox, incident: Incident, alerts: tuple[Alert, ...]) -> Told:
    """Quiet when Alertmanager said so, or when the alerts' own expressions hold no more in Prometheus."""
    with box.ledger.read() as session:
        if investigations.is_resolved(session, incident.number):
            return Told.GOOD
    firing = [alert for alert in alerts if alert.firing]
    if not firing and not incident.firing:
        # All we know of are resolved and the incident is not: somebody left out may still fire.
        return Told.NOT_KNOWN
    return worst(_signal(box, alert) for alert in firing)


def looks_back(alerts: tuple[Alert, ...]) -> timedelta:
    """How long after the trouble is over the rules of these alerts can still hold because of it.

    ``max_over_time(…[5m])`` sees a crash for five minutes, however well everybody is by then.
    """
    rules = (expression_of(alert.generator_url) for alert in alerts if alert.firing)
    return max(map(lookback, rules), default=timedelta(0))


def pause_s(reach: timedelta) -> float:
    """Seconds between two looks while that is waited for: a rule over hours is not asked by the second."""
    return max(LEAST_PAUSE_S, reach.total_seconds() / LOOKS)


def _signal(box: Toolbox, alert: Alert) -> Told:
    now = box.ledger.now()
    asked = question(alert, now)
    if box.prometheus is None or isinstance(asked, str):
        return Told.NOT_KNOWN
    try:
        found = box.prometheus.instant(asked.expression).samples
    except PrometheusError:
        return Told.NOT_KNOWN
    return Told.BAD if any(belongs(alert, one.labels) for one in found) else Told.GOOD


def workloads(box: Toolbox, alerts: tuple[Alert, ...], namespaces: list[str]) -> Told:
    """Whether every workload these alerts are about is healthy in a fresh look."""
    seen = (read_inventory(box.cluster, place, Depth.STATE) for place in namespaces or [""])
    return worst(_workloads(alerts, each) for each in seen)


def waits_for_a_pod(box: Toolbox, step: Step) -> bool:
    """Whether the change is made and a pod of before keeps it from being taken up."""
    if step.kind != "StatefulSet":
        return False
    seen = read_inventory(box.cluster, step.namespace, Depth.STATE)
    owner = seen.find(step.target)
    return owner is not None and first_of(owner, seen.objects("Pod")) is not None


def _workloads(alerts: tuple[Alert, ...], seen: Inventory) -> Told:
    about = [ref for ref in targets(alerts, seen).refs if ref.kind in STATEFUL]
    found = [seen.find(ref) for ref in about]
    if not all(obj is None or is_healthy(obj) for obj in found):
        return Told.BAD
    # Nothing sick among nothing seen is not health.
    blind = any(not query.ok or query.truncated for query in seen.queries if query.kind in STATEFUL)
    return Told.NOT_KNOWN if blind else Told.GOOD
