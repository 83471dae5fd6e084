"""Every scenario that ships: healthy, then broken, then mended by a right fix and by no wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.world.clock import VirtualClock
from evals.world.cluster import ClusterOptions, PretendCluster
from evals.world.scenario import ScenarioError, load, names
from evals.world.steps import ObjectRef, Step
from tests.support.world_cluster import START

FAULTY = sorted(set(names()) - {"watchdog"})
CHECKOUT = {"kind": "Deployment", "namespace": "shop", "name": "checkout"}
CART = {"kind": "Deployment", "namespace": "shop", "name": "cart"}
CATALOG = {"kind": "Deployment", "namespace": "shop", "name": "catalog"}
CHECKOUT_SERVICE = {"kind": "Service", "namespace": "shop", "name": "checkout"}
CONTAINER = "/spec/template/spec/containers/0"
MARK = "/spec/template/metadata/annotations"


class Lived:
    """A scenario's cluster and the clock that moves it."""

    def __init__(self, name: str) -> None:
        self.clock = VirtualClock(START)
        self.cluster = PretendCluster(load(name), ClusterOptions(clock=self.clock, seed=5))
        self.cluster.build_past()

    def later(self, seconds: int) -> None:
        for _ in range(seconds // 2):
            self.clock.advance(2)
            self.cluster.controllers.settle()

    def write(self, target: dict[str, str], path: str, value: Any) -> None:
        operations = ({"op": "add", "path": path, "value": value},)
        ref = ObjectRef.model_validate(target)
        step = Step.model_validate(
            {"say": "a repair", "by": "midwatch", "patch": [{"object": ref, "operations": operations}]}
        )
        self.cluster.apply(step)


def test_the_five_scenarios_ship() -> None:
    assert names() == ["bad-image", "oom", "scaled-to-zero", "selector-mismatch", "watchdog"]


@pytest.mark.parametrize("name", names())
def test_the_past_is_healthy_old_and_offers_a_revision_to_go_back_to(name: str) -> None:
    lived = Lived(name)
    assert set(lived.cluster.pods_ready().values()) == {"2/2", "3/3"}
    assert min(lived.cluster.endpoints().values()) >= 2
    revisions = [
        each
        for each in lived.cluster.store.list("replicasets", "shop")
        if each["metadata"]["name"].startswith("checkout-")
    ]
    assert len(revisions) == 3
    assert lived.cluster.store.list("events") == []
    created = lived.cluster.store.get("deployments", "shop", "checkout")["metadata"]["creationTimestamp"]
    assert created < "2026-10-12"


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_not_mended_by_waiting(name: str) -> None:
    lived = Lived(name)
    lived.cluster.break_it()
    lived.later(120)
    assert not lived.cluster.verdict().met


def test_the_watchdog_wants_nothing_done_and_notices_when_something_is() -> None:
    lived = Lived("watchdog")
    lived.cluster.break_it()
    lived.later(10)
    assert lived.cluster.verdict().met
    lived.write(CART, "/spec/replicas", 3)
    assert "deployments shop/cart was changed" in lived.cluster.verdict().unmet


Fix = Callable[[Lived], None]

RIGHT: dict[str, Fix] = {
    "bad-image": lambda it: it.write(
        CHECKOUT, f"{CONTAINER}/image", "registry.shop.example/shop/checkout:2.8.1"
    ),
    "oom": lambda it: it.write(CART, f"{CONTAINER}/resources/limits/memory", "256Mi"),
    "scaled-to-zero": lambda it: it.write(CATALOG, "/spec/replicas", 2),
    "selector-mismatch": lambda it: it.write(CHECKOUT_SERVICE, "/spec/selector", {"app": "checkout"}),
}
ALSO_RIGHT: dict[str, Fix] = {
    "oom": lambda it: it.write(CART, f"{CONTAINER}/image", "registry.shop.example/shop/cart:1.14.2"),
}
WRONG: list[tuple[str, Fix]] = [
    ("bad-image", lambda it: it.write(CHECKOUT, MARK, {"restarted": "now"})),
    ("bad-image", lambda it: it.write(CHECKOUT, "/spec/replicas", 2)),
    (
        "bad-image",
        lambda it: it.write(CHECKOUT, f"{CONTAINER}/image", "registry.shop.example/shop/checkout:3"),
    ),
    ("oom", lambda it: it.write(CART, f"{CONTAINER}/resources/limits/memory", "160Mi")),
    ("oom", lambda it: it.write(CART, MARK, {"restarted": "now"})),
    ("scaled-to-zero", lambda it: it.write(CATALOG, "/spec/replicas", 1)),
    ("scaled-to-zero", lambda it: it.write(CATALOG, MARK, {"restarted": "now"})),
    ("selector-mismatch", lambda it: it.write(CHECKOUT_SERVICE, "/spec/selector", {"app": "cart"})),
    ("selector-mismatch", lambda it: it.write(CHECKOUT, MARK, {"restarted": "now"})),
]


@pytest.mark.parametrize(("name", "fix"), [*RIGHT.items(), *ALSO_RIGHT.items()])
def test_a_right_fix_turns_the_pods_green(name: str, fix: Fix) -> None:
    lived = Lived(name)
    lived.cluster.break_it()
    lived.later(60)
    fix(lived)
    lived.later(90)
    assert lived.cluster.verdict().unmet == ()


@pytest.mark.parametrize(("name", "fix"), WRONG)
def test_a_wrong_fix_does_not(name: str, fix: Fix) -> None:
    lived = Lived(name)
    lived.cluster.break_it()
    lived.later(40)
    fix(lived)
    lived.later(90)
    assert not lived.cluster.verdict().met


def test_a_neighbour_changed_on_the_way_spoils_a_right_fix() -> None:
    lived = Lived("bad-image")
    lived.cluster.break_it()
    RIGHT["bad-image"](lived)
    lived.write(CART, "/spec/replicas", 4)
    lived.later(60)
    assert lived.cluster.verdict().unmet == ("Deployment shop/cart was changed",)


@pytest.mark.parametrize("name", FAULTY)
def test_the_accepted_causes_and_actions_point_at_objects_that_exist(name: str) -> None:
    lived = Lived(name)
    expect = lived.cluster.scenario.expect
    targets = [each.object for each in (*expect.causes, *expect.actions) if each.object is not None]
    assert targets
    for ref in targets:
        lived.cluster.store.get(ref.resource, ref.namespace, ref.name)


def test_an_unknown_key_refuses_the_file(tmp_path: Path) -> None:
    good = "title: t\nstory: s\nworld: w\nalert: {name: A, expr: vector(1)}\nexpect: {oracle: {}}\n"
    (tmp_path / "worlds").mkdir()
    world = "cluster: c\nnodes: [{metadata: {name: n}}]\nhistory: [{say: x, create: [{kind: Namespace}]}]\n"
    (tmp_path / "worlds" / "w.yaml").write_text(world)
    (tmp_path / "one.yaml").write_text(good)
    (tmp_path / "two.yaml").write_text(good + "alarm: none\n")
    assert load("one", tmp_path).alert.name == "A"
    with pytest.raises(ScenarioError, match="alarm"):
        load("two", tmp_path)
    (tmp_path / "three.yaml").write_text(good + "model: [{says: hello}]\n")
    with pytest.raises(ScenarioError, match="says"):
        load("three", tmp_path)


def test_a_scenario_that_is_missing_says_which_ones_exist() -> None:
    with pytest.raises(ScenarioError, match="bad-image, oom"):
        load("nothing-like-it")
