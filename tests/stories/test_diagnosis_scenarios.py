"""The shipped scenarios, from a living pretend cluster to cause, checked claims and a plan that mends it."""

from __future__ import annotations

import pytest

from agents.investigator.explain import diagnosis
from agents.investigator.proposals import Limits, NoPlan, Proposed, propose
from tests.support.scenes import Scene, scenario

WATCHDOG = ("Watchdog", {"severity": "none"})


def seen(name: str) -> Scene:
    labels = {
        "bad-image": ("KubeDeploymentReplicasMismatch", {"namespace": "shop", "deployment": "checkout"}),
        "oom": ("KubeContainerOOMKilled", {"namespace": "shop", "deployment": "cart"}),
        "scaled-to-zero": ("ProbeFailed", {"namespace": "shop", "service": "catalog", "job": "blackbox"}),
        "selector-mismatch": ("HttpErrorRateHigh", {"namespace": "shop", "service": "checkout"}),
    }
    return scenario(name, labels.get(name, WATCHDOG))


@pytest.mark.parametrize(
    ("name", "code", "change"),
    [
        (
            "bad-image",
            "deployment.rollout.bad_image",
            {"/spec/template/spec/containers/0/image": "registry.shop.example/shop/checkout:2.8.1"},
        ),
        (
            "oom",
            "workload.memory.limit_reached",
            {"/spec/template/spec/containers/0/resources/limits/memory": "256Mi"},
        ),
        ("scaled-to-zero", "deployment.scaled_to_zero", {"/spec/replicas": 2}),
        ("selector-mismatch", "service.selector.mismatch", {"/spec/selector": {"app": "checkout"}}),
    ],
)
def test_each_scenario_comes_to_its_cause_with_proof_and_one_change(
    name: str, code: str, change: dict[str, object]
) -> None:
    at = seen(name)
    told = diagnosis(at.case, at.reasoned, at.evidence)
    assert told.cause is not None
    assert told.cause.code == code
    assert told.confidence == "high"
    assert told.claims
    assert told.dropped_claims == 0
    assert told.prose.startswith(told.cause.sentence)
    found = propose(at.case, at.reasoned.cause, Limits())
    assert isinstance(found, Proposed)
    assert found.step.set == change
    assert at.case.targets.holds(found.step.target)


def test_the_watchdog_comes_to_nothing() -> None:
    at = seen("watchdog")
    told = diagnosis(at.case, at.reasoned, at.evidence)
    assert told.cause is None
    assert told.findings == ()
    assert told.prose.startswith("Nothing to do.")
    assert isinstance(propose(at.case, at.reasoned.cause, Limits()), NoPlan)


def test_a_cause_whose_evidence_is_gone_is_not_established() -> None:
    at = seen("bad-image")
    told = diagnosis(at.case, at.reasoned, {})
    assert told.cause is None
    assert told.confidence == "none"
    assert told.dropped_claims > 0
    assert told.alternatives[0].code == "deployment.rollout.bad_image"
    assert "not established" in told.prose


def test_a_cause_that_keeps_only_a_symptoms_claim_is_not_established() -> None:
    at = seen("bad-image")
    symptoms = {number: item for number, item in at.evidence.items() if item.query == "GET Deployment"}
    told = diagnosis(at.case, at.reasoned, symptoms)
    assert [claim.objects for claim in told.claims] == [("Deployment shop/checkout",)]
    assert told.cause is None


def test_the_prose_fits_a_card_and_holds_no_control_characters() -> None:
    for name in ("bad-image", "oom", "scaled-to-zero", "selector-mismatch", "watchdog"):
        at = seen(name)
        told = diagnosis(at.case, at.reasoned, at.evidence)
        assert len(told.prose) <= 600
        assert told.prose.isprintable()
