"""Controllers that may not create or delete their pods, told apart by who refuses.

Source: ``FailedCreate`` and ``FailedDelete`` (events of every controller, the condition ReplicaFailure of a
ReplicaSet) and the texts of the admission plugins in them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import condition, count_of, dig, items, moment, name_of, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot, event_time
from tools.kubernetes.objects import JsonObject

CREATORS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job")
STALE = timedelta(minutes=15)
"""A controller that is refused tries again at least this often; a complaint that is older is over."""

_READ = "FailedCreate events, the condition ReplicaFailure, the number of pods against spec.replicas"


class CreationCode(Coded):
    """Why pods are not created, or not deleted."""

    QUOTA_EXCEEDED = ("workload.create.quota_exceeded", "A quota of the namespace is used up.", _READ)
    QUOTA_UNSPECIFIED = (
        "workload.create.quota_unspecified",
        "A quota demands requests or limits that the pod template does not state.",
        _READ,
    )
    LIMIT_RANGE = ("workload.create.limit_range", "The template's resources break a LimitRange.", _READ)
    WEBHOOK_DENIED = ("workload.create.webhook_denied", "An admission webhook refuses the pods.", _READ)
    WEBHOOK_UNREACHABLE = (
        "workload.create.webhook_unreachable",
        "An admission webhook does not answer, and without its answer no pod is created.",
        _READ,
    )
    POLICY_DENIED = ("workload.create.policy_denied", "An admission policy refuses the pods.", _READ)
    POD_SECURITY = (
        "workload.create.pod_security",
        "The pods break the Pod Security level of the namespace.",
        _READ,
    )
    SERVICE_ACCOUNT_MISSING = (
        "workload.create.service_account_missing",
        "The service account that the template names does not exist.",
        _READ,
    )
    PRIORITY_CLASS_MISSING = (
        "workload.create.priority_class_missing",
        "The priority class that the template names does not exist.",
        _READ,
    )
    NAMESPACE_ENDS = ("workload.create.namespace_ends", "The namespace is being deleted.", _READ)
    INVALID = ("workload.create.invalid", "The API server finds the template's pods invalid.", _READ)
    REFUSED = ("workload.create.refused", "Pods are not created, for none of the reasons above.", _READ)
    DELETE_FAILED = (
        "workload.delete_failed",
        "A controller may not delete a pod that it no longer wants.",
        "FailedDelete events, the condition ReplicaFailure",
    )


_ROWS: tuple[tuple[CreationCode, re.Pattern[str]], ...] = tuple(
    (code, re.compile(pattern))
    for code, pattern in (
        (
            CreationCode.WEBHOOK_DENIED,
            r'admission webhook "(?P<webhook>[^"]+)" denied the request',
        ),
        (CreationCode.WEBHOOK_UNREACHABLE, r'failed calling webhook "(?P<webhook>[^"]+)"'),
        (CreationCode.POLICY_DENIED, r"ValidatingAdmissionPolicy '(?P<policy>[^']+)'.* denied request"),
        (
            CreationCode.QUOTA_EXCEEDED,
            r"exceeded quota: (?P<quota>[^,\s]+), requested: (?P<requested>\S+), used: (?P<used>\S+), "
            r"limited: (?P<limited>\S+)",
        ),
        (
            CreationCode.QUOTA_UNSPECIFIED,
            r"failed quota: (?P<quota>[^:\s]+): must specify (?P<unspecified>.+)",
        ),
        (
            CreationCode.LIMIT_RANGE,
            r"(?:maximum|minimum) (?P<resource>\S+) usage per (?P<per>\w+) is (?P<bound>[^,\s]+)|"
            r"(?P<ratio>\S+) max limit to request ratio per",
        ),
        (CreationCode.POD_SECURITY, r'violates PodSecurity "(?P<level>[^"]+)"'),
        (
            CreationCode.SERVICE_ACCOUNT_MISSING,
            r'serviceaccount "(?P<service_account>[^"]+)" not found',
        ),
        (
            CreationCode.PRIORITY_CLASS_MISSING,
            r"no PriorityClass with name (?P<priority_class>\S+) was found",
        ),
        (CreationCode.NAMESPACE_ENDS, r"because it is being terminated"),
        (CreationCode.INVALID, r'"[^"]*" is invalid: (?P<field>[\w.\[\]]+)'),
    )
)


def creations(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for controllers that lack pods they may not create, or keep pods they may not delete."""
    for kind in CREATORS:
        for owner in snapshot.objects(kind):
            if _lacks_pods(owner):
                yield from _create(snapshot, owner)
            yield from _delete(snapshot, owner)


