"""What a model may ask to see: what code lets through, and what it refuses, whatever the names say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.investigator.observing import HISTORY, LOGS, STEP, TEMPLATES, Wanted, expression_of, refused
from tests.support.scenes import Scene, scenario
from tools.promql import Query, Scope, admissible

ALERT = ("KubeDeploymentReplicasMismatch", {"namespace": "shop", "deployment": "checkout"})
OUTSIDE = "it is not within the reach of this incident"


@pytest.fixture(scope="module")
def seen() -> Scene:
    return scenario("bad-image", ALERT)


def pod_of(seen: Scene) -> str:
    return next(ref.name for ref in sorted(seen.case.targets.radius, key=str) if ref.kind == "Pod")


def wanted(seen: Scene, **changes: str) -> Wanted:
    given = {
        "sight": "log",
        "kind": "Pod",
        "namespace": "shop",
        "name": pod_of(seen),
        "container": "checkout",
    }
    return Wanted.model_validate(given | changes)


def why(seen: Scene, **changes: str) -> str:
    return refused(wanted(seen, **changes), seen.case, metrics=True)


def test_every_sight_of_a_pod_of_the_incident_may_be_had(seen: Scene) -> None:
    pod = seen.case.find(next(ref for ref in seen.case.targets.radius if ref.name == pod_of(seen)))
    container = pod["spec"]["containers"][0]["name"]
    for sight in (*LOGS, *TEMPLATES, "events"):
        assert why(seen, sight=sight, container=container) == ""
    assert why(seen, sight="events", kind="Deployment", name="checkout") == ""
    assert refused(wanted(seen, sight="cpu"), seen.case, metrics=False) == "no Prometheus is configured"


@pytest.mark.parametrize(
    "changes",
    [
        {"namespace": "payments"},
        {"name": "ledger-0"},
        {"kind": "Secret", "name": "registry"},
        {"kind": "pods/exec"},
        {"name": "../../secrets"},
        {"name": 'x",pod!="'},
        {"namespace": "kube-system/secrets?x="},
        {"namespace": "", "name": ""},
        {"kind": ""},
    ],
)
@pytest.mark.parametrize("sight", [*LOGS, *TEMPLATES, "events"])
def test_what_is_not_of_the_incident_is_out_of_reach(
    seen: Scene, sight: str, changes: dict[str, str]
) -> None:
    assert why(seen, sight=sight, **changes) == OUTSIDE


@pytest.mark.parametrize("container", ["", "istio-proxy", "checkout&previous=true", "../secrets"])
def test_only_a_container_that_the_pod_has_is_read(seen: Scene, container: str) -> None:
    assert why(seen, container=container) == "that pod has no such container"


def test_only_a_pod_has_a_log_and_metrics(seen: Scene) -> None:
    for sight in (*LOGS, *TEMPLATES):
        assert why(seen, sight=sight, kind="Deployment", name="checkout") == "only a pod has that"


@pytest.mark.parametrize("sight", TEMPLATES)
def test_every_template_passes_the_allow_list_and_no_other_pod_s(seen: Scene, sight: str) -> None:
    one = wanted(seen, sight=sight)
    asked = Query(expr=expression_of(one), window=HISTORY, step=STEP)
    assert HISTORY / STEP > 10
    assert admissible(asked, Scope(labels={"pod": frozenset({one.name})})) is None
    assert admissible(asked, Scope(labels={"pod": frozenset({"another"})})) is not None
    assert timedelta(0) < STEP
