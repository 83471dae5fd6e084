"""An approval is of exact bytes: any other byte, anywhere, is another plan and is not performed (P1)."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from agents.incident import Plan, digest_of
from agents.ledger import executions, investigations
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.support.ledgers import empty_ledger
from tests.support.model_trace import Driven, hurried, planned, unguarded
from tests.support.plans import a_plan, a_step
from tests.support.pretend_queue import RememberingQueue
from tests.support.scale import PROVING, scale

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def a_value(chance: random.Random, deep: int = 2) -> Any:
    kinds = [
        lambda: chance.randrange(-5, 10_000),
        lambda: chance.random() < 0.5,
        lambda: "".join(chance.choices('ab:/0é"\\\u2028', k=chance.randrange(8))),
        lambda: None,
    ]
    if deep:
        kinds += [
            lambda: [a_value(chance, deep - 1) for _ in range(chance.randrange(4))],
            lambda: {key: a_value(chance, deep - 1) for key in chance.sample("abcde", chance.randrange(4))},
        ]
    return chance.choice(kinds)()


def a_random_plan(chance: random.Random, now: datetime = NOW, **changes: Any) -> Plan:
    steps = tuple(
        a_step(
            name=f"w{chance.randrange(100)}",
            uid=f"{chance.getrandbits(64):x}",
            expect={f"/e{n}": a_value(chance) for n in range(chance.randrange(1, 4))},
            set={f"/s{n}": a_value(chance) for n in range(chance.randrange(1, 4))},
            annotated=True,
        )
        for _ in range(chance.randrange(1, 4))
    )
    values: dict[str, Any] = {
        "steps": steps,
        "evidence": {f"E{n}": f"{chance.getrandbits(256):064x}" for n in range(1, chance.randrange(1, 4))},
        "tier": chance.randrange(1, 4),
        "approvals_needed": 1,
        "pending_until": now + timedelta(seconds=chance.randrange(60, 14_400)),
        "claim_within_s": chance.randrange(1, 3_600),
        "nonce": f"{chance.getrandbits(128):032x}",
    }
    return a_plan(now, **(values | changes))


def others(value: Any) -> Iterator[Any]:
    """Every value that differs from this JSON in one leaf, one key, one element or one order."""
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {other: each for other, each in value.items() if other != key}
            yield rest
            yield {**rest, f"{key}x": inner}
            for changed in others(inner):
                yield {**value, key: changed}
        yield {**value, "one more": 0}
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield value[:place] + value[place + 1 :]
            for changed in others(inner):
                yield [*value[:place], changed, *value[place + 1 :]]
        yield [*value, 0]
        for place in range(len(value) - 1):
            swapped = copy.copy(value)
            swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
            if quickly(swapped) != quickly(value):
                yield swapped
    elif isinstance(value, bool):
        yield not value
        yield int(value)
    elif isinstance(value, int | float):
        yield value + 1
        yield str(value)
    elif isinstance(value, str):
        yield f"{value}."
        yield None
    else:
        yield ""


def backwards(value: Any) -> Any:
    """The same JSON with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in sorted(value, reverse=True)}
    return [backwards(each) for each in value] if isinstance(value, list) else value


def quickly(value: Any) -> bytes:
    """The canonical bytes of what has no fractions and plain keys, as all values here."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@pytest.mark.proof
@pytest.mark.timeout(3_600 if PROVING else 900)
def test_p01_every_leaf_and_every_order_of_a_plan_is_in_its_digest() -> None:
    chance = random.Random(1)
    tried = 0
    for _ in range(scale("mutated_plans")):
        plan = a_random_plan(chance)
        said = orjson.loads(plan.canonical())
        assert Plan.model_validate_json(plan.canonical()).digest == plan.digest
        assert digest_of(quickly(said)) == plan.digest
        for other in others(said):
            assert digest_of(quickly(other)) != plan.digest
            tried += 1
        for spelling in (json.dumps(backwards(said)), json.dumps(said), plan.canonical().decode() + " "):
            assert digest_of(spelling.encode()) != plan.digest
    assert tried > scale("mutated_plans") * 50


@pytest.fixture
def open_ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(empty_ledger(tmp_path / "ledger.db"), RememberingQueue(), HandClock())
    unguarded(opened, "plan_no_update", "audit_no_delete")
    hurried(opened)
    yield opened
    opened.close()


def approved(ledger: Ledger, chance: random.Random) -> Driven:
    clock = ledger._clock
    assert isinstance(clock, HandClock)
    driven = planned(ledger, clock, "any", 1)
    plan = a_random_plan(chance, clock(), incident=driven.plan.incident)
    assert investigations.draft(ledger, driven.lease, plan, "why") == plan.id
    driven.plan = plan
    assert (driven.rehearse(), driven.post(), driven.approve(0)) == ("", "", "")
    # Of the third tier two people are asked, whatever the plan says.
    assert plan.tier < 3 or driven.approve(1) == ""
    return driven


class Backup:
    """The ledger at one moment, and the way back: each change is tried on a plan that was just approved."""

    TABLES = ("object_lock", "proposal", "audit", "chain_head", "execution")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        with ledger.writer.begin() as connection:
            for table in self.TABLES:
                connection.execute(text(f"CREATE TABLE {table}_then AS SELECT * FROM {table}"))

    def restore(self, plan: Plan, canonical: bytes, digest: str) -> None:
        """All as it was then, but with these bytes in the plan's place."""
        with self.ledger.writer.begin() as connection:
            for table in self.TABLES:
                connection.execute(text(f"DELETE FROM {table}"))
                connection.execute(text(f"INSERT INTO {table} SELECT * FROM {table}_then"))
            change = text("UPDATE plan SET canonical = :c, digest = :d WHERE id = :id")
            connection.execute(change, {"c": canonical, "d": digest, "id": plan.id})

    def forget(self) -> None:
        """Make room for the next one."""
        with self.ledger.writer.begin() as connection:
            for table in self.TABLES:
                connection.execute(text(f"DROP TABLE {table}_then"))


@pytest.mark.proof
@pytest.mark.timeout(3_600 if PROVING else 900)
def test_p01_no_plan_whose_stored_bytes_were_changed_is_ever_performed(open_ledger: Ledger) -> None:
    chance = random.Random(2)
    for _ in range(scale("tampered_plans")):
        driven = approved(open_ledger, chance)
        plan, before = driven.plan, Backup(open_ledger)
        changed = [quickly(other) for other in others(orjson.loads(plan.canonical()))]
        changed += [plan.canonical() + b" ", json.dumps(orjson.loads(plan.canonical())).encode(), b"", b"{}"]
        for evil in changed:
            # Whoever can write the bytes can write their digest too: the id is a part of it.
            before.restore(plan, evil, chance.choice((plan.digest, digest_of(evil))))
            answer = executions.claim(open_ledger, plan.id, "actor", lambda *_: True)
            assert answer is Objection.TAMPERED, evil
            assert driven.ps is PlanState.QUARANTINED
        before.restore(plan, plan.canonical(), plan.digest)
        held = executions.claim(open_ledger, plan.id, "actor", lambda *_: True)
        assert isinstance(held, executions.Claim)
        assert executions.finish(open_ledger, held, PlanState.FAILED, "over") is None
        before.forget()
