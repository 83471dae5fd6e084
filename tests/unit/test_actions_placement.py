"""A node matches exactly where the scheduler lets a pod in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.world.kubernetes.controllers.scheduler import Scheduler
from tests.support.workload_cases import (
    Json,
)
from tests.support.world_cluster import Bench, node
from tools.kubernetes.actions.placement import REQUIRED, fits

LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)
TAINTS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("ab"),
            "value": st.sampled_from(["x", "y"]),
            "effect": st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"]),
        }
    ),
    max_size=2,
)
TOLERATIONS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"key": st.sampled_from("ab"), "operator": st.just("Equal"), "value": st.sampled_from("xy")},
            optional={"effect": st.sampled_from(["NoSchedule", "NoExecute"])},
        ),
        st.fixed_dictionaries({"operator": st.just("Exists")}, optional={"key": st.sampled_from("ab")}),
    ),
    max_size=2,
)
EXPRESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("ab"),
            "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
            "values": st.lists(st.sampled_from("xy"), min_size=1, max_size=2),
        }
    ),
    min_size=1,
    max_size=2,
)


@st.composite
def hosts(draw: st.DrawFn) -> Json:
    host = node("w", taints=draw(TAINTS), **({"unschedulable": True} if draw(st.booleans()) else {}))
    host["metadata"]["labels"] = draw(LABELS)
    return host


@st.composite
def pods(draw: st.DrawFn) -> Json:
    spec: Json = {"nodeSelector": draw(LABELS), "tolerations": draw(TOLERATIONS), "containers": []}
    if terms := draw(st.lists(EXPRESSIONS, max_size=2)):
        required = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
        spec["affinity"] = {"nodeAffinity": {REQUIRED: required}}
    return {"metadata": {"name": "p", "namespace": "shop"}, "spec": spec}


@settings(max_examples=60, deadline=None)
@given(pods(), hosts())
def test_a_node_matches_exactly_when_the_scheduler_lets_the_pod_in(pod: Json, host: Json) -> None:
    assert fits(pod["spec"], host) is (SCHEDULER.objections(pod, host) == [])


SCHEDULER = Scheduler(Bench().store)


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "cores", "operator": "Gt", "values": ["7"]}, True),
        ({"key": "cores", "operator": "Lt", "values": ["8"]}, False),
        ({"key": "disk", "operator": "Gt", "values": ["1"]}, False),
        ({"key": "cores", "operator": "Like", "values": ["8"]}, False),
    ],
)
def test_numbers_of_labels_are_compared_as_numbers(expression: Json, matches: bool) -> None:
    host = {"metadata": {"name": "w", "labels": {"cores": "8", "disk": "big"}}, "spec": {}}
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}
    assert fits({"affinity": affinity}, host) is matches


def test_a_node_can_be_asked_for_by_name() -> None:
    field = {"key": "metadata.name", "operator": "In", "values": ["w"]}
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": [field]}]}}}
    assert fits({"affinity": affinity}, {"metadata": {"name": "w"}})
    assert not fits({"affinity": affinity}, {"metadata": {"name": "v"}})
    assert not fits(
        {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{}]}}}}, {"metadata": {"name": "w"}}
    )
