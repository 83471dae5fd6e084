"""An object of its own for each verb of the catalogue, put into the pretend cluster, and the step on it."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from evals.world.clock import rfc3339
from evals.world.kubernetes.controllers.nodes import registered
from evals.world.kubernetes.store import Store
from tests.support import verb_cases, workload_cases
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import RESOURCES, Context
from tools.kubernetes.actions.wire import CLUSTER_SCOPED
from tools.kubernetes.cleaning import cleaned

Json = dict[str, Any]
NAMESPACE = "shop"
OLD = "r/checkout:8"
_NEVER_ITS_OWN = ("uid", "resourceVersion", "generation")


def _workload() -> Json:
    made = copy.deepcopy(workload_cases.WORKLOAD)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "128Mi"}}
    return made


_POD = {"containers": [{"name": "app", "image": OLD}], "restartPolicy": "Never"}
_FILLED: dict[str, Json] = {
    "Pod": {"containers": _POD["containers"]},
    "Job": {"template": {"spec": _POD}},
    "CronJob": {"jobTemplate": {"spec": {"template": {"spec": _POD}}}},
    "PersistentVolumeClaim": {"volumeName": "pv-1"},
}
"""What a whole object of the kind has beside what the verb looks at."""
_CASES: dict[str, tuple[Json, Json]] = {
    "set_image": (_workload(), {"container": "app", "image": OLD}),
    "roll_back": (_workload(), {"revision": 6}),
    "set_resources": (_workload(), {"container": "app", "field": "limits/memory", "value": "256Mi"}),
    "scale": (_workload(), {"replicas": 4}),
    "restart_rollout": (_workload(), {"incident": "INC-1", "because": "stale_config"}),
    "fix_selector": (
        workload_cases.SERVICE,
        {"selector": {"app": "cart"}, "labels": {"app": "cart", "tier": "web"}},
    ),
    **workload_cases.CASES,
    **verb_cases.CASES,
}
VERBS = tuple(sorted(CATALOGUE))
CREATING = ("restore", "silence")
"""Verbs on what is not there yet."""


def step_on(store: Store, verb: str, name: str, incident: int) -> Step:
    """The step of ``verb`` on a new object of this name, as the investigator drafts it."""
    target, params = copy.deepcopy(_CASES[verb])
    if verb == "silence":
        params |= _silence(incident, name)
    else:
        target = _bare(target, name)
    if verb not in CREATING:
        target = _put(store, target)
    if verb == "roll_back":
        params["template"] = copy.deepcopy(target["spec"]["template"])
        params["template"]["spec"]["containers"][0]["image"] = OLD
    context = Context(seen=workload_cases.SEEN, images=frozenset({OLD}))
    step = CATALOGUE[verb].draft(target, params, context)
    assert isinstance(step, Step), step
    return step


def _bare(target: Json, name: str) -> Json:
    meta = {key: value for key, value in target["metadata"].items() if key not in _NEVER_ITS_OWN}
    made = {**target, "metadata": {**meta, "name": name}}
    return made | {"spec": target["spec"] | _FILLED.get(target["kind"], {})} if "spec" in target else made


def _put(store: Store, wanted: Json) -> Json:
    kind, resource = wanted["kind"], RESOURCES[wanted["kind"]][1]
    if kind == "Node":
        wanted = registered(wanted, rfc3339(store.clock.now()))
    store.create(resource, wanted)
    namespace = None if kind in CLUSTER_SCOPED else NAMESPACE
    found = store.get(resource, namespace, wanted["metadata"]["name"])
    if wanted.get("status"):
        # A create says nothing about the status: its controllers do, and none runs here.
        store.update(resource, {**found, "status": _status(wanted, found)}, "status")
        found = store.get(resource, namespace, wanted["metadata"]["name"])
    return cleaned({**found, "kind": kind})


def _status(wanted: Json, found: Json) -> Json:
    status: Json = dict(wanted["status"])
    if "observedGeneration" in status:
        status["observedGeneration"] = found["metadata"]["generation"]
    return status


def _silence(incident: int, name: str) -> Json:
    now = datetime.now(UTC).replace(microsecond=0)
    return {
        "incident": f"INC-{incident}",
        "matchers": {"alertname": "KubePodNotReady", "namespace": NAMESPACE, "pod": name},
        "link": f"http://127.0.0.1:8480/incidents/{incident}",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=3)).isoformat(),
    }
