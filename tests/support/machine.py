"""The plans and objects of the ledger's state machine, and the promises that hold after each of its steps."""

from __future__ import annotations

import copy
import itertools
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import jsonpatch
import orjson
from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import func
from sqlmodel import Session, col, select

from agents.ledger import moves
from agents.ledger.migrate import upgrade
from agents.ledger.objects import objects_of
from agents.ledger.protocol import ACTIVE, TERMINAL, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, ChainHeadRow, ObjectLockRow, ProposalRow, StepRow
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.support.model_trace import Driven, hurried, unguarded, unsaid
from tests.support.plans import a_step
from tests.support.pretend_queue import RememberingQueue
from tools.kubernetes.pointers import read

IMAGE = "/spec/template/spec/containers/0/image"
WITHOUT_EFFECT = TERMINAL - {PlanState.SUCCEEDED, PlanState.PARTIAL, PlanState.QUARANTINED}
ledgers: dict[str, Ledger] = {}
"""One for all examples: each has incidents and objects of its own, and one chain grows through all."""

reached: Counter[PlanState] = Counter()
"""Where the plans of all examples stood after each step."""
numbers = itertools.count(1)


def the_ledger() -> Ledger:
    if not ledgers:
        folder = tempfile.mkdtemp(prefix="midwatch-machine-")
        opened = Ledger(f"sqlite:///{folder}/ledger.db", RememberingQueue(), HandClock())
        upgrade(opened.writer)
        unguarded(opened)
        hurried(opened)
        ledgers["one"] = opened
    return ledgers["one"]


@dataclass(kw_only=True)
class Flying:
    """A request on its way: which step of which plan, its bytes, and until when it can arrive."""

    plan: int
    step: int
    body: bytes
    until: datetime


@dataclass(kw_only=True)
class Attempt:
    """What one actor knows of its plan between the claim and the end."""

    plan: int
    next: int = 1
    heard: int | None = None
    waits: bool = False


@dataclass(kw_only=True)
class Cluster:
    """The two objects of the plans, and every effect by plan and step."""

    objects: list[dict[str, object]]
    flying: list[Flying] = field(default_factory=list)
    effects: list[tuple[int, int]] = field(default_factory=list)

    def take(self, one: Flying) -> int:
        """The HTTP status of the answer: the real patch with its tests, on the object as it is."""
        place = one.step - 1
        try:
            after = jsonpatch.apply_patch(copy.deepcopy(self.objects[place]), orjson.loads(one.body))
        except jsonpatch.JsonPatchException:
            return 422
        after["metadata"]["generation"] += 1
        self.objects[place] = after
        self.effects.append((one.plan, one.step))
        return 200


def as_shown(name: str) -> dict[str, object]:
    return {
        "kind": "Deployment",
        "metadata": {"uid": a_step().uid, "name": name, "generation": 4, "annotations": {"a": "b"}},
        "spec": {"template": {"spec": {"containers": [{"image": "registry/checkout:9"}]}}},
    }


class Promises(RuleBasedStateMachine):
    """One pair of objects, the plans for them, and what is promised of both; who does what is another's."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = the_ledger()
        assert isinstance(self.ledger._clock, HandClock)
        self.clock = self.ledger._clock
        self.names = [f"object-{next(numbers)}" for _ in (0, 1)]
        self.cluster = Cluster(objects=[as_shown(name) for name in self.names])
        self.plans: list[Driven] = []
        self.attempts: dict[int, Attempt] = {}
        self.seen: dict[int, tuple[str, int]] = {}
        self.halted = False

    def _draft(self, needed: int) -> str:
        """A plan for the objects as they stand now; it is one of the plans when there was room for it."""
        wanted = f"r/checkout:{len(self.plans)}"
        steps = tuple(
            a_step(
                name=name,
                expect={pointer: read(live, pointer) for pointer in ("/metadata/generation", IMAGE)},
                set={IMAGE: wanted},
            )
            for name, live in zip(self.names, self.cluster.objects, strict=True)
        )
        driven = unsaid(self.ledger, self.clock, self.names[0], needed, steps=steps)
        against = driven.draft()
        if not against:
            self.plans.append(driven)
        return against

    def of(self, which: int) -> int:
        """The newest plan or the one before it."""
        return max(0, len(self.plans) - 1 - which)

    # ---- what is true after each step ----
    @invariant()
    def every_promise_holds(self) -> None:
        with self.ledger.read() as session:
            rows = [session.get_one(ProposalRow, driven.plan.id) for driven in self.plans]
            for which, row in enumerate(rows):
                self._ending(which, row)
                self._record(session, which, row)
            head = session.exec(select(ChainHeadRow)).one()
            assert session.exec(select(func.max(AuditRow.seq))).one() == head.seq
            # I9: one plan at most is active, and it has both objects.
            active = [row.plan_id for row in rows if PlanState(row.state) in ACTIVE]
            names = objects_of(self.plans[0].plan)
            held = select(ObjectLockRow.plan_id).where(col(ObjectLockRow.object).in_(names))
            assert len(active) <= 1
            assert sorted(session.exec(held)) == active * 2
        # I3: each step has at most one effect.
        assert len(set(self.cluster.effects)) == len(self.cluster.effects)

    def _ending(self, which: int, row: ProposalRow) -> None:
        """I4: what ended stays as it ended. I7: an ending tells the truth."""
        before = self.seen.get(which, ("", 0))
        assert before[0] not in TERMINAL or (row.state, row.version) == before
        self.seen[which] = (row.state, row.version)
        effects = {step for plan, step in self.cluster.effects if plan == which}
        state = PlanState(row.state)
        reached[state] += 1
        assert not (state in WITHOUT_EFFECT and effects), (state, effects)
        assert state is not PlanState.SUCCEEDED or effects == {1, 2}
        assert state is not PlanState.PARTIAL or effects == {1}

    def _record(self, session: Session, which: int, row: ProposalRow) -> None:
        """I1: every effect has its intent on record. I8: each change of state has exactly one event."""
        intents = set(session.exec(select(StepRow.n).where(StepRow.plan_id == row.plan_id)))
        assert {step for plan, step in self.cluster.effects if plan == which} <= intents
        mine = (AuditRow.plan_id == row.plan_id, AuditRow.tag == Tag.PLAN_MOVED.value)
        assert session.exec(select(func.count()).where(*mine)).one() == row.version - 1

    def teardown(self) -> None:
        if self.halted:
            self.plans[0].halt(False)
        for driven in self.plans:
            with self.ledger.write() as tx:
                moves.quarantine(tx, driven.plan.id)
