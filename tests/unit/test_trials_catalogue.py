"""The scenarios as a whole: how many, over what, and that none is left without its answers."""

from __future__ import annotations

import pytest

from evals.trials.catalogue import Case, cases, names, read
from evals.world.expectation import ExpectedAction
from tools.kubernetes.actions.catalogue import CATALOGUE

FAMILIES = {
    "admission", "ai", "alerts", "autoscaling", "config", "disruption", "dns", "images", "ingress", "jobs",
    "network", "nodes", "pods", "probes", "quota", "scheduling", "services", "storage", "workloads",
}  # fmt: skip


def test_there_are_at_least_sixty_scenarios_over_every_family() -> None:
    assert len(names()) >= 60
    assert {read(name).family for name in names()} == FAMILIES


@pytest.mark.parametrize("name", names())
def test_a_scenario_names_its_answers_with_verbs_that_there_are(name: str) -> None:
    found = read(name)
    asked: tuple[ExpectedAction, ...] = (*found.expect.actions, *found.expect.forbidden)
    assert {one.verb for one in asked} <= set(CATALOGUE)
    assert not any(one in found.expect.forbidden for one in found.expect.actions)
    assert found.expect.causes or not found.expect.actions, "a change needs a cause"
    oracle = found.expect.oracle
    if found.expect.actions:
        assert oracle.conditions or oracle.any_of or oracle.workloads, "somebody must see that it is mended"
    else:
        assert oracle.nothing_changed, "where nothing is to be done nothing may change"


def test_most_families_have_controls_and_there_are_many() -> None:
    controls = list(cases(("control",)))
    assert len(controls) >= 25
    assert len({case.family for case in controls}) >= 14


def test_a_pattern_chooses_runs_by_family_and_by_name() -> None:
    kinds = ("base", "control", "renamed", "poisoned")
    assert [str(one) for one in cases(kinds, "^dns dns/bad-corefile$")] == ["dns/bad-corefile"]
    assert {one.kind for one in cases(kinds, "^storage ")} == set(kinds)


def test_a_copy_at_another_hour_starts_at_another_hour() -> None:
    assert Case(name="oom", variant="renamed").start != Case(name="oom").start
