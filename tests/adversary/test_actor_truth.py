"""What the actor does when the world is not as it was shown (threats T15 to T18, T34, T36, T37, T49)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from agents.actor.hands import Hands
from agents.actor.perform import perform
from agents.actor.preview import preview
from agents.actor.work import advance
from agents.gatekeeper.cards import render
from agents.gatekeeper.paging import pages
from agents.incident import Approver, Plan, Verdict
from agents.ledger import decisions, executions
from agents.ledger.executions import Claim, NotOurs
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import read_roster
from agents.ledger.story import story
from agents.ledger.tables import DecisionRow
from agents.ledger.tags import Tag
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.faults import Fault
from tests.support.datacentre import data_centre
from tests.support.hands import approval, approved, drafted, hands_of, meddling, sent, shown, waiting
from tests.support.signed import DEPLOYMENTS, broken_copies
from tests.support.story import Scene, scene_in
from tools.kubernetes.client import Request, connect
from tools.kubernetes.errors import KubernetesError

MEDDLED = b'[{"op":"add","path":"/spec/minReadySeconds","value":%d}]'


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def at(centre: DataCentre, tmp_path: Path) -> Iterator[Scene]:
    with scene_in(centre, tmp_path) as made:
        yield made


@pytest.fixture
def hands(at: Scene) -> Iterator[Hands]:
    with hands_of(at) as made:
        yield made


@pytest.fixture
def name(centre: DataCentre, request: pytest.FixtureRequest) -> str:
    """A Deployment of this test's own."""
    return copies(centre, request.node.name, 1)[0]


def copies(centre: DataCentre, test: str, count: int) -> list[str]:
    stem = test.partition("[")[0].replace("_", "-")[5:40].strip("-")
    names = [f"{stem}-{random.randrange(10**6)}-{n}" for n in range(count)]
    broken_copies(centre, names)
    return names


def by_hand(centre: DataCentre, name: str, body: bytes, method: str = "PATCH") -> None:
    """Somebody else changes the Deployment, as an administrator."""
    cluster = connect(centre.kubernetes.kubeconfig("admin"), "a person")
    path = f"{DEPLOYMENTS}/{name}"
    try:
        cluster.send(Request(method=method, path=path, body=body, content_type="application/json-patch+json"))
    finally:
        cluster.close()


def ours(at: Scene, plan: Plan) -> int:
    names = {step.name for step in plan.steps}
    return len([one for one in at.effects() if one.name in names and "actor" in one.user])


def ended(at: Scene, state: PlanState, words: str = "") -> None:
    view = at.plan()
    assert view is not None
    assert view.state is state, view.reason
    assert words in view.reason
    assert at.whole() == ()


