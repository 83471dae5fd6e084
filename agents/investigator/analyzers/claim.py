"""PersistentVolumeClaims that get no volume, lost theirs, or have one that cannot be where it is needed.

Source: PersistentVolumeClaimSpec and Status (core/v1), the events of the persistent volume and
attach-detach controllers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.claim_volumes import (
    NO_PROVISIONER,
    Users,
    class_of,
    contended,
    misfits,
    size,
)
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, moment, name_of, namespace_of, quotable
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject, conditions
from tools.kubernetes.objects import JsonObject

SETTLING = timedelta(seconds=60)
"""A volume is usually there within this time after it was asked for."""

SMALL = 2.0**30
"""Bytes below which a volume is probably too small for anything that grows (1Gi)."""

_RESIZE_EVENTS = ("VolumeResizeFailed", "FileSystemResizeFailed", "ExternalExpandingFailed")
_SHOWN = 3


class ClaimCode(Coded):
    """Conditions of PersistentVolumeClaims."""

    PROVISIONING_FAILED = (
        "pvc.provisioning_failed",
        "The provisioner tried to make a volume for a claim and failed.",
        "status.phase, ProvisioningFailed events",
    )
    BINDING_FAILED = (
        "pvc.binding_failed",
        "A claim has no class that would make a volume, and no existing volume fits.",
        "status.phase, FailedBinding events",
    )
    CLASS_MISSING = (
        "pvc.class_missing",
        "A claim asks for a StorageClass that does not exist.",
        "spec.storageClassName, the StorageClasses, the classes of PersistentVolumes",
    )
    TAKEN = (
        "pvc.volume_taken",
        "A claim asks for one volume by name, and that is bound to another claim or does not exist.",
        "spec.volumeName, spec.claimRef of the PersistentVolume",
    )
    NO_FIT = (
        "pvc.no_volume_fits",
        "Volumes are there, but none fits a claim: with the nearest ones and what is wrong with each.",
        "spec of the claim; class, capacity, access modes, labels and phase of the PersistentVolumes",
    )
    WAITS = (
        "pvc.waits_for_consumer",
        "A claim gets its volume when a pod uses it, and none does: this is as it should be.",
        "status.phase, volumeBindingMode of the StorageClass, the volumes of pods",
    )
    PENDING = (
        "pvc.pending",
        "A claim has no volume, and nothing says why.",
        "status.phase, the events of the claim",
    )
    LOST = (
        "pvc.lost",
        "The volume of a claim no longer exists: what was on it is gone or out of reach.",
        "status.phase",
    )
    CONTENDED = (
        "pvc.multi_attach",
        "A volume that one node may hold is wanted on another: the new pod waits for the old one to let go.",
        "FailedAttachVolume events, spec.accessModes, the nodes of the pods that use the claim",
    )
    RESIZE_FAILED = (
        "pvc.resize_failed",
        "A volume was asked to grow and did not.",
        "status.conditions, status.allocatedResourceStatuses, events of the claim",
    )
    RESIZE_PENDING = (
        "pvc.resize_pending",
        "A volume has grown, and its file system grows when the pod starts again.",
        "the condition FileSystemResizePending",
    )
    SMALL = ("pvc.small", "A claim asks for less than 1Gi.", "spec.resources.requests.storage")
    NO_CLASS = (
        "pvc.no_class",
        "A claim names no StorageClass, so that the default of the day decides.",
        "spec.storageClassName",
    )


def claims(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for claims that hold up a pod, or soon may."""
    users = Users(snapshot)
    for claim in snapshot.objects("PersistentVolumeClaim"):
        also = ("Event", "Pod", "PersistentVolume", "StorageClass")
        on = Subject(snapshot=snapshot, obj=claim, also=also)
        phase = dig(claim, "status", "phase")
        if phase == "Lost":
            text = f"{on.ref} is Lost: its volume {dig(claim, 'spec', 'volumeName') or ''} no longer exists."
            yield on.critical(ClaimCode.LOST, text, phase=phase, volume=dig(claim, "spec", "volumeName"))
        elif phase == "Pending":
            yield from _pending(on, users.of(claim))
        yield from _contended(on, users.of(claim))
        yield from _resize(on)
        yield from _advice(on)


