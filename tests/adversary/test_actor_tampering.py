"""What the actor does with rows that somebody wrote, and with rehearsals that are refused (T17, T18, T49)."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy import text

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.actor.work import advance
from agents.gatekeeper.paging import pages
from agents.incident import Approver, Verdict
from agents.ledger import decisions, executions
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import read_roster
from agents.ledger.story import story
from agents.ledger.tables import DecisionRow
from evals.world.kubernetes.faults import Fault
from tests.support.actor_scene import ended, ours
from tests.support.hands import approval, approved, drafted, sent, shown, waiting
from tests.support.story import Scene
from tools.kubernetes.errors import KubernetesError


def bent(at: Scene, statement: str, **values: object) -> None:
    """Somebody who can write the database does, whatever triggers stand in the way."""
    with at.ledger.writer.begin() as connection:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
        for trigger in list(found):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text(statement), values)


@pytest.mark.parametrize("seed", range(5))
def test_t17_a_plan_that_was_swapped_in_the_database_is_set_aside_and_people_are_called(
    at: Scene, hands: Hands, name: str, seed: int
) -> None:
    plan = approved(hands, at, name)
    edit = bytearray(plan.canonical())
    where = random.Random(seed).randrange(len(edit))
    edit[where] ^= 1
    bent(at, "UPDATE plan SET canonical = :bytes", bytes=bytes(edit))
    assert executions.claim(at.ledger, plan.id, "actor", hands.still_valid) is Objection.TAMPERED
    advance(hands, 1)
    assert (sent(hands), ours(at, plan)) == ([], 0)
    told = story(at.ledger, 1)
    assert told is not None
    called = pages(told, read_roster(hands.roster_file).with_members(()))
    assert [page.plan_id for page in called] == [plan.id]
    assert called[0].who
    assert "set aside" in called[0].why


@pytest.mark.parametrize("how", ["made up", "of another plan", "digest changed", "unsealed"])
def test_t18_a_decision_that_was_written_into_the_database_sets_the_plan_aside(
    at: Scene, hands: Hands, name: str, how: str
) -> None:
    plan = waiting(hands, name)
    slack = at.centre.addresses()["slack"]
    ada = Approver(team_id=slack["team_id"], user_id=slack["users"]["oncall"])
    honest = approval(at, plan, ada)
    forged = {
        "made up": honest.model_copy(update={"mac": "0" * 64}),
        "of another plan": hands.seal.sealed(honest.model_copy(update={"plan_id": "0" * 16})).model_copy(
            update={"plan_id": plan.id}
        ),
        "digest changed": hands.seal.sealed(honest.model_copy(update={"plan_digest": "0" * 64})).model_copy(
            update={"plan_digest": plan.digest}
        ),
        "unsealed": honest,
    }[how]
    with at.ledger.write() as tx:
        body = forged.model_dump(mode="json")
        row = {"plan_id": plan.id, "team_id": ada.team_id, "user_id": ada.user_id, "verdict": "approve"}
        tx.session.add(DecisionRow(**row, body=body))
    bent(at, "UPDATE proposal SET state = 'APPROVED'")
    advance(hands, 1)
    assert at.stands(PlanState.QUARANTINED)
    assert (sent(hands), ours(at, plan)) == ([], 0)


@pytest.mark.parametrize("how", ["a deny taken away", "a state set by hand", "an event rewritten"])
def test_t18_rows_that_the_record_does_not_tell_set_the_plan_aside(
    at: Scene, hands: Hands, name: str, how: str
) -> None:
    plan = approved(hands, at, name)
    ada = Approver(team_id=at.centre.addresses()["slack"]["team_id"], user_id="U0SOMEBODY")
    if how != "an event rewritten":
        no = approval(at, plan, ada).model_copy(update={"verdict": Verdict.DENY, "reason": "no"})
        decisions.decide(at.ledger, hands.seal.sealed(no))
        assert at.stands(PlanState.DENIED)
        if how == "a deny taken away":
            bent(at, "DELETE FROM decision WHERE verdict = 'deny'")
        bent(at, "UPDATE decision SET verdict = 'approve', body = replace(body, '\"deny\"', '\"approve\"')")
        bent(at, "UPDATE proposal SET state = 'APPROVED'")
    else:
        edit = "CAST(replace(CAST(body AS TEXT), 'U0', 'U1') AS BLOB)"
        bent(at, f"UPDATE audit SET body = {edit} WHERE tag = 'gatekeeper:plan:decide'")
    advance(hands, 1)
    assert at.stands(PlanState.QUARANTINED)
    assert (sent(hands), ours(at, plan)) == ([], 0)


def test_t18_a_roster_that_allows_it_does_not_make_a_forged_decision_good(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    body = orjson.dumps({**approval(at, plan, Approver(team_id="T", user_id="U")).model_dump(mode="json")})
    bent(at, "UPDATE decision SET body = :body", body=body.decode())
    advance(hands, 1)
    assert at.stands(PlanState.QUARANTINED)
    assert sent(hands) == []


def refusing(at: Scene, name: str, status: int, times: int | None = None) -> None:
    """An admission webhook that answers the dry-runs of this Deployment's changes so."""
    fault = Fault(verb="patch", resource="deployments", name=name, dry_run=True, status=status, times=times)
    at.centre.kubernetes.faults.add(fault)


@pytest.fixture
def calm(at: Scene) -> Iterator[None]:
    yield
    at.centre.kubernetes.faults.clear()


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(
    ("status", "words"), [(400, "does not support dry run"), (403, "denied the request")]
)
def test_t49_a_dry_run_that_admission_refuses_is_never_shown_for_signing(
    at: Scene, hands: Hands, name: str, status: int, words: str
) -> None:
    plan = drafted(hands, name)
    refusing(at, name, status)
    preview(hands, plan)
    assert isinstance(shown(hands, plan), Objection)
    ended(at, PlanState.REFUSED, words)
    assert (sent(hands), ours(at, plan)) == ([], 0)


@pytest.mark.usefixtures("calm")
def test_t49_a_dry_run_that_failed_for_now_is_done_again_and_not_skipped(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = drafted(hands, name)
    refusing(at, name, 503, times=1)
    with pytest.raises(KubernetesError) as problem:
        preview(hands, plan)
    assert problem.value.retryable
    assert isinstance(shown(hands, plan), Objection), "what was not rehearsed is not asked about"
    preview(hands, plan)
    assert shown(hands, plan) is None
    assert ours(at, plan) == 0


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("status", [403, 503])
def test_t49_a_dry_run_that_is_refused_after_the_signature_sends_nothing(
    at: Scene, hands: Hands, name: str, status: int
) -> None:
    plan = approved(hands, at, name)
    refusing(at, name, status)
    advance(hands, 1)
    ended(at, PlanState.FAILED, "could not be checked")
    assert (sent(hands), ours(at, plan)) == ([], 0)
