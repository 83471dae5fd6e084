"""What a person may type into a step: within the bounds of a draft, and never by a guess."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans import a_step
from tools.kubernetes.actions.catalogue import CATALOGUE, check
from tools.kubernetes.actions.editing import Limits, editable, edited
from tools.kubernetes.actions.step import Step

COUNT = "/spec/replicas"
MEMORY = "/spec/template/spec/containers/0/resources/limits/memory"
QUOTA = "/spec/hard/limits.memory"
LIMITS = Limits(factor=2.0, least=2)


def scaled(**more: Any) -> Step:
    return a_step(verb="scale", expect={"/metadata/generation": 4, COUNT: 3}, set={COUNT: 5}, **more)


def larger() -> Step:
    return a_step(
        verb="set_resources", expect={"/metadata/generation": 4, MEMORY: "256Mi"}, set={MEMORY: "512Mi"}
    )


def quota() -> Step:
    expect = {"/metadata/resourceVersion": "7", QUOTA: "2Gi"}
    return a_step(verb="quota", api_version="v1", kind="ResourceQuota", expect=expect, set={QUOTA: "3Gi"})


def claim() -> Step:
    at = "/spec/resources/requests/storage"
    expect = {"/metadata/resourceVersion": "7", at: "2Gi"}
    return a_step(
        verb="expand_pvc", api_version="v1", kind="PersistentVolumeClaim", expect=expect, set={at: "3Gi"}
    )


@pytest.mark.parametrize(
    ("step", "typed", "becomes"),
    [
        (scaled(), "4", 4),
        (scaled(), " 100 ", 100),
        (scaled(), "2", 2),
        (larger(), "300Mi", "300Mi"),
        (larger(), "0.5Gi", "512Mi"),
        (quota(), "4Gi", "4Gi"),
        (claim(), "4Gi", "4Gi"),
    ],
)
def test_what_is_typed_within_the_bounds_is_what_is_set(step: Step, typed: str, becomes: object) -> None:
    ((pointer, planned),) = step.set.items()
    made = edited(step, {pointer: typed}, LIMITS)
    if becomes == planned:
        assert made == {pointer: "this is what the plan says already"}
        return
    assert isinstance(made, Step)
    assert made.set == {pointer: becomes}
    assert made.expect == step.expect
    assert check(made) is None


@pytest.mark.parametrize(
    ("step", "typed"),
    [
        (scaled(), "0"),
        (scaled(), "1"),
        (scaled(), "101"),
        (scaled(), "-4"),
        (scaled(), "+1"),
        (scaled(), "4.0"),
        (scaled(), "\u0664"),
        (scaled(), ""),
        (scaled(), "previous"),
        (scaled(), "9" * 5_000),
        (scaled(), "3"),
        (larger(), "128Mi"),
        (larger(), "256Mi"),
        (larger(), "513Mi"),
        (larger(), "1Gi"),
        (larger(), "much"),
        (larger(), "1e99"),
        (larger(), "1e999999999"),
        (quota(), "5Gi"),
        (quota(), "1Gi"),
        (claim(), "1Gi"),
        (claim(), "5Gi"),
    ],
)
def test_what_a_draft_would_refuse_cannot_be_typed_either(step: Step, typed: str) -> None:
    ((pointer, _),) = step.set.items()
    made = edited(step, {pointer: typed}, LIMITS)
    assert isinstance(made, dict)
    assert made[pointer]


@given(typed=st.text(max_size=50))
def test_whatever_is_typed_comes_out_as_a_step_that_the_catalogue_takes_or_as_words(typed: str) -> None:
    for step in (scaled(), larger(), quota(), claim()):
        ((pointer, _),) = step.set.items()
        made = edited(step, {pointer: typed}, LIMITS)
        if isinstance(made, Step):
            assert check(made) is None
            assert made.set.keys() == step.set.keys()
        else:
            assert set(made) == {pointer}


def test_a_value_of_another_kind_than_a_number_has_no_field() -> None:
    probe = "/spec/template/spec/containers/0/readinessProbe"
    expect = {"/metadata/generation": 4, f"{probe}/httpGet/port": "http", f"{probe}/failureThreshold": 3}
    step = a_step(
        verb="fix_probe", expect=expect, set={f"{probe}/httpGet/port": "web", f"{probe}/failureThreshold": 6}
    )
    (only,) = editable(step, LIMITS)
    assert (only.label, only.present, only.planned, only.bounds) == (
        "readinessProbe failureThreshold",
        "3",
        "6",
        "3 to 60",
    )
    made = edited(step, {only.pointer: "9"}, LIMITS)
    assert isinstance(made, Step)
    assert made.set[f"{probe}/httpGet/port"] == "web"


@pytest.mark.parametrize(
    "name",
    sorted(set(CATALOGUE) - {"scale", "hpa_bounds", "fix_probe", "set_resources", "quota", "expand_pvc"}),
)
def test_verbs_whose_values_need_a_look_at_the_cluster_have_nothing_to_type(name: str) -> None:
    assert editable(a_step(verb=name), LIMITS) == ()
