"""What the ledger remembers of closed incidents, and that a bent row tells nothing: on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from agents.auditor.verify import verify
from agents.incident import Claim, Diagnosis, Hypothesis, Outcome, Plan, Recovery, Verdict
from agents.ledger import decisions, incidents, investigations
from agents.ledger.investigations import Lease, Look
from agents.ledger.memory import judge, last_known, seen_before
from agents.ledger.moves import Move, move
from agents.ledger.past import Fate, Past
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_hidden import bend
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert
from tools.kubernetes.objects import ObjectRef

CHECKOUT = ObjectRef(kind="Deployment", namespace="shop", name="checkout", uid="u")
BAD_IMAGE = Hypothesis(code="deployment.rollout.bad_image", object=CHECKOUT, sentence="It is bad.", score=0.9)
DAY = 86_400.0
DONE = (
    (PlanState.PENDING, Agent.GATEKEEPER),
    (PlanState.APPROVED, Agent.GATEKEEPER),
    (PlanState.EXECUTING, Agent.ACTOR),
)


class Desk:
    """Incidents as intake, investigator, gatekeeper and actor write them."""

    def __init__(self, ledger: Ledger, clock: HandClock) -> None:
        self.ledger, self.clock, self.number = ledger, clock, 0
        self.plan: Plan | None = None

    def opens(self, cause: Hypothesis | None = BAD_IMAGE, **more: Any) -> Lease:
        """An incident with a diagnosis that cites one look."""
        self.number += 1
        labels = {"alertname": more.get("alert", "KubePodNotReady"), "namespace": "shop"}
        told = an_alert(self.clock(), fingerprint=f"f{self.number}", labels=labels)
        given = a_delivery(
            self.clock(), told, group_key=f"g{self.number}", source=more.get("cluster", "demo")
        )
        incidents.accept(self.ledger, [given])
        lease = investigations.take(self.ledger, self.number, "worker", 60)
        assert lease is not None
        look = Look(key="k", tool="kubernetes.list", query="GET /pods", excerpt="checkout")
        investigations.store_evidence(self.ledger, lease, [look])
        self.believes(lease, cause)
        return lease

    def believes(self, lease: Lease, cause: Hypothesis | None, turn: int = 1) -> None:
        found = Diagnosis(
            cause=cause, claims=(Claim(text="It says so.", evidence=("E1",)),), confidence="high"
        )
        investigations.write_diagnosis(self.ledger, lease, turn, found)

    def drafts(self, lease: Lease, **more: Any) -> None:
        self.clock.forward(1)
        plan = a_plan(
            self.clock(), incident=f"INC-{self.number}", nonce=f"{int(self.clock().timestamp()):032x}", **more
        )
        assert investigations.draft(self.ledger, lease, plan, "why") == plan.id
        self.plan = plan

    def moves(self, *way: tuple[PlanState, Agent]) -> None:
        assert self.plan is not None
        for to, by in way:
            with self.ledger.write() as tx:
                assert move(tx, Move(plan_id=self.plan.id, to=to, by=by)) is None

    def ends(self, lease: Lease, state: PlanState, found: Recovery | None = None) -> None:
        """The plan was done so, and what verification found a minute later."""
        self.moves(*DONE, (state, Agent.ACTOR))
        self.clock.forward(50)
        if found is not None and self.plan is not None:
            judge(self.ledger, lease, self.plan.id, found)

    def closes(self, lease: Lease, recovery: Recovery = Recovery.RECOVERED) -> None:
        investigations.close(
            self.ledger, lease, Outcome(recovery=recovery, at=self.clock(), sentence="It ended.")
        )
        self.clock.forward(DAY)

    def whole(
        self, state: PlanState = PlanState.SUCCEEDED, found: Recovery | None = Recovery.RECOVERED
    ) -> None:
        """An incident from its opening to its end."""
        lease = self.opens()
        self.drafts(lease)
        self.ends(lease, state, found)
        self.closes(lease, found or Recovery.NOTHING_DONE)

    def past(self, cause: Hypothesis | None = BAD_IMAGE) -> tuple[Past, ...]:
        with self.ledger.read() as session:
            return seen_before(session, self.number, cause)


@pytest.fixture
def desk(ledger: Ledger, clock: HandClock) -> Desk:
    return Desk(ledger, clock)


def fates(past: tuple[Past, ...]) -> list[tuple[int, list[Fate]]]:
    return [(one.incident, [attempt.fate for attempt in one.attempts]) for one in past]


def test_what_helped_is_remembered_with_how_long_it_took(desk):
    desk.whole()
    desk.opens()
    (past,) = desk.past()
    assert (past.incident, past.object.key, past.recovery) == (1, CHECKOUT.key, Recovery.RECOVERED)
    (attempt,) = past.attempts
    assert (attempt.step, attempt.fate, attempt.seconds) == (a_step(), Fate.HELPED, 50)
    assert verify(desk.ledger).ok


def test_each_end_of_a_change_has_its_fate_and_the_newest_incident_comes_first(desk):
    desk.whole(PlanState.SUCCEEDED, Recovery.NOT_RECOVERED)
    desk.whole(PlanState.FAILED, None)
    lease = desk.opens()
    desk.drafts(lease)
    desk.moves((PlanState.PENDING, Agent.GATEKEEPER))
    no = a_decision(desk.plan, desk.clock(), verdict=Verdict.DENY, reason="not at night")
    assert decisions.decide(desk.ledger, no) == decisions.Decided(state=PlanState.DENIED)
    desk.closes(lease, Recovery.NOTHING_DONE)
    desk.whole(PlanState.SUCCEEDED, None)
    desk.opens()
    assert fates(desk.past()) == [(4, []), (3, [Fate.REJECTED]), (2, [Fate.REFUSED]), (1, [Fate.NOT_HELPED])]
    assert desk.past()[1].attempts[0].words == "U0ADA: not at night"


def test_a_change_that_was_put_back_did_not_help(desk):
    lease = desk.opens()
    desk.drafts(lease)
    first = desk.plan
    desk.ends(lease, PlanState.SUCCEEDED, Recovery.RECOVERED)
    back = a_step(set=first.steps[0].expect | {}, expect={**first.steps[0].expect, "/metadata/generation": 5})
    lease = _still(desk, lease)
    desk.drafts(lease, undo_of=first.id, steps=(back,))
    desk.moves(*DONE, (PlanState.SUCCEEDED, Agent.ACTOR))
    desk.closes(lease, Recovery.NOT_RECOVERED)
    desk.opens()
    assert fates(desk.past()) == [(1, [Fate.NOT_HELPED])], "and the undo is no attempt of its own"


def test_only_what_was_proposed_for_this_cause_counts(desk):
    """Of an incident with two causes in turn, the second plan was for the second."""
    other = BAD_IMAGE.model_copy(update={"code": "workload.memory.limit_reached"})
    lease = desk.opens(other)
    desk.drafts(lease, steps=(a_step(verb="set_resources"),))
    desk.ends(lease, PlanState.SUCCEEDED, Recovery.NOT_RECOVERED)
    lease = _still(desk, lease)
    desk.believes(lease, BAD_IMAGE, 2)
    desk.drafts(lease)
    desk.ends(lease, PlanState.SUCCEEDED, Recovery.RECOVERED)
    desk.closes(_still(desk, lease))
    desk.opens()
    for cause, verb in ((BAD_IMAGE, "set_image"), (other, "set_resources")):
        (past,) = desk.past(cause)
        assert [attempt.step.verb for attempt in past.attempts] == [verb]


def test_what_is_open_or_later_or_of_another_cluster_or_long_ago_is_not_remembered(desk):
    desk.whole()
    desk.clock.forward(181 * DAY)
    desk.opens()
    lease = desk.opens(cluster="elsewhere")
    desk.closes(lease)
    desk.opens()
    now = desk.number
    desk.whole()
    desk.number = now
    assert desk.past() == ()
    assert desk.past(None) == ()


def test_elsewhere_counts_under_the_same_alert_and_comes_last(desk):
    cart = BAD_IMAGE.model_copy(update={"object": CHECKOUT.model_copy(update={"name": "cart"})})
    desk.whole()
    for cause, alert in ((cart, "KubePodNotReady"), (cart, "SomethingElse"), (None, "KubePodNotReady")):
        desk.closes(desk.opens(cause, alert=alert), Recovery.NOTHING_DONE)
    desk.opens()
    assert [(one.incident, one.object.name) for one in desk.past()] == [(1, "checkout"), (2, "cart")]


def test_no_more_is_remembered_than_a_person_reads(desk):
    for _ in range(8):
        desk.closes(desk.opens())
    desk.opens()
    assert [one.incident for one in desk.past()] == [8, 7, 6, 5, 4]


BENT = {
    "the bytes of the plan": "UPDATE plan SET canonical = CAST('{}' AS {bytes})",
    "where the plan stands": "UPDATE proposal SET state = 'FAILED'",
    "how the incident ended": "UPDATE incident SET outcome = '{nothing}' WHERE number = 1",
    "an end that is no end": "UPDATE incident SET outcome = '[]' WHERE number = 1",
    "what verification found": "UPDATE audit SET body = CAST('{}' AS {bytes}) WHERE tag = '{tag}'",
    "whose verdict it was": "UPDATE audit SET tag = '{tag}' WHERE tag = 'actor:step:answer' OR"
    " (tag = 'investigator:incident:close' AND incident = 1)",
}


@pytest.mark.parametrize("statement", BENT.values(), ids=BENT)
def test_a_bent_row_tells_nothing_and_says_so(desk, statement):
    desk.whole()
    desk.opens()
    assert not desk.past()[0].bent
    sqlite = desk.ledger.writer.dialect.name == "sqlite"
    nothing = '{"recovery": "nothing done", "at": "2026-11-24T00:30:00Z", "sentence": "x", "checks": {}}'
    filled = {
        "{bytes}": "BLOB" if sqlite else "BYTEA",
        "{nothing}": nothing.replace(": ", "\\:"),
        "{tag}": "investigator:change:judge".replace(":", "\\:"),
        "actor:step:answer": "actor\\:step\\:answer",
        "investigator:incident:close": "investigator\\:incident\\:close",
    }
    for mark, value in filled.items():
        statement = statement.replace(mark, value)
    bend(desk.ledger, statement)
    (past,) = desk.past()
    assert (past.incident, past.bent, past.attempts, past.recovery) == (1, True, (), None)


def test_a_verdict_is_recorded_once_however_often_the_stage_runs(desk):
    lease = desk.opens()
    desk.drafts(lease)
    desk.ends(lease, PlanState.SUCCEEDED, Recovery.RECOVERED)
    judge(desk.ledger, lease, desk.plan.id, Recovery.RECOVERED)
    with desk.ledger.read() as session:
        tag = {"tag": "investigator:change:judge"}
        rows = session.connection().execute(text("SELECT count(*) FROM audit WHERE tag = :tag"), tag)
        assert rows.scalar() == 1


def known(desk: Desk, *near: ObjectRef) -> tuple[int, frozenset[str]] | None:
    with desk.ledger.read() as session:
        found = last_known(session, desk.number, frozenset(ref.key for ref in near))
    return None if found is None else (found.incident, found.tools)


def test_where_to_look_first_comes_from_the_newest_sure_diagnosis_near_by(desk):
    desk.whole()
    desk.opens()
    tools = frozenset({"kubernetes.list"})
    assert known(desk, CHECKOUT) == (1, tools)
    cart = CHECKOUT.model_copy(update={"name": "cart"})
    other = CHECKOUT.model_copy(update={"namespace": "bank"})
    assert known(desk, cart, other) is None
    assert known(desk) is None
    desk.opens(alert="SomethingElse")
    assert known(desk, CHECKOUT) is None, "it says nothing of other alerts"
    bend(desk.ledger, "UPDATE proposal SET state = 'FAILED'")
    desk.number = 2
    assert known(desk, CHECKOUT) is None, "and nothing where a row is bent"


def test_many_of_that_name_in_other_namespaces_do_not_hide_the_one_near_by(desk):
    desk.whole()
    there = BAD_IMAGE.model_copy(update={"object": CHECKOUT.model_copy(update={"namespace": "bank"})})
    for _ in range(20):
        desk.closes(desk.opens(there))
    desk.opens()
    assert known(desk, CHECKOUT) == (1, frozenset({"kubernetes.list"}))


def test_the_past_is_found_by_an_index(desk):
    desk.whole()
    desk.opens()
    if desk.ledger.reader.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads a small table whole, whatever indexes it has")
    by_code = "json_extract(diagnosis.body, '$.cause.code') = 'x'"
    by_name = "json_extract(diagnosis.body, '$.cause.object.name') IN ('x')"
    with desk.ledger.read() as session:
        for wanted, index in ((by_code, "ix_diagnosis_cause"), (by_name, "ix_diagnosis_object")):
            query = f"SELECT incident FROM diagnosis WHERE {wanted} AND incident < 9 ORDER BY incident DESC"
            told = str(session.connection().execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
            assert index in told
            assert "TEMP B-TREE" not in told, "and newest first, however many there are"


def _still(desk: Desk, lease: Lease) -> Lease:
    """The lease taken anew: time went on."""
    investigations.release(desk.ledger, lease)
    again = investigations.take(desk.ledger, lease.incident, "worker", 3600)
    assert again is not None
    return again
