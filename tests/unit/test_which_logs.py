"""Which logs are read: the sick before the well, the near before the far, each replica once first."""

from __future__ import annotations

from agents.investigator.which_logs import MOST_WELL, which_logs
from tests.support.kube_objects import Json, crashing, ended, pod, pulling
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import ObjectRef


def read(*objects: Json, near: str = "") -> list[str]:
    def is_near(ref: ObjectRef) -> bool:
        return bool(near) and ref.name.startswith(near)

    wanted = which_logs(Inventory.of_list({"items": list(objects)}), is_near)
    return [f"{one.key[1]}{'+' if True in one.runs else ''}" for one in wanted]


def test_what_ended_or_is_not_ready_is_read_and_what_is_well_is_not() -> None:
    assert read(pod("a-1-x"), crashing("b-1-x"), pod("c-1-x", ready=False)) == ["b-1-x+", "c-1-x"]


def test_a_container_that_never_started_has_no_log() -> None:
    assert read(pulling("a-1-x")) == []


def test_what_the_alert_is_about_comes_first_and_is_read_though_it_is_well() -> None:
    objects = (crashing("a-1-x"), pod("b-1-x", ready=False), pod("b-1-y"), pod("c-1-x"))
    assert read(*objects, near="b-") == ["b-1-x", "a-1-x+", "b-1-y"]


def test_of_replicas_one_is_read_before_the_others() -> None:
    objects = (*(crashing(f"a-1-{n}") for n in "xyz"), crashing("b-1-x"))
    assert read(*objects) == ["a-1-x+", "b-1-x+", "a-1-y+", "a-1-z+"]


def test_of_containers_that_are_well_only_a_few_are_read() -> None:
    many = [pod(f"b-1-{n}") for n in range(9)]
    assert len(read(*many, near="b-")) == MOST_WELL
    assert read(crashing("a-1-x"), *many, near="b-")[0] == "a-1-x+"


def test_what_ended_as_it_should_comes_last() -> None:
    done = pod("job-1", state=ended("Completed", 0), ready=False, phase="Succeeded", owner="job")
    assert read(done, crashing("a-1-x")) == ["a-1-x+", "job-1"]
