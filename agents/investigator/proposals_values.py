"""Where the absolute values of a proposal come from: the workload's own past, its labels, and policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.investigator.analyzers.fields import dig, is_finished, items, name_of, template_labels
from agents.investigator.reasoning_case import Case
from tools.kubernetes.history import Revision
from tools.kubernetes.objects import JsonObject, ObjectRef
from tools.kubernetes.quantities import QuantityError, amount, mebibytes

DESIRED = "deployment.kubernetes.io/desired-replicas"
"""What the deployment controller notes on a ReplicaSet each time it scales it."""

# "Scaled down replica set web-1 to 0 from 3" until Kubernetes 1.29, "… web-1 from 3 to 0" since.
_SCALED_DOWN = re.compile(r"replica set (\S+) (?:to 0 from (\d{1,4})|from (\d{1,4}) to 0)\b")
_IMAGE_PATH = re.compile(r"^/spec/(?:containers|initContainers)/([^/]+)/image$")
_MOST = 100


@dataclass(frozen=True, kw_only=True)
class Value:
    """A number for a plan and, in a sentence, where it comes from."""

    number: int
    source: str


def images_seen(history: tuple[Revision, ...]) -> frozenset[str]:
    """Every image of every container in this workload's history."""
    return frozenset(image for revision in history for image in revision.images.values() if image)


def only_image_of(changed: Iterable[str]) -> str | None:
    """The container whose image is all that changed; empty when nothing changed, None when more did."""
    paths = [path for path in changed if not path.startswith("/metadata/annotations/")]
    if not paths:
        return ""
    named = _IMAGE_PATH.match(paths[0])
    return named.group(1) if named and len(paths) == 1 else None


def raised(limit: str, factor: float) -> str:
    """A memory limit times ``factor`` as whole mebibytes; empty when it is not a quantity or too small."""
    try:
        value = mebibytes(amount(limit) * factor)
        return value if amount(value) > amount(limit) else ""
    except QuantityError:
        return ""


def replicas_before(case: Case, workload: ObjectRef, history: tuple[Revision, ...]) -> Value:
    """How many replicas a workload had before it was scaled to zero, from the surest source there is."""
    found = next(_replica_sources(case, workload, history), None)
    return found or Value(number=1, source="how many it had before is not recorded, so one")


def _replica_sources(case: Case, workload: ObjectRef, history: tuple[Revision, ...]) -> Iterator[Value]:
    newest = history[0].name if history else ""
    for event in reversed(case.snapshot.events(workload)):
        told = _SCALED_DOWN.search(event.get("message") or "")
        # An old ReplicaSet goes to zero in every rollout; only the newest one tells of the workload.
        if not told or told.group(1) != newest:
            continue
        if number := _sensible(told.group(2) or told.group(3)):
            yield Value(number=number, source=f"it had {number} until it was scaled down, as its events say")
    if claimed := _sensible(_claimed(case, workload)):
        yield Value(number=claimed, source=f"its pods have left claims for {claimed} of them")
    for ref in case.relations.scalers(workload):
        if number := _sensible(dig(case.find(ref), "spec", "minReplicas") or 1):
            yield Value(number=number, source=f"{number} is the least that its autoscaler {ref.name} keeps")
    for revision in history:
        held = case.find(ObjectRef(kind="ReplicaSet", namespace=workload.namespace, name=revision.name))
        if number := _sensible((dig(held, "metadata", "annotations") or {}).get(DESIRED)):
            yield Value(number=number, source=f"its revision {revision.number} ran with {number}")


def _claimed(case: Case, workload: ObjectRef) -> int:
    """For how many pods of a StatefulSet there are claims: they outlive the pods that they were made for."""
    names = [name_of(claim) for claim in items(case.find(workload), "spec", "volumeClaimTemplates")]
    made = re.compile(rf"(?:{'|'.join(map(re.escape, names))})-{re.escape(workload.name)}-(\d{{1,3}})")
    held = (
        made.fullmatch(name_of(claim))
        for claim in case.snapshot.within(workload.namespace, "PersistentVolumeClaim")
    )
    first = int(dig(case.find(workload), "spec", "ordinals", "start") or 0)
    return max((int(one[1]) + 1 - first for one in held if one), default=0) if names else 0


def _sensible(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdigit() and 1 <= int(text) <= _MOST else None


def repaired_selector(case: Case, service: JsonObject, facts: JsonObject) -> dict[str, str]:
    """The selector with the differing labels set to the workload's; empty when that cannot be done safely.

    A label that the pods do not have at all is left out. The result must select the pods of this one
    workload and of no other, or traffic would reach a stranger.
    """
    labels: dict[str, str] = facts["workload_labels"]
    wanted = {key: labels[key] for key in facts["selector"] if key in labels}
    namespace = dig(service, "metadata", "namespace") or ""
    meant = ObjectRef(kind=facts["workload_kind"], namespace=namespace, name=facts["workload_name"])
    pods = [pod for pod in case.snapshot.selected(namespace, wanted) if not is_finished(pod)]
    strangers = [
        obj
        for obj in case.relations.workloads(namespace)
        if dig(obj, "metadata", "uid") != dig(case.find(meant), "metadata", "uid")
        and wanted.items() <= template_labels(obj).items()
    ]
    return wanted if wanted and pods and not strangers else {}
