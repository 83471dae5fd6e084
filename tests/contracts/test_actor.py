"""The actor over a cluster's real API, one plan at a time: what it rehearses, checks, sends and says."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agents.actor.perform import perform
from agents.actor.preview import preview
from agents.actor.work import LOOK_AGAIN_S, advance
from agents.ledger import previews, sealing
from agents.ledger.executions import NotOurs
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger, set_halt
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import woken
from tests.support.actor_bench import NEW, OLD, Bench, bench
from tests.support.kubernetes_world import MERGE_PATCH, ContractCluster, contract_cluster
from tests.support.pretend_queue import RememberingQueue
from tools import crash
from tools.kubernetes.client import connect
from tools.kubernetes.errors import Forbidden, KubernetesError, TimedOut, Unreachable
from tools.policy.facts import MOST_MARKS, Radius
from tools.policy.load import PolicyFile


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture
def at(cluster: ContractCluster, clock: HandClock, empty: Path, tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "ledger.db").write_bytes(empty.read_bytes())
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    with bench(cluster, ledger, tmp_path) as made:
        yield made
    ledger.close()


@contextmanager
def passing(*points: str) -> Iterator[list[str]]:
    """Which of these points of a crash are passed, in order; nobody dies."""
    passed: list[str] = []
    before = signal.signal(
        signal.SIGUSR1, lambda *_: passed.extend(p for p in points if p not in {*crash._armed, *passed})
    )
    for point in points:
        crash.arm(point, signal.SIGUSR1)
    try:
        yield passed
    finally:
        signal.signal(signal.SIGUSR1, before)
        crash._armed.clear()


def answering(problem: KubernetesError) -> Callable[[], object]:
    """What the API server, or the way to it, says instead of doing a change."""

    def refuse() -> None:
        raise problem

    return refuse


def test_a_plan_is_done_step_by_step_and_may_be_killed_at_every_point(at: Bench) -> None:
    plan = at.approved("one", "two")
    before = [
        int(at.space.get("deployments", name)["metadata"]["resourceVersion"]) for name in ("one", "two")
    ]
    with passing("c2", "c3", "c4", "c6", "c7", "c8", "c9") as passed:
        advance(at.hands, 1)
    assert passed == ["c2", "c3", "c4", "c6", "c9", "c7", "c8"]
    assert at.stands(plan) == (PlanState.SUCCEEDED, "every step was acknowledged")
    assert (at.image("one"), at.image("two"), at.sent()) == (NEW, NEW, 2)
    found = at.receipts(plan)
    assert [(one.step, one.http_status, one.outcome) for one in found] == [
        (1, 200, "applied"),
        (2, 200, "applied"),
    ]
    assert all(int(one.resource_version) > old for one, old in zip(found, before, strict=True))


def test_a_draft_is_shown_as_the_api_server_would_do_it(at: Bench, clock: HandClock) -> None:
    plan = at.drafted(at.step("web"))
    advance(at.hands, 1)
    with at.ledger.read() as session:
        shown = previews.preview_of(session, plan.id)
    assert shown is not None
    assert (shown.plan_id, shown.at, shown.warnings) == (plan.id, clock(), ())
    (diff,) = shown.diffs
    lines = [line[0] + line[1:].strip() for line in diff.splitlines() if OLD in line or NEW in line]
    assert lines == [f"-image: {OLD}", f"+image: {NEW}"]
    assert at.stands(plan) == (PlanState.DRAFT, "")
    at.meddle("web")
    advance(at.hands, 1)
    assert at.stands(plan) == (PlanState.DRAFT, ""), "what was rehearsed is not rehearsed again"


def test_a_draft_that_does_not_fit_is_refused_and_never_shown(at: Bench) -> None:
    step = at.step("web")
    elsewhere = at.drafted(step, cluster_uid="another cluster")
    advance(at.hands, 1)
    assert at.stands(elsewhere) == (PlanState.REFUSED, "the plan was made for another cluster")
    odd = at.drafted(step.model_copy(update={"set": {"/spec/replicas": 3}}))
    advance(at.hands, 1)
    state, why = at.stands(odd)
    assert state is PlanState.REFUSED
    assert "/spec/replicas" in why
    at.meddle("web")
    late = at.drafted(step)
    advance(at.hands, 1)
    state, why = at.stands(late)
    assert state is PlanState.REFUSED
    assert why.startswith(f"{step.target} changed since it was looked at: /metadata/generation")


def test_a_refused_dry_run_is_told_and_without_an_api_server_it_is_tried_again(
    at: Bench, cluster: ContractCluster
) -> None:
    plan = at.drafted(at.step("web"))
    with pytest.raises(Unreachable):
        preview(replace(at.hands, cluster=replace(at.hands.cluster, server="https://127.0.0.1:1")), plan)
    assert at.stands(plan) == (PlanState.DRAFT, "")
    reader = connect(cluster.config_of("reader"), "actor")
    preview(replace(at.hands, cluster=reader), plan)
    reader.close()
    state, why = at.stands(plan)
    assert state is PlanState.REFUSED
    assert "cannot patch resource" in why


def test_what_is_not_as_it_was_signed_is_not_begun_and_that_is_said(at: Bench) -> None:
    step = at.step("web")
    for changes, why in (
        ({"cluster_uid": "another cluster"}, "this connection leads to another cluster"),
        ({}, "the API server would now do something else than was shown"),
        ({"steps": (step.model_copy(update={"set": {"/spec/replicas": 3}}),)}, "/spec/replicas"),
    ):
        plan = at.drafted(step, **changes)
        at.shown(plan, "a" * 64)
        advance(at.hands, int(at.signed(plan).incident.removeprefix("INC-")))
        state, said = at.stands(plan)
        assert state is PlanState.STALE
        assert said == why or ("/" in why and why in said)
    plan = at.approved("other")
    at.meddle("other")
    advance(at.hands, 1)
    state, why = at.stands(plan)
    assert state is PlanState.STALE
    assert why.startswith(f"{plan.steps[0].target} changed since it was shown: /metadata/generation")
    assert (at.sent(), at.receipts(plan), at.image("web"), at.image("other")) == (0, [], OLD, OLD)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"tier": "gold"}, "tier=gold marks it as critical"),
        (
            {f"l{n}": "x" for n in range(MOST_MARKS + 1)},
            "a target carries more labels or annotations than a plan can state",
        ),
    ],
)
def test_labels_that_came_after_the_signature_count(at: Bench, labels: dict[str, str], why: str) -> None:
    (policy := at.hands.roster_file.with_name("policy.yaml")).write_text(
        "version: 1\nallow: [{name: all}]\ncritical_labels: [tier=gold]\n"
        "rules: [{name: grave, when: incident.severity == 'critical', deny: not at night}]\n"
    )
    hands = replace(at.hands, policy_file=PolicyFile(path=policy))
    plan = at.approved("web", radius=(Radius(labels={"app": "web"}, replicas=0),))
    assert hands.refused(plan) == ""
    at.space.patch("deployments", "web", {"metadata": {"labels": labels}}, MERGE_PATCH)
    advance(hands, 1)
    state, said = at.stands(plan)
    assert (state, at.sent()) == (PlanState.STALE, 0)
    assert said == why if len(labels) > 1 else why in said
    policy.write_text(policy.read_text().replace("'critical'", "'warning'"))
    assert "'grave' refuses it: not at night" in hands.refused(plan)


@pytest.mark.parametrize("names", [("one",), ("one", "two", "three")])
def test_a_halt_stops_before_the_next_step_and_says_so(at: Bench, names: tuple[str, ...]) -> None:
    held = at.claimed(*names)
    if len(names) == 1:
        at.hands.halt_file.touch()
        perform(at.hands, held)
        assert at.stands(held.plan) == (PlanState.FAILED, Objection.HALTED.value)
        assert (at.sent(), at.receipts(held.plan)) == (0, [])
        return
    perform(at.before(at.hands.halt_file.touch), held)
    assert at.stands(held.plan) == (PlanState.PARTIAL, Objection.HALTED.value)
    assert (at.sent(), len(at.receipts(held.plan)), at.image("two")) == (1, 1, OLD)


def test_a_halt_that_only_the_ledger_knows_stops_the_intent(at: Bench) -> None:
    held = at.claimed("one", "two", "three")

    def halt() -> None:
        set_halt(at.ledger, halted=True, by="ada", reason="a drill")

    perform(at.before(halt), held)
    assert at.stands(held.plan) == (PlanState.PARTIAL, Objection.HALTED.value)
    assert (at.sent(), len(at.receipts(held.plan))) == (1, 1)


def test_a_halt_between_intent_and_send_sends_nothing(at: Bench) -> None:
    held = at.claimed("one", "two", "three")
    before = signal.signal(signal.SIGUSR1, lambda *_: at.hands.halt_file.touch())
    crash.arm("c4", signal.SIGUSR1)
    try:
        perform(at.hands, held)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert at.stands(held.plan) == (PlanState.FAILED, Objection.HALTED.value)
    (only,) = at.receipts(held.plan)
    assert (at.sent(), only.http_status, only.outcome) == (0, None, "not sent: halted")


def test_an_actor_whose_time_to_send_is_over_sends_nothing(at: Bench) -> None:
    held = at.claimed("web")
    with pytest.raises(NotOurs, match=f"^{Objection.NOT_OWNER.value}$"):
        perform(at.hands, replace(held, send_before=0.0))
    assert (at.sent(), at.stands(held.plan)[0]) == (0, PlanState.EXECUTING)


LOST, FORBIDDEN = TimedOut("the answer was lost"), Forbidden("the actor may not patch", 403)


@pytest.mark.parametrize(
    ("names", "problem", "state", "status"),
    [
        (("one",), None, PlanState.STALE, 422),
        (("one", "two", "three"), None, PlanState.PARTIAL, 422),
        (("one",), FORBIDDEN, PlanState.FAILED, 403),
        (("one", "two", "three"), FORBIDDEN, PlanState.PARTIAL, 403),
        (("one",), LOST, PlanState.UNKNOWN, None),
        (("one", "two", "three"), LOST, PlanState.UNKNOWN, None),
    ],
)
def test_after_a_step_that_was_not_done_nothing_goes_on(
    at: Bench, names: tuple[str, ...], problem: KubernetesError | None, state: PlanState, status: int | None
) -> None:
    held, nth = at.claimed(*names), min(2, len(names))

    def trouble() -> None:
        if at.sent() == nth - 1 and problem is None:
            at.meddle(names[nth - 1])
        elif at.sent() == nth - 1 and problem is not None:
            raise problem

    with passing("c6") as passed:
        perform(at.before(trouble), held)
    assert passed == ["c6"], "killed here, what was answered is not on record yet"
    found = at.receipts(held.plan)
    assert [one.http_status for one in found] == [200] * (nth - 1) + [status]
    said = found[-1].outcome
    assert said == (str(problem) if problem else said)
    assert "None" not in said
    assert at.stands(held.plan) == (state, said)


def test_what_cannot_be_claimed_yet_is_looked_at_again(at: Bench, clock: HandClock) -> None:
    plan = at.approved("web")
    soon = ("actor", 1, clock() + timedelta(seconds=LOOK_AGAIN_S))
    at.hands.halt_file.touch()
    woken(at.ledger)
    advance(at.hands, 1)
    assert woken(at.ledger) == [soon]
    at.hands.halt_file.unlink()
    advance(replace(at.hands, sealed=True), 1)
    assert soon in woken(at.ledger)
    advance(replace(at.hands, roster_file=at.hands.halt_file), 1)
    assert soon in woken(at.ledger)
    assert at.stands(plan)[0] is PlanState.APPROVED
    sealing.opened(at.ledger, plan.id, ["uid"])
    woken(at.ledger)
    advance(replace(at.before(answering(LOST)), sealed=True), 1)
    assert at.stands(plan) == (PlanState.UNKNOWN, "the answer was lost")
    assert soon not in woken(at.ledger), "whoever ended it need not look so soon"
    assert at.image("web") == OLD
