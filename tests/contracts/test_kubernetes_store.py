"""The store behind the pretend API server, under a clock moved by hand: what only its own callers can see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from evals.world.clock import VirtualClock
from evals.world.kubernetes.changes import DeleteOptions, WatchEvent, WriteOptions
from evals.world.kubernetes.errors import Conflict, Expired, Forbidden, NotFound
from evals.world.kubernetes.store import Store
from tests.support.kubernetes_world import config_map

_START = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def store() -> Store:
    return Store(VirtualClock(_START), seed=1)


def test_what_is_handed_out_is_not_what_is_stored(store: Store) -> None:
    store.create("configmaps", config_map("one"))
    store.get("configmaps", "default", "one")["data"]["color"] = "blue"
    store.list("configmaps")[0]["data"]["color"] = "blue"
    assert store.get("configmaps", "default", "one")["data"] == {"color": "red"}


def test_the_same_seed_gives_the_same_names_and_uids() -> None:
    def made() -> tuple[str, str]:
        obj = Store(VirtualClock(_START), seed=3).create("configmaps", {"metadata": {"generateName": "a-"}})
        return obj["metadata"]["name"], obj["metadata"]["uid"]

    assert made() == made()


def test_creation_is_dated_by_the_clock_handed_in(store: Store) -> None:
    assert isinstance(store.clock, VirtualClock)
    store.clock.advance(3600)
    made = store.create("configmaps", config_map("one"))
    assert made["metadata"]["creationTimestamp"] == "2026-11-24T01:00:00Z"


def test_a_subscriber_that_writes_does_not_change_the_order_others_see(store: Store) -> None:
    seen: list[WatchEvent] = []

    def writes(event: WatchEvent) -> None:
        if event.object["metadata"]["name"] == "one":
            store.create("configmaps", config_map("two"))

    store.subscribe(writes)
    leave = store.subscribe(seen.append)
    store.create("configmaps", config_map("one"))
    leave()
    store.create("configmaps", config_map("three"))
    assert [event.object["metadata"]["name"] for event in seen] == ["one", "two"]


def test_history_is_told_from_any_version_it_still_holds() -> None:
    store = Store(VirtualClock(_START), history=3)
    start = store.resource_version
    for name in "abcd":
        store.create("configmaps", config_map(name))
    assert [event.object["metadata"]["name"] for event in store.events_since(start + 2)] == ["c", "d"]
    with pytest.raises(Expired):
        store.events_since(start)


def test_orphaning_keeps_what_was_owned(store: Store) -> None:
    owner = store.create("configmaps", config_map("owner"))
    store.create("configmaps", config_map("kept", ownerReferences=[_reference(owner)]))
    store.delete("configmaps", "default", "owner", DeleteOptions(propagation="Orphan"))
    assert store.get("configmaps", "default", "kept")["metadata"]["ownerReferences"] == []


def test_a_child_of_two_owners_outlives_the_first(store: Store) -> None:
    owners = [store.create("configmaps", config_map(name)) for name in ("first", "second")]
    store.create("configmaps", config_map("child", ownerReferences=[_reference(each) for each in owners]))
    store.delete("configmaps", "default", "first")
    assert store.get("configmaps", "default", "child")
    store.delete("configmaps", "default", "second")
    with pytest.raises(NotFound):
        store.get("configmaps", "default", "child")


def test_a_namespace_takes_everything_in_it_along(store: Store) -> None:
    store.create("namespaces", {"metadata": {"name": "shop"}})
    store.create("configmaps", config_map("one", namespace="shop"))
    store.delete("namespaces", None, "shop")
    assert store.list("configmaps") == []
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        store.delete("namespaces", None, "kube-system")


def test_an_object_that_was_recreated_is_not_the_one_that_was_read(store: Store) -> None:
    first = store.create("configmaps", config_map("one"))
    store.delete("configmaps", "default", "one")
    store.create("configmaps", config_map("one"))
    del first["metadata"]["resourceVersion"]
    with pytest.raises(Conflict, match="UID in precondition"):
        store.update("configmaps", first)


def test_a_dry_run_moves_no_version_and_tells_nobody(store: Store) -> None:
    seen: list[WatchEvent] = []
    store.subscribe(seen.append)
    before = store.resource_version
    store.create("configmaps", config_map("one"), WriteOptions(dry_run=True))
    assert (store.resource_version, seen, store.list("configmaps")) == (before, [], [])


def _reference(owner: dict[str, Any]) -> dict[str, Any]:
    head = owner["metadata"]
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": head["name"], "uid": head["uid"]}
