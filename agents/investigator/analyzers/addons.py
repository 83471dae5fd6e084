"""What well-known add-ons say of their own objects: cert-manager, KEDA and Kyverno.

Source: cert-manager.io/v1 Certificate, keda.sh/v1alpha1 ScaledObject, kyverno.io/v1 policies,
wgpolicyk8s.io PolicyReport.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items, moment
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject, conditions

SOON = timedelta(days=7)
"""A certificate that ends within this time ought to have been renewed long before."""

_SHOWN = 10


class AddonCode(Coded):
    """Conditions of add-ons' objects."""

    CERTIFICATE_EXPIRED = ("certificate.expired", "A certificate is past its end.", "status.notAfter")
    CERTIFICATE_EXPIRING = (
        "certificate.expiring",
        "A certificate ends within a week and has not been renewed.",
        "status.notAfter",
    )
    CERTIFICATE_NOT_READY = (
        "certificate.not_ready",
        "cert-manager could not issue or renew a certificate.",
        "the condition Ready",
    )
    SCALER_NOT_READY = (
        "scaledobject.not_ready",
        "KEDA cannot scale: the object or one of its triggers is not right.",
        "the condition Ready",
    )
    SCALER_FALLBACK = (
        "scaledobject.fallback",
        "KEDA cannot read the metric and keeps to the fixed number of replicas that it falls back to.",
        "the condition Fallback",
    )
    SCALER_TARGET = (
        "scaledobject.target_missing",
        "KEDA is to scale a workload that does not exist.",
        "spec.scaleTargetRef, the workloads of the namespace",
    )
    SCALER_PAUSED = ("scaledobject.paused", "KEDA was told not to scale.", "the condition Paused")
    POLICY_NOT_READY = (
        "policy.not_ready",
        "Kyverno does not apply a policy.",
        "the condition Ready of Policies and ClusterPolicies",
    )
    POLICY_FAILURES = (
        "policy.failures",
        "Objects fail a policy, by a report.",
        "results of PolicyReports and ClusterPolicyReports",
    )


def addons(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for the objects of add-ons."""
    for kind, judge in _JUDGES.items():
        for obj in snapshot.objects(kind):
            yield from judge(Subject(snapshot=snapshot, obj=obj))


def _certificate(on: Subject) -> Iterator[Finding]:
    until, now = moment(dig(on.obj, "status", "notAfter")), on.snapshot.taken_at
    told = {"secret": dig(on.obj, "spec", "secretName"), "hosts": dig(on.obj, "spec", "dnsNames")}
    if until and until <= now:
        text = f"{on.ref} ended {until:%Y-%m-%d %H:%M}."
        yield on.critical(AddonCode.CERTIFICATE_EXPIRED, text, until, not_after=until.isoformat(), **told)
    elif until and until - now <= SOON:
        text = f"{on.ref} ends {until:%Y-%m-%d %H:%M} and has not been renewed."
        yield on.warning(AddonCode.CERTIFICATE_EXPIRING, text, not_after=until.isoformat(), **told)
    for said in conditions(on.obj):
        if said.type == "Ready" and said.status == "False":
            text = f"{on.ref} was not issued: {said.words}."
            yield on.warning(AddonCode.CERTIFICATE_NOT_READY, text, said.since, **said.fields, **told)


def _scaler(on: Subject) -> Iterator[Finding]:
    kind = dig(on.obj, "spec", "scaleTargetRef", "kind") or "Deployment"
    name = dig(on.obj, "spec", "scaleTargetRef", "name") or ""
    # Any kind with a scale may be a target; of these two it is known whether they were read.
    if name and kind in ("Deployment", "StatefulSet") and on.snapshot.lacks(kind, on.ref.namespace, name):
        text = f"{on.ref} is to scale {kind} {name}, which does not exist."
        yield on.warning(AddonCode.SCALER_TARGET, text, target_kind=kind, target=name)
    for said in conditions(on.obj):
        if said.type == "Ready" and said.status == "False":
            text = f"{on.ref} cannot scale: {said.words}."
            yield on.warning(AddonCode.SCALER_NOT_READY, text, said.since, **said.fields)
        # It still scales, to a number that nobody measured.
        elif said.type == "Fallback" and said.status == "True":
            text = f"{on.ref} cannot read its metric: {said.words}."
            yield on.warning(AddonCode.SCALER_FALLBACK, text, said.since, **said.fields)
        elif said.type == "Paused" and said.status == "True":
            yield on.info(AddonCode.SCALER_PAUSED, f"{on.ref} is paused.", said.since, **said.fields)


def _policy(on: Subject) -> Iterator[Finding]:
    for said in conditions(on.obj):
        if said.type == "Ready" and said.status == "False":
            text = f"{on.ref} is not applied: {said.words}."
            yield on.warning(AddonCode.POLICY_NOT_READY, text, said.since, **said.fields)


def _report(on: Subject) -> Iterator[Finding]:
    wrong = [one for one in items(on.obj, "results") if one.get("result") in ("fail", "error")]
    if wrong:
        count = Counter(f"{one.get('policy')}/{one.get('rule') or ''}".rstrip("/") for one in wrong)
        rules = dict(count.most_common(_SHOWN))
        about = dig(on.obj, "scope", "name")
        text = f"{len(wrong)} results of {on.ref} fail a policy: {', '.join(rules)}."
        yield on.info(AddonCode.POLICY_FAILURES, text, rules=rules, count=len(wrong), about=about)


_JUDGES: dict[str, Callable[[Subject], Iterator[Finding]]] = {
    "Certificate": _certificate,
    "ScaledObject": _scaler,
    "Policy": _policy,
    "ClusterPolicy": _policy,
    "PolicyReport": _report,
    "ClusterPolicyReport": _report,
}
