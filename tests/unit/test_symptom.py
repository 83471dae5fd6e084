"""The first sentence of a card: what people notice, from what was found and not from what was guessed."""

from __future__ import annotations

from typing import Any

import pytest

from agents.gatekeeper.symptom import symptom
from agents.incident import Finding, Severity
from tests.support.plans import an_alert
from tests.support.told import CHECKOUT, a_diagnosis, a_story
from tests.support.world_cluster import START
from tools.kubernetes.objects import ObjectRef

SERVICE = ObjectRef(kind="Service", namespace="shop", name="checkout")


def found(code: str, message: str, on: ObjectRef = SERVICE) -> Finding:
    return Finding(code=code, severity=Severity.CRITICAL, object=on, message=message, evidence=("E1",))


ERRORS = found("metric.errors.rose", "The share of requests that fail rose from 0.10% to 34.00%.")
SHORT = found("deployment.replicas_short", "Deployment checkout has 1 of 3 replicas available.", CHECKOUT)
OTHER = found("metric.errors.rose", "It rose.", ObjectRef(kind="Service", namespace="shop", name="cart"))


def said(*findings: Finding, **labels: str) -> str:
    alert = an_alert(START, labels={"alertname": "HighErrorRate", "namespace": "shop", **labels})
    told = a_story(diagnosis=None).incident.model_copy(update={"alerts": (alert,)})
    cause: dict[str, Any] = {} if labels.get("service") else {"cause": None, "confidence": "none"}
    return symptom(told, a_diagnosis(findings=findings, **cause), "demo / shop")


def test_what_callers_feel_comes_before_what_the_cluster_shows() -> None:
    assert said(SHORT, ERRORS, service="checkout") == (
        "Requests to Service shop/checkout fail: the share of requests that fail rose from 0.10% to 34.00%."
    )
    assert said(SHORT, service="checkout") == SHORT.message
    set_ = ObjectRef(kind="StatefulSet", namespace="shop", name="db")
    short = found("statefulset.replicas_short", "The StatefulSet has 1 of 3 replicas available.", set_)
    assert said(short, statefulset="db") == (
        "StatefulSet shop/db: the StatefulSet has 1 of 3 replicas available."
    )


def test_somebody_elses_trouble_is_not_this_incidents() -> None:
    assert said(OTHER, SHORT, service="checkout") == SHORT.message
    assert said(OTHER) == "High error rate in demo / shop."


def test_a_finding_that_the_cause_explains_is_about_the_incident() -> None:
    told = a_story(diagnosis=None).incident
    cause = a_diagnosis().cause
    assert cause is not None
    explained = a_diagnosis(cause=cause.model_copy(update={"explains": (OTHER.key,)}), findings=(OTHER,))
    assert symptom(told, explained, "demo / shop").startswith("Requests to Service shop/cart fail: it rose.")


@pytest.mark.parametrize("code", ["pod.image.not_found", "deployment.rolled_out", "metric.cpu.throttled"])
def test_what_nobody_feels_is_no_symptom(code: str) -> None:
    assert said(found(code, "It is so."), service="checkout") == "High error rate in demo / shop."
