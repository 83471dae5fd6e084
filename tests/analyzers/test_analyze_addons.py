"""What operators and add-ons say of their own objects, and what they say when all is well."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.addons import addons
from agents.investigator.analyzers.operators import operators
from tests.support.judged import judged, said, thing
from tests.support.kube_objects import Json, deployment


def stated(kind: str, status: str, reason: str = "") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": "so it says"}


def olm(kind: str, *conditions: Json, spec: Json | None = None, **status: object) -> Json:
    return thing(kind, "one", spec, status={"conditions": list(conditions), **status})


def connected(state: str) -> Json:
    return olm("CatalogSource", connectionState={"lastObservedState": state, "address": "c:50051"})


def extension(kind: str = "Catalog", policy: str = "SelfCertified", *conditions: Json) -> Json:
    source = {"sourceType": kind, "catalog": {"upgradeConstraintPolicy": policy}}
    return olm("ClusterExtension", *conditions, spec={"source": source})


GROUP = thing("OperatorGroup", "a")
SICK = {
    "catalogsource.not_connected": (connected("TRANSIENT_FAILURE"),),
    "clustercatalog.not_serving": (olm("ClusterCatalog", stated("Serving", "False", "Unpacking")),),
    "clusterextension.not_installed": (extension("Catalog", "", stated("Installed", "False", "Failed")),),
    "clusterextension.unknown_source": (extension("Git"),),
    "clusterextension.unknown_policy": (extension(policy="Whatever"),),
    "clusterserviceversion.failed": (olm("ClusterServiceVersion", phase="Failed", reason="NoRight"),),
    "installplan.failed": (olm("InstallPlan", stated("Installed", "False", "Error"), phase="Failed"),),
    "installplan.waits_for_approval": (olm("InstallPlan", phase="RequiresApproval"),),
    "subscription.troubled": (olm("Subscription", stated("ResolutionFailed", "True", "NoSuch")),),
    "subscription.upgrade_available": (olm("Subscription", state="UpgradePending"),),
    "operatorgroup.several": (GROUP, thing("OperatorGroup", "b")),
}
WELL = (
    connected("READY"),
    thing("CatalogSource", "new"),
    olm("ClusterCatalog", stated("Progressing", "True", "Succeeded"), stated("Serving", "True")),
    olm("ClusterCatalog", stated("Serving", "False", "UserSpecifiedUnavailable")),
    extension("Catalog", "CatalogProvided", stated("Installed", "True")),
    olm("ClusterServiceVersion", phase="Succeeded"),
    olm("InstallPlan", phase="Complete"),
    olm("Subscription", stated("CatalogSourcesUnhealthy", "False"), state="AtLatestKnown"),
    GROUP,
    thing("OperatorGroup", "b", namespace="other"),
)


@pytest.mark.parametrize("code", SICK)
def test_what_keeps_an_operator_from_its_work_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(operators, *SICK[code])] == [code]


def test_operators_and_catalogues_that_are_well_are_silent() -> None:
    assert judged(operators, *WELL) == []


def test_why_an_operator_failed_is_told() -> None:
    (finding,) = judged(operators, *SICK["clusterserviceversion.failed"])
    assert (finding.fields["phase"], finding.fields["reason"]) == ("Failed", "NoRight")


def certificate(until: str, ready: str = "True") -> Json:
    return thing("Certificate", "one", {"secretName": "cert", "dnsNames": ["shop.example"]},
                 status={"notAfter": until, "conditions": [stated("Ready", ready)]})  # fmt: skip


def scaler(*conditions: Json, target: str = "web") -> Json:
    return thing("ScaledObject", "one", {"scaleTargetRef": {"name": target}},
                 status={"conditions": list(conditions)})  # fmt: skip


def report(*results: str) -> Json:
    return thing(
        "PolicyReport", "one", results=[{"policy": "p", "rule": "r", "result": one} for one in results]
    )


UNWELL = {
    "certificate.expired": (certificate("2026-11-01T00:00:00Z"),),
    "certificate.expiring": (certificate("2026-11-28T00:00:00Z"),),
    "certificate.not_ready": (certificate("2027-11-01T00:00:00Z", "False"),),
    "scaledobject.not_ready": (scaler(stated("Ready", "False")), deployment()),
    "scaledobject.fallback": (scaler(stated("Fallback", "True")), deployment()),
    "scaledobject.paused": (scaler(stated("Paused", "True")), deployment()),
    "scaledobject.target_missing": (scaler(target="gone"), deployment()),
    "policy.not_ready": (thing("ClusterPolicy", "one", status={"conditions": [stated("Ready", "False")]}),),
    "policy.failures": (report("fail", "pass", "error"),),
}


@pytest.mark.parametrize("code", UNWELL)
def test_what_an_add_on_says_is_wrong_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(addons, *UNWELL[code])] == [code]


def test_add_ons_that_are_well_are_silent() -> None:
    well = (
        certificate("2027-11-01T00:00:00Z"),
        scaler(stated("Ready", "True"), stated("Fallback", "False"), stated("Paused", "False")),
        deployment(),
        thing("ClusterPolicy", "one", status={"conditions": [stated("Ready", "True")]}),
        report("pass", "skip"),
    )
    assert judged(addons, *well) == []


def test_a_report_counts_what_fails_by_rule() -> None:
    (finding,) = judged(addons, report("fail", "pass", "error"))
    assert (finding.fields["rules"], finding.severity) == ({"p/r": 2}, "info")
