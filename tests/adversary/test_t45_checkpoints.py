"""Whoever can write the graph's checkpoints: no code of theirs runs, nothing changes (threat T45, P26)."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import ormsgpack
import pytest

from agents.auditor.verify import verify
from agents.investigator.checkpoints import checkpointer
from agents.investigator.graph import build
from agents.ledger import investigations
from agents.ledger.protocol import PlanState
from evals.world.datacentre import DataCentre
from tests.support.datacentre import data_centre, wait_until
from tests.support.watch import Watch, watch_in

THREAD = {"configurable": {"thread_id": "incident-1"}}
Crafted = tuple[str, bytes]


class Planted:
    """What unpickles into a call."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


def crafted(trap: Path) -> dict[str, Crafted]:
    """Values that make a trusting reader call ``os.mkdir(trap)``."""

    def ext(code: int, *parts: object) -> Crafted:
        return "msgpack", ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(parts)))

    path = str(trap)
    old = {"type": "constructor", "id": ["os", "mkdir"], "args": [path], "kwargs": {"path": path}}
    return {
        "one argument": ext(0, "os", "mkdir", path),
        "arguments": ext(1, "os", "mkdir", [path]),
        "named arguments": ext(2, "os", "mkdir", {"path": path}),
        "a method": ext(3, "pathlib", "Path", path, "mkdir"),
        "an older model": ext(4, "os", "mkdir", {"path": path}, "x"),
        "a model": ext(5, "os", "mkdir", {"path": path}, "x"),
        "JSON": ("json", orjson.dumps({"lc": 2, **old})),
        "older JSON": ("json", orjson.dumps({"lc": 1, **old})),
        "a pickle": ("pickle", pickle.dumps(Planted(path))),
    }


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        running.break_it()
        yield running


@pytest.fixture(scope="module")
def before(centre: DataCentre, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an investigation whose plan waits for a signature."""
    folder = tmp_path_factory.mktemp("before")
    with watch_in(centre, folder) as made:
        made.hear(made.alert())
        wait_until(lambda: _drafted(made))
        made.becomes(PlanState.PENDING)
    return folder


@pytest.fixture
def at(centre: DataCentre, before: Path, tmp_path: Path) -> Iterator[Watch]:
    for file in before.glob("midwatch*"):
        shutil.copy(file, tmp_path)
    with watch_in(centre, tmp_path) as made:
        yield made


def _drafted(at: Watch) -> bool:
    at.look()
    return bool(at.story.plans)


def nothing_came_of_it(at: Watch, *states: PlanState) -> None:
    assert [effect for effect in at.centre.kubernetes.effects.all() if "midwatch" in effect.user] == []
    assert [view.state for view in at.story.plans] == list(states)
    assert not any(view.decisions or view.receipts for view in at.story.plans)
    assert verify(at.ledger).ok


@pytest.mark.parametrize("name", list(crafted(Path())))
async def test_t45_a_crafted_checkpoint_calls_nothing(name: str, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    async with checkpointer(f"sqlite:///{tmp_path / 'a.db'}") as saver:
        # The graph imports langgraph long before: strictness must not hang on who was first.
        for serde in (saver.serde, build(saver).checkpointer.serde):
            with suppress(ValueError, NotImplementedError):
                serde.loads_typed(crafted(trap)[name])
    assert not trap.exists()


def test_t45_an_investigation_over_a_crafted_store_calls_nothing(at: Watch, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    store = Path(at.ledger.url.removeprefix("sqlite:///")).with_suffix(".checkpoints.db")
    for kind, value in crafted(trap).values():
        with sqlite3.connect(store) as db:
            db.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (kind, value))
            db.execute("UPDATE writes SET type = ?, value = ?", (kind, value))
        db.close()
        # Whether it starts anew or cannot go on is all the same: it does nothing it was told there.
        with suppress(ValueError, TypeError, KeyError, NotImplementedError, AttributeError):
            at.look()
    assert not trap.exists()
    nothing_came_of_it(at, PlanState.PENDING)


@pytest.mark.parametrize(
    "bent",
    [
        {"next": "verify", "verify_from": "2026-01-01T00:00:00+00:00"},
        {"next": "close"},
        {"next": "wait", "plan_id": "", "again": True},
        {"next": "wait", "plan_id": "P-of-somebody-else"},
        {"next": "verify", "undo_of": "P-of-somebody-else", "verify_from": "2026-01-01T00:00:00+00:00"},
    ],
)
def test_t45_a_state_that_says_it_was_approved_approves_nothing(at: Watch, bent: dict[str, object]) -> None:
    async def bend() -> None:
        async with checkpointer(at.ledger.url) as saver:
            values = {**bent, "approved": True, "decision": "approve"}
            await build(saver).aupdate_state(THREAD, values, as_node="after_wait")

    asyncio.run(bend())
    at.look()
    plan = at.plan
    assert plan.state in {PlanState.PENDING, PlanState.CANCELLED}, "only a person's signature approves"
    nothing_came_of_it(at, *(view.state for view in at.story.plans))


def test_t45_an_old_thread_that_is_resumed_from_any_point_can_only_propose(at: Watch) -> None:
    async def travel() -> int:
        async with checkpointer(at.ledger.url) as saver:
            graph = build(saver)
            past = [snapshot async for snapshot in graph.aget_state_history(THREAD)]
            for snapshot in past:
                lease = investigations.take(at.ledger, 1, "the test", 60)
                assert lease is not None
                await graph.ainvoke(None, snapshot.config, context=at.box.under(lease))
                investigations.release(at.ledger, lease)
            return len(past)

    assert asyncio.run(travel()) >= 5
    at.look()
    states = [view.state for view in at.story.plans]
    # A diagnosis made again may propose again; what it proposes takes the place of what stood there.
    assert set(states[:-1]) <= {PlanState.SUPERSEDED}
    assert states[-1] in {PlanState.PENDING, PlanState.DRAFT}
    nothing_came_of_it(at, *states)