def refusal(text: str) -> tuple[CreationCode, dict[str, str]]:
    """Who refused a pod according to this text, and the names and numbers in it."""
    for code, pattern in _ROWS:
        if match := pattern.search(text):
            return code, {key: quotable(value) for key, value in match.groupdict().items() if value}
    return CreationCode.REFUSED, {}


def _lacks_pods(owner: JsonObject) -> bool:
    if owner["kind"] == "DaemonSet":
        status = ("status", "currentNumberScheduled"), ("status", "desiredNumberScheduled")
        return count_of(owner, *status[0]) < count_of(owner, *status[1])
    if owner["kind"] == "Job":
        over = any(condition(owner, kind).get("status") == "True" for kind in ("Complete", "Failed"))
        return not over and not count_of(owner, "status", "active")
    return count_of(owner, "status", "replicas") < _wanted(owner)


def _wanted(owner: JsonObject) -> int:
    replicas = dig(owner, "spec", "replicas")
    return 1 if replicas is None else int(replicas)


def _told(snapshot: Snapshot, owner: JsonObject, reason: str) -> list[tuple[str, datetime | None]]:
    """What was said under this reason, and since when: each condition, and the newest event that counts."""
    told = [
        (entry.get("message") or "", moment(entry.get("lastTransitionTime")))
        for entry in items(owner, "status", "conditions")
        if entry.get("type") == "ReplicaFailure" and entry.get("reason") == reason
        if entry.get("status") != "False"
    ]
    events = [event for event in snapshot.events_of(owner) if event.get("reason") == reason]
    last = moment(event_time(events[-1])) if events else None
    if events and not (last and snapshot.taken_at - last > STALE):
        told.append((events[-1].get("message") or "", moment(events[0].get("firstTimestamp"))))
    return told


def _create(snapshot: Snapshot, owner: JsonObject) -> Iterator[Finding]:
    grouped: dict[CreationCode, list[tuple[str, datetime | None]]] = defaultdict(list)
    for text, since in _told(snapshot, owner, "FailedCreate"):
        grouped[refusal(text)[0]].append((text, since))
    pods = count_of(owner, "status", "replicas") or count_of(owner, "status", "currentNumberScheduled")
    for code, told in grouped.items():
        yield Said(
            code=code,
            severity=Severity.WARNING if pods else Severity.CRITICAL,
            message=f"{owner['kind']} {name_of(owner)} cannot create pods: {quotable(told[0][0])}",
            fields={
                "messages": list(dict.fromkeys(quotable(text) for text, _ in told)),
                "pods": pods,
                **refusal(told[0][0])[1],
            },
            since=min((at for _, at in told if at), default=None),
            reads=("Event",),
        ).of(snapshot, owner)


def _delete(snapshot: Snapshot, owner: JsonObject) -> Iterator[Finding]:
    told = _told(snapshot, owner, "FailedDelete")
    if told:
        yield Said(
            code=CreationCode.DELETE_FAILED,
            message=f"{owner['kind']} {name_of(owner)} cannot delete a pod: {quotable(told[0][0])}",
            fields={"messages": [quotable(text) for text, _ in told]},
            since=told[0][1],
            reads=("Event",),
        ).of(snapshot, owner)
