"""StorageClasses and PersistentVolumes: who makes volumes, and which ones nobody can use.

Source: StorageClass (storage/v1), PersistentVolumeSpec and Status (core/v1).
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.claim import SMALL
from agents.investigator.analyzers.claim_volumes import NO_PROVISIONER, is_default, size
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items, labels_of, moment, name_of, quotable
from agents.investigator.analyzers.selectors import meets
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

_IN_TREE = "kubernetes.io/"


class StorageCode(Coded):
    """Conditions of StorageClasses and PersistentVolumes."""

    IN_TREE = (
        "storageclass.in_tree_provisioner",
        "A StorageClass names a provisioner that was part of Kubernetes and has been taken out of it.",
        "provisioner",
    )
    NO_PROVISIONER = (
        "storageclass.no_provisioner",
        "A StorageClass makes no volumes: each has to be made by hand.",
        "provisioner",
    )
    SEVERAL_DEFAULTS = (
        "storageclass.several_defaults",
        "More than one StorageClass is the default; the newest is taken, which nobody can see.",
        "the annotation storageclass.kubernetes.io/is-default-class of all StorageClasses",
    )
    RELEASED = (
        "pv.released",
        "The claim of a volume was deleted; the volume keeps its data and takes no new claim.",
        "status.phase, spec.claimRef, spec.persistentVolumeReclaimPolicy",
    )
    FAILED = (
        "pv.failed",
        "A volume could not be reclaimed.",
        "status.phase, status.message, status.reason",
    )
    NO_NODE = (
        "pv.no_node",
        "A volume may only be used on nodes that do not exist.",
        "spec.nodeAffinity, the labels of nodes",
    )
    SMALL = ("pv.small", "A volume has less than 1Gi.", "spec.capacity.storage")


def storage(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for StorageClasses and PersistentVolumes."""
    classes = snapshot.objects("StorageClass")
    defaults = sorted(name_of(one) for one in classes if is_default(one))
    for one in classes:
        yield from _storage_class(Subject(snapshot=snapshot, obj=one), defaults)
    for volume in snapshot.objects("PersistentVolume"):
        on = Subject(snapshot=snapshot, obj=volume, also=("Node",))
        yield from _phase(on)
        yield from _nodes(on)
        capacity = dig(volume, "spec", "capacity", "storage")
        if capacity and size(capacity) < SMALL:
            yield on.info(StorageCode.SMALL, f"{on.ref} has only {capacity}.", capacity=capacity)


def _storage_class(on: Subject, defaults: list[str]) -> Iterator[Finding]:
    provisioner = str(on.obj.get("provisioner") or "")
    if provisioner == NO_PROVISIONER:
        text = f"{on.ref} makes no volumes ({provisioner})."
        yield on.info(StorageCode.NO_PROVISIONER, text, provisioner=provisioner)
    elif provisioner.startswith(_IN_TREE):
        text = f"{on.ref} names {provisioner}, which newer releases no longer have."
        yield on.info(StorageCode.IN_TREE, text, provisioner=provisioner)
    if len(defaults) > 1 and on.ref.name in defaults:
        text = f"{on.ref} is one of {len(defaults)} default classes: {', '.join(defaults)}."
        yield on.warning(StorageCode.SEVERAL_DEFAULTS, text, defaults=defaults, count=len(defaults))


def _phase(on: Subject) -> Iterator[Finding]:
    phase, since = dig(on.obj, "status", "phase"), moment(dig(on.obj, "status", "lastPhaseTransitionTime"))
    holder = dig(on.obj, "spec", "claimRef") or {}
    claim = f"{holder.get('namespace')}/{holder.get('name')}" if holder else ""
    told: JsonObject = {"phase": phase, "claim": claim}
    # With the policy Delete it is on its way out; kept, it waits for a person.
    if phase == "Released":
        policy = dig(on.obj, "spec", "persistentVolumeReclaimPolicy")
        text = f"{on.ref} is Released: its claim {claim or '(unknown)'} is gone, its data is not."
        yield on.info(StorageCode.RELEASED, text, since, reclaim_policy=policy, **told)
    elif phase == "Failed":
        message = quotable(dig(on.obj, "status", "message") or "")
        reason = dig(on.obj, "status", "reason")
        text = f"{on.ref} is Failed: {message or 'it could not be reclaimed'}"
        yield on.warning(StorageCode.FAILED, text, since, message=message, reason=reason, **told)


def _nodes(on: Subject) -> Iterator[Finding]:
    terms = items(on.obj, "spec", "nodeAffinity", "required", "nodeSelectorTerms")
    if not terms or not on.snapshot.looked_at("", "Node"):
        return
    labels = [labels_of(node) for node in on.snapshot.objects("Node")]
    # Terms are alternatives: one node that meets one of them is enough.
    if any(meets(items(term, "matchExpressions"), one) for term in terms for one in labels):
        return
    wanted = sorted(
        str(value)
        for term in terms
        for rule in items(term, "matchExpressions")
        for value in items(rule, "values")
    )
    text = f"{on.ref} may only be used on {', '.join(wanted)}, and no such node is there."
    tell = on.critical if dig(on.obj, "status", "phase") == "Bound" else on.warning
    yield tell(StorageCode.NO_NODE, text, wanted=wanted, phase=dig(on.obj, "status", "phase"))
