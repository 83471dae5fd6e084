"""One more look that a model asked for: out of a closed list, at an object of the incident, checked by code.

A model names what it would like to see; whether that may be seen is decided here. The object must lie
within the blast radius that code computed, a container must be one of the pod's own, and a metric is one of
the templates below with nothing of the model's in it but two checked names. The rest is refused in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agents.investigator import signals
from agents.investigator.analyzers.fields import items
from agents.investigator.reasoning_case import Case
from agents.ledger.investigations import LOG, Look
from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.inventory import cleaned, lines
from tools.kubernetes.objects import ObjectRef, is_name, is_namespace
from tools.kubernetes.reading import read_log
from tools.prometheus import Prometheus, Window
from tools.promql import Query, Scope, admissible
from tools.redaction import redact

EXCERPT = 24_000
MOST_EVENTS = 100
HISTORY = timedelta(hours=1)
STEP = timedelta(minutes=1)

Sight = Literal["log", "previous_log", "events", "cpu", "memory", "throttling"]
LOGS: Mapping[Sight, bool] = {"log": False, "previous_log": True}
"""The kinds of log, and whether it is that of the run before."""
TEMPLATES: Mapping[Sight, str] = {
    "cpu": "sum by (container) (rate(container_cpu_usage_seconds_total{%s}[5m]))",
    "memory": "max by (container) (container_memory_working_set_bytes{%s})",
    "throttling": "sum by (container) (rate(container_cpu_cfs_throttled_periods_total{%s}[5m]))",
}
"""What may be asked of Prometheus about a pod, by cAdvisor's names; the braces take namespace and pod."""


class Wanted(BaseModel):
    """What a model would like to see. ``container`` matters for logs only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sight: Sight
    kind: str
    namespace: str
    name: str
    container: str

    def __str__(self) -> str:
        """The wish in words, safe to be told."""
        return redact(f"{self.sight} of {self.kind} {self.namespace}/{self.name}")[:200]

    @property
    def ref(self) -> ObjectRef | None:
        """The object, or None when nothing can have such a name."""
        if not (self.kind.isalpha() and is_namespace(self.namespace) and is_name(self.name)):
            return None
        return ObjectRef(kind=self.kind, namespace=self.namespace, name=self.name)


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """What is looked with, and when."""

    cluster: Connection
    prometheus: Prometheus | None
    at: datetime


def refused(wanted: Wanted, case: Case, *, metrics: bool) -> str:
    """Why this may not or cannot be looked at, or nothing."""
    ref = wanted.ref
    if ref is None or not case.targets.holds(ref):
        return "it is not within the reach of this incident"
    if wanted.sight == "events":
        return ""
    if ref.kind != "Pod":
        return "only a pod has that"
    if wanted.sight in TEMPLATES:
        return "" if metrics else "no Prometheus is configured"
    pod = case.find(ref)
    kinds = ("initContainers", "containers", "ephemeralContainers")
    known = {one.get("name") for kind in kinds for one in items(pod, "spec", kind)}
    return "" if wanted.container in known else "that pod has no such container"


def observed(wanted: Wanted, eyes: Eyes, key: str) -> Look:
    """What is seen, as a look to be stored; a failure is one as well. Only for what was not refused."""
    if wanted.sight in LOGS:
        return _log(wanted, eyes, key)
    return _events(wanted, eyes, key) if wanted.sight == "events" else _metric(wanted, eyes, key)


def _log(wanted: Wanted, eyes: Eyes, key: str) -> Look:
    pod = (wanted.namespace, wanted.name)
    found = read_log(eyes.cluster, pod, wanted.container, previous=LOGS[wanted.sight])
    return Look(
        key=f"{key}:{found.path}",
        tool=LOG,
        query=f"GET {found.path}",
        ok=found.ok,
        excerpt=redact(found.text[-EXCERPT:]),
    )


def _events(wanted: Wanted, eyes: Eyes, key: str) -> Look:
    path = f"/api/v1/namespaces/{wanted.namespace}/events"
    chosen = f"involvedObject.kind={wanted.kind},involvedObject.name={wanted.name}"
    query = (("fieldSelector", chosen), ("limit", str(MOST_EVENTS)))
    try:
        page = eyes.cluster.send(Request(method="GET", path=path, query=query))
        events = [cleaned({**one, "kind": "Event"}) for one in page.get("items") or []]
        text, ok = "\n".join(line for one in events for line in lines(one)) or "there are none", True
    except KubernetesError as problem:
        text, ok = str(problem), False
    return Look(
        key=f"{key}:{path}?{chosen}",
        tool="kubernetes.list",
        query=f"GET {path}?fieldSelector={chosen}",
        ok=ok,
        excerpt=redact(text[:EXCERPT]),
    )


def _metric(wanted: Wanted, eyes: Eyes, key: str) -> Look:
    expression = expression_of(wanted)
    scope = Scope(labels={"namespace": frozenset({wanted.namespace}), "pod": frozenset({wanted.name})})
    against = admissible(Query(expr=expression, window=HISTORY, step=STEP), scope)
    if eyes.prometheus is None or against is not None:
        raise AssertionError(f"a template about a checked pod may be asked: {against}")
    window = Window(start=eyes.at - HISTORY, end=eyes.at)
    asked = signals.Question(expression=expression, window=window, step=STEP)
    return signals.looked(eyes.prometheus, asked, key)


def expression_of(wanted: Wanted) -> str:
    """The template for this pod; its names were checked to be names and nothing more."""
    return TEMPLATES[wanted.sight] % f'namespace="{wanted.namespace}",pod="{wanted.name}",container!=""'
