"""Pod → Node: node selectors, required affinity, taints, cordons and requests, with the scheduler's own
words.
"""

from __future__ import annotations

from collections import Counter

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.conditions import find_condition, set_condition
from evals.world.kubernetes.controllers.pods import controller_of, is_active, selected
from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.objects import JsonObject, copied, dig, labels_of, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-scheduler")
RESOURCES = ("cpu", "memory")
NAME = "default-scheduler"


class Scheduler:
    """Places one pod at a time on the feasible node with the most room, siblings apart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorder = Recorder(store, "default-scheduler")

    def tick(self, pod: JsonObject) -> None:
        """Try to place a pod (a private copy) that has no node yet."""
        if pod["spec"].get("nodeName") or not is_active(pod) or pod["spec"].get("schedulingGates"):
            return
        if pod["spec"].get("schedulerName", NAME) != NAME:
            # Another scheduler's pod, whether there is one or not.
            return
        nodes = self._store.peek("nodes")
        verdicts = {name_of(node): self.objections(pod, node) for node in nodes}
        feasible = [node for node in nodes if not verdicts[name_of(node)]]
        if feasible:
            self._bind(pod, max(feasible, key=lambda node: self._score(pod, node)))
        else:
            self._refuse(pod, verdicts)

    def _bind(self, pod: JsonObject, node: JsonObject) -> None:
        pod["spec"]["nodeName"] = name_of(node)
        bound = self._store.update("pods", pod, options=MANAGER)
        self._set_scheduled(bound, {"type": "PodScheduled", "status": "True"})
        text = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {name_of(node)}"
        self._recorder.record(bound, Note(reason="Scheduled", message=text))

    def _refuse(self, pod: JsonObject, verdicts: dict[str, list[str]]) -> None:
        message = unschedulable_message(verdicts)
        # The queue retries all the time; people want to hear of it when the reason changes.
        known = find_condition(pod.get("status") or {}, "PodScheduled")
        if known is not None and known.get("message") == message:
            return
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self._set_scheduled(pod, condition)
        self._recorder.record(pod, Note(reason="FailedScheduling", message=message, warning=True))

    def _set_scheduled(self, pod: JsonObject, condition: JsonObject) -> None:
        status = copied(pod.get("status") or {})
        status.setdefault("phase", "Pending")
        set_condition(status, {**condition, "lastProbeTime": None}, rfc3339(self._store.clock.now()))
        self._store.update("pods", {**pod, "status": status}, "status", MANAGER)

    def objections(self, pod: JsonObject, node: JsonObject) -> list[str]:
        """Why the pod cannot go there; the first filter that fails speaks, as in the scheduler framework."""
        return self.keeps_out(pod, node) or self._claims(pod) or self._lacks(pod, node)

    def keeps_out(self, pod: JsonObject, node: JsonObject) -> list[str]:
        """What of the node itself speaks against the pod: a cordon, a taint, its labels."""
        if node["spec"].get("unschedulable") and not _tolerates(pod, _CORDON):
            return ["node(s) were unschedulable"]
        for taint in node["spec"].get("taints") or []:
            if taint["effect"] in ("NoSchedule", "NoExecute") and not _tolerates(pod, taint):
                return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
        if not _wants(pod, node):
            return ["node(s) didn't match Pod's node affinity/selector"]
        return []

    def _claims(self, pod: JsonObject) -> list[str]:
        """What of the pod's claims speaks against any node."""
        known = {
            name_of(each): each for each in self._store.peek("persistentvolumeclaims", namespace_of(pod))
        }
        for volume in pod["spec"].get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name and name not in known:
                return [f'persistentvolumeclaim "{name}" not found']
            if name and (known[name].get("status") or {}).get("phase") != "Bound":
                return ["pod has unbound immediate PersistentVolumeClaims"]
        return []

    def _lacks(self, pod: JsonObject, node: JsonObject) -> list[str]:
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        here = self._on(node)
        # The last filter reports everything that is short, not only the first.
        lacking = []
        if len(here) + 1 > int(allocatable.get("pods", 110)):
            lacking.append("Too many pods")
        devices = {name for each in pod["spec"]["containers"] for name in _limits(each) if "/" in name}
        for resource in (*RESOURCES, *sorted(devices)):
            asked = requested(pod, resource)
            used = asked + sum(requested(other, resource) for other in here)
            if asked and used > float(quantity(allocatable.get(resource, 0))):
                lacking.append(f"Insufficient {resource}")
        return lacking

    def _on(self, node: JsonObject) -> list[JsonObject]:
        return [
            pod
            for pod in self._store.peek("pods")
            if pod["spec"].get("nodeName") == name_of(node) and is_active(pod)
        ]

    def _score(self, pod: JsonObject, node: JsonObject) -> tuple[int, float, str]:
        here = self._on(node)
        mine = controller_of(pod)
        siblings = 0
        for other in here:
            ref = controller_of(other)
            siblings += bool(ref and mine and ref["uid"] == mine["uid"])
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        free = min(
            1 - sum(requested(other, name) for other in here) / float(quantity(allocatable.get(name, 1)))
            for name in RESOURCES
        )
        # The name settles ties, so that the same scenario always lands on the same nodes.
        return (-siblings, free, name_of(node))


_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def unschedulable_message(verdicts: dict[str, list[str]]) -> str:
    """`0/3 nodes are available: …` with counted reasons and what preemption would bring
    (framework.FitError).
    """
    reasons = Counter(reason for each in verdicts.values() for reason in each)
    total = len(verdicts)
    if not total:
        return "no nodes available to schedule pods"
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    # Evicting others can only help where the node lacks room, and here nobody has a lower priority.
    room = sum(
        any(reason.startswith(("Insufficient", "Too many")) for reason in each) for each in verdicts.values()
    )
    outlook = []
    if room:
        outlook.append(f"{room} No preemption victims found for incoming pod")
    if total - room:
        outlook.append(f"{total - room} Preemption is not helpful for scheduling")
    return (
        f"0/{total} nodes are available: {listed}. "
        f"preemption: 0/{total} nodes are available: {', '.join(sorted(outlook))}."
    )


def requested(pod: JsonObject, resource: str) -> float:
    """What the pod's containers request of a resource, in cores or bytes; a limit alone counts as a
    request.
    """
    total = 0.0
    for container in pod["spec"].get("containers") or []:
        resources = container.get("resources") or {}
        asked = (resources.get("requests") or {}).get(
            resource, (resources.get("limits") or {}).get(resource, 0)
        )
        total += float(quantity(asked))
    return total


def _limits(container: JsonObject) -> JsonObject:
    return (container.get("resources") or {}).get("limits") or {}


def _wants(pod: JsonObject, node: JsonObject) -> bool:
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    required = dig(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = (required or {}).get("nodeSelectorTerms") or []
    return not terms or any(selected(term, labels) for term in terms)


def _tolerates(pod: JsonObject, taint: JsonObject) -> bool:
    for each in pod["spec"].get("tolerations") or []:
        if each.get("effect") not in (None, "", taint["effect"]):
            continue
        if each.get("operator") == "Exists" and each.get("key") in (None, "", taint["key"]):
            return True
        if each.get("key") == taint["key"] and each.get("value", "") == taint.get("value", ""):
            return True
    return False