def test_t15_an_object_that_changed_since_the_card_is_left_alone_and_the_card_says_what(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    by_hand(at.centre, name, MEDDLED % 7)
    advance(hands, 1)
    ended(at, PlanState.STALE, "/metadata/generation")
    assert (sent(hands), ours(at, plan)) == ([], 0)


def test_t15_an_object_that_changes_just_before_the_send_is_left_alone_by_the_server(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    advance(meddling(hands, lambda: by_hand(at.centre, name, MEDDLED % 9)), 1)
    ended(at, PlanState.STALE)
    assert len(sent(hands)) == 1
    assert ours(at, plan) == 0


def test_t16_a_namesake_that_was_created_meanwhile_is_another_object(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    at.centre.cluster.store.delete("deployments", "shop", name)
    at.until(
        lambda: not any(o["metadata"]["name"] == name for o in at.centre.cluster.store.list("deployments"))
    )
    broken_copies(at.centre, [name])
    advance(hands, 1)
    ended(at, PlanState.STALE, "/metadata/uid")
    assert (sent(hands), ours(at, plan)) == ([], 0)


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
    called = pages(told, read_roster(hands.roster_file))
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


def test_t34_a_connection_that_leads_to_another_cluster_is_not_used(
    at: Scene, hands: Hands, name: str
) -> None:
    with pytest.raises(AssertionError):
        # Not even rehearsed: the draft is refused, so nobody is ever asked to sign it.
        waiting(hands, name, cluster_uid="another cluster")
    ended(at, PlanState.REFUSED, "another cluster")


def test_t34_a_cluster_that_was_swapped_behind_the_address_is_noticed_before_the_send(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    store = at.centre.cluster.store
    space = store._stored(_namespaces(), None, "kube-system")
    before = space["metadata"]["uid"]
    space["metadata"]["uid"] = "another cluster"
    try:
        advance(hands, 1)
    finally:
        space["metadata"]["uid"] = before
    ended(at, PlanState.STALE, "another cluster")
    assert (sent(hands), ours(at, plan)) == ([], 0)


def _namespaces() -> object:
    from evals.world.kubernetes.store import _kind

    return _kind("namespaces")


def test_t36_of_a_plan_of_several_steps_nothing_goes_on_after_one_that_was_refused(
    at: Scene, hands: Hands, centre: DataCentre, request: pytest.FixtureRequest
) -> None:
    first, second, third = copies(centre, request.node.name, 3)
    plan = approved(hands, at, first, second, third)
    # Just before the second step leaves, somebody else changes what it is about.
    meddled = meddling(hands, lambda: by_hand(centre, second, MEDDLED % 5) if sent(hands) else None)
    advance(meddled, 1)
    ended(at, PlanState.PARTIAL)
    assert (len(sent(hands)), ours(at, plan)) == (2, 1)
    view = at.plan()
    assert view is not None
    assert [receipt.http_status for receipt in view.receipts] == [200, 422]
    told = at.told()
    assert told is not None
    card = json.dumps(render(told, hands.seal, "http://here").blocks)
    assert f"{first}" in card
    assert ": done" in card
    assert ": not done (" in card
    assert ": not begun" in card
    # It is over: no later look, restart or second actor begins the rest.
    with hands_of(at) as another:
        advance(another, 1)
        assert sent(another) == []


def test_t36_a_halt_between_two_steps_leaves_the_rest_undone_and_says_so(
    at: Scene, hands: Hands, centre: DataCentre, request: pytest.FixtureRequest
) -> None:
    names = copies(centre, request.node.name, 2)
    plan = approved(hands, at, *names)
    stopped = meddling(hands, hands.halt_file.touch)
    advance(stopped, 1)
    ended(at, PlanState.PARTIAL, "halted")
    assert ours(at, plan) == 1


def claim_of(hands: Hands, plan: Plan) -> Claim:
    held = executions.claim(hands.ledger, plan.id, hands.actor_id, hands.still_valid)
    assert isinstance(held, Claim)
    return held


def test_t37_a_zombie_that_wakes_up_after_its_intent_sends_nothing(
    at: Scene, hands: Hands, name: str
) -> None:
    """As after SIGSTOP between the intent and the send: its own clock tells that its time is over."""
    plan = approved(hands, at, name)
    held = claim_of(hands, plan)
    with suppress(NotOurs):
        perform(hands, replace(held, send_before=0.0))
    assert (sent(hands), ours(at, plan)) == ([], 0)
    view = at.plan()
    assert view is not None
    assert view.state is PlanState.EXECUTING
    assert len(view.receipts) == 1


def test_t37_a_zombie_writes_nothing_once_somebody_else_concluded(at: Scene, hands: Hands, name: str) -> None:
    plan = approved(hands, at, name)
    held = claim_of(hands, plan)
    now = at.ledger.now()
    over = now + (held.lease_until - now) * 3
    at.ledger._clock = lambda: over
    with hands_of(at) as successor:
        advance(successor, 1)
        ended(at, PlanState.NOT_APPLIED)
        assert sent(successor) == []
    with pytest.raises(NotOurs):
        perform(hands, held)
    assert (sent(hands), ours(at, plan)) == ([], 0)
    ended(at, PlanState.NOT_APPLIED)


def test_an_unknown_that_reading_cannot_resolve_calls_people_once(at: Scene, hands: Hands, name: str) -> None:
    plan = approved(hands, at, name)
    held = claim_of(hands, plan)
    executions.intend(hands.ledger, held, 1, "b" * 64)
    by_hand(at.centre, name, MEDDLED % 11)
    now = at.ledger.now()
    over = now + (held.lease_until - now) * 3
    at.ledger._clock = lambda: over
    for _ in range(3):
        advance(hands, 1)
    ended(at, PlanState.UNKNOWN)
    assert len(at.said(Tag.HELP_WANTED)) == 1
    told = at.told()
    assert told is not None
    called = pages(told, read_roster(hands.roster_file))
    assert [page.key for page in called] == [f"page-{plan.id}-unknown"]
    assert called[0].who == (at.centre.addresses()["slack"]["users"]["oncall"],)
    assert "please look" in json.dumps(render(told, hands.seal, "http://here").blocks)
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
