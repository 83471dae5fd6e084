"""The whole life of incidents in the ledger: each row, event and job they leave is on file and reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlmodel import SQLModel

from agents.incident import Claim, Diagnosis, Finding, Hypothesis, Outcome, Preview, Recovery, Severity
from agents.ledger import (
    accounts,
    archive,
    brake,
    cards,
    consultations,
    incidents,
    investigations,
    memory,
    moves,
    previews,
    sealing,
    turns,
)
from agents.ledger.accounts import Seen
from agents.ledger.breaker import Breaker
from agents.ledger.cards import Need
from agents.ledger.consultations import Asked, Ended
from agents.ledger.investigations import Lease, Look
from agents.ledger.notification import DeliveryStatus
from agents.ledger.previews import Posted
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.store import Ledger, set_halt
from agents.ledger.story import story
from agents.ledger.tables import IncidentRow
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import woken
from tests.support.golden import as_lines, golden_lines
from tests.support.plans import ADA, a_delivery, a_plan, a_step, an_alert, numbers
from tools.kubernetes.objects import ObjectRef

CHECKOUT = ObjectRef(kind="Deployment", namespace="shop", name="checkout", uid="u")
CAUSE = Hypothesis(code="deployment.rollout.bad_image", object=CHECKOUT, sentence="It is bad.", score=0.9)
LIMITS = Breaker(tokens_per_hour=10_000, failures=2, rest_s=60)
TOKEN = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
SEALS = ("mac", "hash", "prev_hash", "salt", "reason_salt")


def rows(ledger: Ledger) -> Iterator[object]:
    """Every row of every table, without the links of the chain, which follow from its bodies."""
    with ledger.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            if table.name.startswith("queue"):
                continue
            for row in session.connection().execute(select(table).order_by(*table.primary_key)).mappings():
                yield {table.name: {name: plain(row[name]) for name in row if name not in SEALS}}


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return orjson.loads(value) if value.startswith(b"{") else value.decode()
    return value.isoformat() if isinstance(value, datetime) else value


def alert(clock: HandClock, n: int, **changes: Any) -> Any:
    labels = {"alertname": f"A{n}", "namespace": "shop", "severity": ("critical", "warning", "info")[n % 3]}
    values: dict[str, Any] = {
        "fingerprint": f"f{n}",
        "labels": labels | ({"pod": "web-1", "service": "web"} if n == 2 else {}),
        "annotations": {"summary": f"look at {TOKEN}" if n == 1 else ""},
        "generator_url": f"http://prometheus.example/{n}",
    }
    return an_alert(clock(), **(values | changes))


def notified(ledger: Ledger, clock: HandClock) -> list[object]:
    """Everything that can become of a delivery, in order."""
    over = {"firing": False, "ends_at": clock() + timedelta(seconds=30)}
    first = a_delivery(clock(), alert(clock, 1), alert(clock, 2))
    sent = [
        a_delivery(
            clock(), status=DeliveryStatus.OVERSIZE, problem="too long", notification=None, key="0" * 64
        ),
        a_delivery(clock(), alert(clock, 4, labels={"alertname": "Watchdog"}), group_key="w"),
        a_delivery(clock(), alert(clock, 5, **over), group_key="over"),
        first,
        first,
        a_delivery(clock(), alert(clock, 1), alert(clock, 3), group_key="rerouted"),
        a_delivery(clock(), alert(clock, 2, **over), alert(clock, 3, **over)),
        a_delivery(clock(), alert(clock, 3, starts_at=clock() + timedelta(seconds=40))),
        a_delivery(clock(), alert(clock, 3, **over | {"ends_at": clock() - timedelta(seconds=1)})),
        a_delivery(
            clock(), alert(clock, 9, ends_at=clock() + timedelta(hours=1)), group_key="g2", source="prod-2"
        ),
    ]
    return [one.model_dump(mode="json") for one in incidents.accept(ledger, sent)]


def investigated(ledger: Ledger, clock: HandClock) -> Lease:
    lease = investigations.take(ledger, 1, "worker-1", 60)
    assert lease is not None
    assert turns.begin(ledger, lease, 2) == 0.0
    investigations.set_phase(ledger, lease, "gathering")
    investigations.set_phase(ledger, lease, "gathering")
    window = (clock() - timedelta(hours=1), clock())
    seen = Look(key="pods", tool="kubernetes.list", query="GET /pods", excerpt="checkout", window=window)
    failed = Look(
        key="logs", tool="kubernetes.logs", query="web", excerpt="403", ok=False, notes=("refused",)
    )
    investigations.store_evidence(ledger, lease, [seen])
    clock.forward(1)
    investigations.store_evidence(ledger, lease, [failed, seen])
    asked = Asked(
        turn=1, stage="opinion", key="a" * 64, prompt="opinion@b", model="m", reserved=900, seconds=30
    )
    number = consultations.begin(ledger, lease, asked, LIMITS)
    assert isinstance(number, int)
    clock.forward(2)
    told = Ended(outcome="answered", input_tokens=7, output_tokens=0, cost=12, claims=4, dropped=1)
    consultations.end(ledger, lease, number, told)
    found = Finding(code="c", severity=Severity.WARNING, object=CHECKOUT, message=f"env holds {TOKEN}")
    claim = Claim(text="It says so.", evidence=("E1",))
    diagnosis = Diagnosis(cause=CAUSE, claims=(claim,), findings=(found,), confidence="high", prose="p" * 600)
    investigations.write_diagnosis(ledger, lease, 1, diagnosis)
    investigations.write_diagnosis(ledger, lease, 1, Diagnosis(cause=None, confidence="none"))
    investigations.write_diagnosis(ledger, lease, 2, Diagnosis(cause=None, confidence="none", source="model"))
    investigations.write_diagnosis(ledger, lease, 3, diagnosis)
    investigations.wake_later(ledger, lease, 45)
    return lease


def proposed(ledger: Ledger, clock: HandClock, lease: Lease) -> str:
    """Two plans: the first gives way to the second, which is shown, seen to and cancelled."""
    investigations.draft(ledger, lease, a_plan(clock(), nonce="1" * 32), "it ran well before")
    plan = a_plan(clock(), nonce="2" * 32, steps=(a_step(name="cart"),))
    assert investigations.draft(ledger, lease, plan, "no rival") == plan.id
    assert investigations.draft(ledger, lease, plan, "again") == plan.id
    shown = Preview(plan_id=plan.id, at=clock(), diffs=("-a\n+b",), dry_run_digest="a" * 64, warnings=("w",))
    assert previews.store_preview(ledger, shown) is None
    assert previews.store_preview(ledger, shown) is Objection.DUPLICATE
    assert previews.ask_for_place(ledger, plan.id, "C1")
    cards.begin_card(ledger, 1, "C1", Need.ASKS)
    cards.begin_card(ledger, 1, "C2", Need.ASKS)
    card = Posted(channel_id="C1", message_ts="1.5", card_digest="c" * 64)
    cards.record_card(ledger, 1, card)
    cards.record_card(ledger, 1, Posted(channel_id="C1", message_ts="1.5", card_digest="d" * 64))
    assert previews.mark_pending(ledger, plan.id, card) is None
    cards.record_entry(ledger, 1, "evidence-E1", "1.6")
    cards.record_entry(ledger, 1, "evidence-E1", "1.7")
    said = {"why": "look", "who": ["U0ADA"]}
    cards.record_page(ledger, 1, cards.Paged(plan_id=plan.id, key="page-1", said=said), "1.8")
    for good in (True, False, False):
        clock.forward(1)
        accounts.record(ledger, 1, Seen(approver=ADA, good=good, at=clock()))
    accounts.look_later(ledger, 1)
    sealing.opened(ledger, plan.id, ["u1", "u2"])
    with ledger.read() as session:
        assert [sealing.is_open(session, each) for each in moves.plan_ids(session, 1)] == [False, True]
    sealing.stuck(ledger, plan.id, "no")
    sealing.shut(ledger, plan.id)
    return plan.id


def ended(ledger: Ledger, clock: HandClock, lease: Lease) -> None:
    """The alerts are over, which cancels what waits; the incident is closed, once."""
    brake.refuse(ledger, {"user": "U0MIA", "why": "not listed"})
    brake.refuse(ledger, {"user": "U0MIA", "why": "not listed"})
    clock.forward(120)
    over = {"firing": False, "ends_at": clock()}
    last = (alert(clock, 1, **over), alert(clock, 3, **over))
    incidents.accept(ledger, [a_delivery(clock(), *last, truncated=1)])
    again = alert(clock, 1, starts_at=clock())
    incidents.accept(ledger, [a_delivery(clock(), again)])
    clock.forward(5)
    incidents.accept(ledger, [a_delivery(clock(), alert(clock, 1, firing=False, ends_at=clock()))])
    assert not investigations.renew(ledger, Lease(incident=1, owner="w", token=9, until=clock()), 60)
    renewed = investigations.take(ledger, 1, "worker-2", 60)
    assert renewed is not None
    outcome = Outcome(
        recovery=Recovery.NOTHING_DONE, at=clock(), sentence="It went away.", checks={"web": True}
    )
    investigations.close(ledger, renewed, outcome)
    investigations.close(ledger, renewed, outcome)
    investigations.release(ledger, lease)
    investigations.release(ledger, renewed)


def seen_again(ledger: Ledger, clock: HandClock) -> Iterator[object]:
    """A late copy opens nothing; the same cause comes again, and what is drafted for it is refused."""
    copied = a_delivery(clock(), alert(clock, 1, starts_at=clock() - timedelta(seconds=5)))
    news = a_delivery(clock(), alert(clock, 6, labels={"alertname": "A6", "pod": "web"}), group_key="g3")
    yield [one.model_dump(mode="json") for one in incidents.accept(ledger, [copied, news])]
    lease = investigations.take(ledger, 3, "worker-1", 60)
    assert lease is not None
    claim = Claim(text="It says so.", evidence=("E1",))
    investigations.write_diagnosis(
        ledger, lease, 1, Diagnosis(cause=CAUSE, claims=(claim,), confidence="low")
    )
    plan = a_plan(clock(), incident="INC-3", nonce="3" * 32)
    assert investigations.draft(ledger, lease, plan, "") == plan.id
    assert previews.refuse_draft(ledger, plan.id, "admission webhook denied it") is None
    assert not previews.ask_for_place(ledger, plan.id, "C1")
    cards.record_entry(ledger, 3, "evidence-E1", "3.6")


def told(ledger: Ledger, clock: HandClock) -> Iterator[object]:
    """What is read of it afterwards."""
    with ledger.read() as session:
        rows = [session.get_one(IncidentRow, number) for number in numbers(ledger)]
        yield [incidents.value_of(session, row).model_dump(mode="json") for row in rows]
    yield numbers(ledger, before=2)
    yield numbers(ledger, limit=1)
    for number in (1, 2, 3, 4):
        found = story(ledger, number)
        yield found and found.model_dump(mode="json")
    with ledger.read() as session:
        yield [one.model_dump(mode="json") for one in archive.closed(session)]
        yield [one.model_dump(mode="json") for one in consultations.tallies(session)]
        yield [one.model_dump(mode="json") for one in memory.seen_before(session, 2, CAUSE)]
        yield [incidents.joined(session, 2, seen) for seen in (None, [], ["f9"])]
        yield [str(investigations.is_resolved(session, number)) for number in (1, 2, 3)]
        yield sorted(cards.thread_keys(session, 1))
        yield [incidents.joined(session, 1, []), incidents.joined(session, 3, ["f9"])]
    yield turns.seconds_to_wait(ledger, 2, 1)
    yield turns.seconds_to_wait(ledger, 2, 2)


def test_a_life_leaves_these_rows_events_and_jobs_and_is_told_like_this(
    ledger: Ledger, clock: HandClock
) -> None:
    said: list[object] = [notified(ledger, clock)]
    jobs: list[object] = [*woken(ledger)]
    lease = investigated(ledger, clock)
    jobs += woken(ledger)
    plan = proposed(ledger, clock, lease)
    jobs += woken(ledger)
    ended(ledger, clock, lease)
    jobs += woken(ledger)
    said += [*seen_again(ledger, clock)]
    jobs += woken(ledger)
    with ledger.read() as session:
        found = moves.standing(session, plan)
    assert isinstance(found, moves.Standing)
    assert found.state is PlanState.CANCELLED
    said += [{"job": [lane, number, at and at.isoformat()]} for lane, number, at in jobs]  # type: ignore[misc]
    set_halt(ledger, halted=True, by="U0BEN", reason="")
    said += [*rows(ledger), *told(ledger, clock)]
    assert TOKEN not in as_lines(said).replace(f"look at {TOKEN}", "")
    assert {line[0] for line in jobs} == {Agent.INVESTIGATOR, Agent.GATEKEEPER, Agent.ACTOR}  # type: ignore[index]
    assert as_lines(said) == golden_lines("ledger/life", said)
