"""Operators and the catalogues they come from, as the Operator Lifecycle Manager keeps them.

Source: operators.coreos.com v1alpha1 and v1 (CatalogSource, Subscription, InstallPlan,
ClusterServiceVersion, OperatorGroup), olm.operatorframework.io v1 (ClusterCatalog, ClusterExtension).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from agents.incident import Finding
from agents.investigator.analyzers.fields import dig, name_of, namespace_of
from agents.investigator.analyzers.operators_codes import OperatorCode
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Condition, Subject, conditions
from tools.kubernetes.objects import JsonObject

_SOURCES = ("Catalog",)
_POLICIES = ("CatalogProvided", "SelfCertified")
_STILL = ("Retrying", "Blocked")
# Of a Subscription: types that say something is wrong when they are True.
_TROUBLES = ("CatalogSourcesUnhealthy", "ResolutionFailed", "InstallPlanFailed", "BundleUnpackFailed")


def operators(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for everything that installs operators."""
    for kind, judge in _JUDGES.items():
        for obj in snapshot.objects(kind):
            yield from judge(Subject(snapshot=snapshot, obj=obj))
    yield from _groups(snapshot)


def _catalog_source(on: Subject) -> Iterator[Finding]:
    state = dig(on.obj, "status", "connectionState", "lastObservedState") or ""
    address = dig(on.obj, "status", "connectionState", "address") or ""
    if state and state != "READY":
        text = f"{on.ref} is not connected: {state} (address={address})."
        yield on.warning(OperatorCode.CATALOG_SOURCE, text, state=state, address=address)


def _cluster_catalog(on: Subject) -> Iterator[Finding]:
    image = dig(on.obj, "spec", "source", "image", "ref")
    for said in conditions(on.obj):
        hidden = said.type == "Serving" and said.status == "False"
        # A catalogue may be hidden on purpose.
        if _stuck(said) or (hidden and said.reason != "UserSpecifiedUnavailable"):
            text = f"{on.ref} does not serve: {said.words}."
            yield on.warning(OperatorCode.CLUSTER_CATALOG, text, said.since, image=image, **said.fields)


def _stuck(said: Condition) -> bool:
    return said.type == "Progressing" and said.reason in _STILL


def _cluster_extension(on: Subject) -> Iterator[Finding]:
    source = dig(on.obj, "spec", "source", "sourceType")
    if source and source not in _SOURCES:
        text = f"{on.ref} has source type {source}; only {', '.join(_SOURCES)} is known."
        yield on.warning(OperatorCode.EXTENSION_SOURCE, text, source_type=source, known=list(_SOURCES))
    policy = dig(on.obj, "spec", "source", "catalog", "upgradeConstraintPolicy")
    if policy and policy not in _POLICIES:
        text = f"{on.ref} has upgrade policy {policy}; known are {', '.join(_POLICIES)}."
        yield on.warning(OperatorCode.EXTENSION_POLICY, text, policy=policy, known=list(_POLICIES))
    for said in conditions(on.obj):
        if _stuck(said) or (said.type == "Installed" and said.status == "False"):
            text = f"{on.ref} is not installed: {said.words}."
            yield on.warning(OperatorCode.EXTENSION, text, said.since, **said.fields)


def _service_version(on: Subject) -> Iterator[Finding]:
    if dig(on.obj, "status", "phase") == "Failed":
        yield _failed(on, OperatorCode.VERSION_FAILED)


def _install_plan(on: Subject) -> Iterator[Finding]:
    phase = dig(on.obj, "status", "phase")
    if phase == "Failed":
        yield _failed(on, OperatorCode.PLAN_FAILED)
    elif phase == "RequiresApproval":
        text = f"{on.ref} waits for somebody to approve it."
        yield on.info(OperatorCode.PLAN_WAITS, text, phase=phase)


def _failed(on: Subject, code: OperatorCode) -> Finding:
    status = on.obj.get("status") or {}
    # Conditions are a history here: the last one that failed is the reason, the phase only its summary.
    told = [said for said in conditions(on.obj) if said.status != "True" and (said.reason or said.message)]
    reason = told[-1].reason if told else status.get("reason") or ""
    message = told[-1].message if told else status.get("message") or ""
    text = f"{on.ref} failed: {reason}: {message}"
    return on.warning(code, text, phase=status.get("phase"), reason=reason, message=message)


def _subscription(on: Subject) -> Iterator[Finding]:
    state = dig(on.obj, "status", "state") or ""
    troubles = [said for said in conditions(on.obj) if _is_trouble(said)]
    if troubles:
        said = troubles[-1]
        text = f"{on.ref} is {state or 'without a state'}: {said.words}."
        yield on.warning(OperatorCode.SUBSCRIPTION, text, said.since, state=state, **said.fields)
    elif state == "UpgradeFailed":
        yield on.warning(OperatorCode.SUBSCRIPTION, f"{on.ref} could not be upgraded.", state=state)
    elif state in ("UpgradeAvailable", "UpgradePending"):
        yield on.info(OperatorCode.UPGRADE, f"{on.ref} has an upgrade to come ({state}).", state=state)


def _is_trouble(said: Condition) -> bool:
    # Some releases leave the type out and name the trouble as the reason.
    named = said.type or said.reason
    return named in _TROUBLES and (said.status == "True" or not said.type)


def _groups(snapshot: Snapshot) -> Iterator[Finding]:
    groups: dict[str, list[JsonObject]] = defaultdict(list)
    for group in snapshot.objects("OperatorGroup"):
        groups[namespace_of(group)].append(group)
    for namespace, found in groups.items():
        if len(found) > 1:
            names = sorted(map(name_of, found))
            first = next(group for group in found if name_of(group) == names[0])
            text = (
                f"Namespace {namespace} has {len(names)} OperatorGroups and may have one: {', '.join(names)}."
            )
            on = Subject(snapshot=snapshot, obj=first)
            yield on.warning(OperatorCode.GROUPS, text, groups=names, count=len(names))


_JUDGES: dict[str, Callable[[Subject], Iterator[Finding]]] = {
    "CatalogSource": _catalog_source,
    "ClusterCatalog": _cluster_catalog,
    "ClusterExtension": _cluster_extension,
    "ClusterServiceVersion": _service_version,
    "InstallPlan": _install_plan,
    "Subscription": _subscription,
}