def _pending(on: Subject, pods: tuple[JsonObject, ...]) -> Iterator[Finding]:
    """The one best reason why a claim waits."""
    born = moment(dig(on.obj, "metadata", "creationTimestamp"))
    young = bool(born and on.snapshot.taken_at - born < SETTLING)
    # What the provisioner said comes first; the rest is our own reading of the objects, and of a claim that
    # was made a moment ago only what was said of it counts.
    reasons = (_provisioning, _binding) if young else _REASONS
    found = next((one for reason in reasons if (one := reason(on, pods))), None)
    if found is None and young:
        return
    if found is None:
        waiting = ", ".join(sorted(map(name_of, pods))[:_SHOWN])
        text = f"{on.ref} is Pending" + (f", and {waiting} waits for it." if waiting else ".")
        told: JsonObject = {"phase": "Pending", "storage_class": class_of(on.snapshot, on.obj)}
        found = on.warning(ClaimCode.PENDING, text, born, **told)
    yield found


def _provisioning(on: Subject, pods: tuple[JsonObject, ...]) -> Finding | None:
    return _by_event(on, pods, ("ProvisioningFailed", ClaimCode.PROVISIONING_FAILED))


def _binding(on: Subject, pods: tuple[JsonObject, ...]) -> Finding | None:
    return _by_event(on, pods, ("FailedBinding", ClaimCode.BINDING_FAILED))


def _by_event(on: Subject, pods: tuple[JsonObject, ...], what: tuple[str, ClaimCode]) -> Finding | None:
    reason, code = what
    events = [one for one in on.snapshot.events(on.ref) if one.get("reason") == reason and one.get("message")]
    if not events:
        return None
    since, message = moment(events[0].get("firstTimestamp")), quotable(events[-1]["message"])
    # Nobody is kept waiting by a claim that no pod uses.
    tell = on.critical if pods else on.warning
    told: JsonObject = {"message": message, "reason": reason, "pods": sorted(map(name_of, pods))}
    return tell(code, f"{on.ref} gets no volume: {message}", since, **told)


def _taken(on: Subject, pods: tuple[JsonObject, ...]) -> Finding | None:
    wanted = dig(on.obj, "spec", "volumeName") or ""
    volume = on.snapshot.find("PersistentVolume", "", wanted)
    holder = dig(volume or {}, "spec", "claimRef") or {}
    place = f"{holder.get('namespace')}/{holder.get('name')}"
    if volume is None and on.snapshot.lacks("PersistentVolume", "", wanted) and wanted:
        text = f"{on.ref} asks for volume {wanted}, which does not exist."
    elif holder and place != f"{on.ref.namespace}/{on.ref.name}":
        text = f"{on.ref} asks for volume {wanted}, which is bound to {place}."
    else:
        return None
    tell = on.critical if pods else on.warning
    return tell(ClaimCode.TAKEN, text, volume=wanted, bound_to=place if holder else None)


def _class_missing(on: Subject, pods: tuple[JsonObject, ...]) -> Finding | None:
    wanted = dig(on.obj, "spec", "storageClassName") or ""
    if not wanted or not on.snapshot.lacks("StorageClass", "", wanted):
        return None
    # A class may be only a word that ready-made volumes carry.
    if any(dig(one, "spec", "storageClassName") == wanted for one in on.snapshot.objects("PersistentVolume")):
        return None
    tell = on.critical if pods else on.warning
    known = sorted(map(name_of, on.snapshot.objects("StorageClass")))
    text = f"{on.ref} asks for class {wanted}, which does not exist."
    return tell(ClaimCode.CLASS_MISSING, text, storage_class=wanted, classes=known)


