"""ConfigMaps and Secrets that are missing where they are needed, or changed behind running pods.

Values are never read: names, keys, and who wrote when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, is_finished, last_writer, moment, name_of, namespace_of
from agents.investigator.analyzers.references import Reference, pods_of, taken_by
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

MADE_BY_CONTROLLERS = frozenset(("kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"))
"""In every namespace, made and used by the cluster itself: nobody's to miss or to clean up."""

LATELY = timedelta(hours=1)
"""A mounted volume follows a change within minutes; only a change this young can still matter."""

_READ = "the pod template's env, envFrom and volumes; the names and keys (never the values) of {}s"


class ConfigCode(Coded):
    """What can be wrong between pods and what they are configured from."""

    CONFIGMAP_MISSING = (
        "config.configmap_missing",
        "A pod template takes something from a ConfigMap that does not exist.",
        _READ.format("ConfigMap"),
    )
    SECRET_MISSING = (
        "config.secret_missing",
        "A pod template takes something from a Secret that does not exist.",
        _READ.format("Secret"),
    )
    KEY_MISSING = (
        "config.key_missing",
        "A pod template takes a key that its ConfigMap or Secret does not have.",
        _READ.format("ConfigMap or Secret"),
    )
    PULL_SECRET_MISSING = (
        "config.pull_secret_missing",
        "A pod template names a pull secret that does not exist; pulls go on without credentials.",
        "imagePullSecrets of the pod template, the names of Secrets",
    )
    CHANGED_SINCE_START = (
        "config.changed_since_start",
        "A ConfigMap or Secret was written after the pods that take it had started.",
        "the times of managedFields, status.startTime of the pods",
    )


def config(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for what is taken from ConfigMaps and Secrets; optional ones may be missing."""
    for root in snapshot.roots:
        if root["kind"] == "Pod" and is_finished(root):
            continue
        taken = taken_by(snapshot, root)
        for said in (*_missing(snapshot, root, taken), *_changed(snapshot, root, taken)):
            yield said.of(snapshot, root)


def _missing(snapshot: Snapshot, root: JsonObject, taken: tuple[Reference, ...]) -> Iterator[Said]:
    absent: dict[tuple[str, str], Reference] = {}
    for one in taken:
        if one.optional or one.name in MADE_BY_CONTROLLERS:
            continue
        if snapshot.lacks(one.kind, namespace_of(root), one.name):
            absent.setdefault((one.kind, one.name), one)
        elif one.key and one.key not in _keys(snapshot, root, one):
            yield Said(
                code=ConfigCode.KEY_MISSING,
                message=f"{root['kind']} {name_of(root)} takes key {one.key} of {one.kind} {one.name}, which "
                "has no such key.",
                fields={
                    "missing_kind": one.kind,
                    "missing_name": one.name,
                    "missing_key": one.key,
                    "way": one.way,
                },
                reads=(one.kind,),
            )
    for one in absent.values():
        yield _absent(root, one)


def _keys(snapshot: Snapshot, root: JsonObject, one: Reference) -> tuple[str, ...]:
    """The keys that are known; where they are not (a Secret is read by its metadata), the one in question."""
    obj = snapshot.find(one.kind, namespace_of(root), one.name)
    return tuple(obj["keys"]) if obj and "keys" in obj else (one.key,)


def _absent(root: JsonObject, one: Reference) -> Said:
    codes = {"ConfigMap": ConfigCode.CONFIGMAP_MISSING, "Secret": ConfigCode.SECRET_MISSING}
    pull = one.way == "pull"
    return Said(
        code=ConfigCode.PULL_SECRET_MISSING if pull else codes[one.kind],
        # Without the secret the kubelet still asks the registry: that it refuses is seen at the pods.
        severity=Severity.INFO if pull else Severity.WARNING,
        message=f"{root['kind']} {name_of(root)} names {one.kind} {one.name}, which does not exist.",
        fields={"missing_kind": one.kind, "missing_name": one.name, "missing_key": one.key, "way": one.way},
        reads=(one.kind,),
    )


def _changed(snapshot: Snapshot, root: JsonObject, taken: tuple[Reference, ...]) -> Iterator[Said]:
    ways: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in taken:
        ways[one.kind, one.name].add(one.way)
    for (kind, name), how in ways.items():
        obj = snapshot.find(kind, namespace_of(root), name)
        manager, time = last_writer(obj) if obj else ("", "")
        written = moment(time)
        # What is only mounted reaches the pods by itself.
        lasting = how & {"env", "subPath"} or (written and snapshot.taken_at - written < LATELY)
        if not written or not lasting or how == {"pull"}:
            continue
        older = [
            name_of(pod)
            for pod in pods_of(snapshot, root)
            if not is_finished(pod)
            if (started := moment(dig(pod, "status", "startTime"))) and started < written
        ]
        if older:
            yield Said(
                code=ConfigCode.CHANGED_SINCE_START,
                severity=Severity.INFO,
                message=f"{kind} {name} was written at {time}, after {len(older)} pods of {root['kind']} "
                f"{name_of(root)} had started.",
                fields={
                    "changed_kind": kind,
                    "changed_name": name,
                    "manager": manager,
                    "written_at": time,
                    "ways": sorted(how),
                    "pods": sorted(older),
                },
                since=written,
                reads=("Pod", kind),
            )