def _no_fit(on: Subject, pods: tuple[JsonObject, ...]) -> Finding | None:
    name = class_of(on.snapshot, on.obj)
    known = on.snapshot.find("StorageClass", "", name)
    if known and known.get("provisioner") != NO_PROVISIONER:
        return None
    near = misfits(on.snapshot, on.obj, name)[:_SHOWN]
    if not near or not near[0][1]:
        return None
    volume, why = near[0]
    tell = on.critical if pods else on.warning
    told = {"volumes": dict(near), "storage_class": name}
    return tell(
        ClaimCode.NO_FIT, f"No volume fits {on.ref}; the nearest, {volume}: {'; '.join(why)}.", **told
    )


def _waits(on: Subject, pods: tuple[JsonObject, ...]) -> Finding | None:
    name = class_of(on.snapshot, on.obj)
    mode = dig(on.snapshot.find("StorageClass", "", name) or {}, "volumeBindingMode")
    if pods or mode != "WaitForFirstConsumer":
        return None
    text = f"{on.ref} is Pending until a pod uses it; class {name} waits for that."
    return on.info(ClaimCode.WAITS, text, storage_class=name, phase="Pending")


_REASONS = (_provisioning, _taken, _class_missing, _no_fit, _binding, _waits)


def _contended(on: Subject, pods: tuple[JsonObject, ...]) -> Iterator[Finding]:
    found = contended(on.snapshot, on.obj, pods)
    if found:
        waiting, holding = found.waiting, ", ".join(found.nodes) or "another node"
        text = f"{on.ref} is held by {holding}, and {', '.join(waiting) or 'a pod'} wants it elsewhere."
        told: JsonObject = {"pods": list(waiting), "nodes": list(found.nodes), "message": found.message}
        yield on.critical(ClaimCode.CONTENDED, text, found.since, **told)


def _resize(on: Subject) -> Iterator[Finding]:
    events = [one for one in on.snapshot.events(on.ref) if one.get("reason") in _RESIZE_EVENTS]
    failed = [one for one in conditions(on.obj) if one.type.endswith("ResizeError") and one.status == "True"]
    states = dig(on.obj, "status", "allocatedResourceStatuses") or {}
    stuck = [state for state in states.values() if state.endswith("Infeasible")]
    words = [one.words for one in failed] or [quotable(one.get("message") or "") for one in events] or stuck
    if words:
        wanted = dig(on.obj, "spec", "resources", "requests", "storage")
        told: JsonObject = {"wanted": wanted, "has": dig(on.obj, "status", "capacity", "storage")}
        text = f"{on.ref} was asked to grow to {wanted} and did not: {words[-1]}"
        yield on.warning(ClaimCode.RESIZE_FAILED, text, message=words[-1], **told)
    for said in conditions(on.obj):
        if said.type == "FileSystemResizePending" and said.status == "True":
            text = f"The file system of {on.ref} grows when its pod starts again."
            yield on.info(ClaimCode.RESIZE_PENDING, text, said.since, **said.fields)


def _advice(on: Subject) -> Iterator[Finding]:
    wanted = dig(on.obj, "spec", "resources", "requests", "storage")
    if wanted and size(wanted) < SMALL:
        yield on.info(ClaimCode.SMALL, f"{on.ref} asks for only {wanted}.", storage=wanted)
    unset = dig(on.obj, "spec", "storageClassName") is None and not dig(on.obj, "spec", "volumeName")
    if unset and dig(on.obj, "status", "phase") != "Bound":
        text = f"{on.ref} names no StorageClass."
        yield on.info(ClaimCode.NO_CLASS, text, namespace=namespace_of(on.obj), access=_access(on.obj))


def _access(claim: JsonObject) -> list[str]:
    return list(dig(claim, "spec", "accessModes") or ())
