"""A storm in the chat: five cards that ask, one digest for the rest, and nothing lost as places free up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.gatekeeper.digest import tell
from agents.gatekeeper.office import Office
from agents.gatekeeper.posting import advance
from agents.incident import Claim, Diagnosis, Outcome, Plan, Preview, Recovery, Verdict
from agents.ledger import decisions, incidents, investigations, previews
from agents.ledger.investigations import Lease, Look
from agents.ledger.lines import LANE, MOST_ASKING
from agents.ledger.store import Ledger
from agents.ledger.waiting import asking
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS
from evals.world.slack.wire import JsonObject
from midwatch.wiring import office_of
from tests.contracts.test_ledger_record import record
from tests.support import chat_office
from tests.support.front_desk import settings_for
from tests.support.live_text import words_in
from tests.support.patience import patient
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert
from tools.queue.port import Job, Later
from tools.redaction import redact
from tools.slack_pace import Pace


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


office = chat_office.office


def arrived(ledger: Ledger, number: int, **labels: str) -> Lease:
    """Incident ``number``, and somebody looks into it."""
    now = ledger.now()
    said = {"alertname": "KubePodNotReady", "namespace": "shop", "severity": "warning", **labels}
    alert = an_alert(now, fingerprint=f"f{number}", labels=said)
    incidents.accept(ledger, [a_delivery(now, alert, group_key=f"g{number}")])
    lease = investigations.take(ledger, number, "the test", 60)
    assert lease is not None
    return lease


def diagnosed(ledger: Ledger, number: int, **labels: str) -> Lease:
    """Incident ``number``, of which nobody knows the cause."""
    lease = arrived(ledger, number, **labels)
    investigations.write_diagnosis(ledger, lease, 1, Diagnosis(cause=None, confidence="none"))
    return lease


def opened(ledger: Ledger, number: int, **labels: str) -> None:
    """Incident ``number``, with something to tell and nothing to ask."""
    investigations.release(ledger, diagnosed(ledger, number, **labels))


def asks(ledger: Ledger, number: int, **labels: str) -> Plan:
    """Incident ``number`` with a rehearsed draft."""
    lease = diagnosed(ledger, number, **labels)
    plan = drafted(ledger, lease)
    investigations.release(ledger, lease)
    return plan


def drafted(ledger: Ledger, lease: Lease) -> Plan:
    number = lease.incident
    step = a_step(name=f"web-{number}", uid=f"uid-{number}")
    plan = a_plan(ledger.now(), incident=f"INC-{number}", steps=(step,), nonce=f"{number:032x}")
    assert investigations.draft(ledger, lease, plan, "why") == plan.id
    shown = Preview(plan_id=plan.id, at=ledger.now(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    return plan


def denied(ledger: Ledger, plan: Plan) -> None:
    no = a_decision(plan, ledger.now(), verdict=Verdict.DENY, reason=f"not {plan.id}")
    assert isinstance(decisions.decide(ledger, no), decisions.Decided)


def over(ledger: Ledger, number: int) -> None:
    lease = investigations.take(ledger, number, "the test", 60)
    assert lease is not None
    done = Outcome(recovery=Recovery.NOTHING_DONE, at=ledger.now(), sentence="It went away.")
    investigations.close(ledger, lease, done)
    investigations.release(ledger, lease)


def looks(office: Office, *numbers: int) -> None:
    for number in numbers:
        asyncio.run(advance(office, number))


def keys(slack: SlackServer, channel: str = INCIDENTS) -> list[str]:
    """The keys of the messages that are in the channel."""
    messages = slack.workspace.messages[channel].values()
    return [one["metadata"]["event_payload"]["key"] for one in messages if "metadata" in one]


def said(slack: SlackServer, key: str, channel: str = INCIDENTS) -> str:
    """All that the message with this key says now."""
    (found,) = [
        one
        for one in slack.workspace.messages[channel].values()
        if one.get("metadata", {}).get("event_payload", {}).get("key") == key
    ]
    return "\n".join(words_in(found["blocks"])).replace("\n\n", "\n")


def calls(slack: SlackServer, since: int) -> list[tuple[str, JsonObject]]:
    return [(call.method, call.arguments) for call in slack.calls[since:] if call.method.startswith("chat.")]


def test_beyond_five_cards_one_digest_tells_the_rest_the_gravest_first(
    office: Office, slack: SlackServer
) -> None:
    for number in range(1, 8):
        asks(office.ledger, number, **({"severity": "critical"} if number == 7 else {}))
    looks(office, *range(1, 8))
    asyncio.run(tell(office, 1))
    assert keys(slack) == [*(f"incident-{n}" for n in range(1, 6)), "digest-1"]
    told = said(slack, "digest-1")
    assert told.startswith("2 incidents wait for room in this channel\n5 of at most 5 changes wait")
    assert told.index("Critical: Pod not ready") < told.index("Warning: Pod not ready")
    assert "demo / shop, waits since 00:30 UTC\nThe cause is not established.\nProposed: " in told
    assert "(expires 01:00 UTC)" in told
    (digest,) = [one for one in slack.workspace.messages[INCIDENTS].values() if "waits since" in str(one)]
    assert f"{office.public_url}/incidents/7" in str(digest)
    assert [body["waiting"] for _, body, *_ in record(office.ledger, "gatekeeper:digest:post")] == [2]


def test_who_gets_the_free_place_leaves_the_digest_until_the_storm_is_over(
    office: Office, slack: SlackServer
) -> None:
    plans = [asks(office.ledger, number) for number in range(1, 8)]
    looks(office, *range(1, 8))
    asyncio.run(tell(office, 1))
    ts = slack.wait_for_call("chat.postMessage").arguments["metadata"]
    denied(office.ledger, plans[0])
    looks(office, 1, 7, 6)
    asyncio.run(tell(office, 1))
    assert keys(slack) == [*(f"incident-{n}" for n in range(1, 6)), "digest-1", "incident-6"], ts
    assert "1 incident waits" in said(slack, "digest-1")
    assert "INC-6" not in said(slack, "digest-1")
    denied(office.ledger, plans[1])
    looks(office, 2, 7)
    asyncio.run(tell(office, 1))
    assert keys(slack)[-1] == "incident-7"
    assert said(slack, "digest-1") == (
        "The storm is over  \n2 incidents had to wait here. Each has a card of its own by now, or is over."
    )
    # The next storm is news, and so is its message.
    for number in (8, 9):
        asks(office.ledger, number)
    looks(office, 8, 9)
    asyncio.run(tell(office, 2))
    assert keys(slack)[-1] == "digest-2"
    assert "The storm is over" in said(slack, "digest-1")


def test_a_thread_goes_on_when_the_channel_has_a_turn_to_spare_and_a_card_never_waits_for_it(
    office: Office, slack: SlackServer
) -> None:
    clock = Clock()
    office.slack = replace(office.slack, pace=Pace(clock=clock, sleep=clock.sleep))
    lease = arrived(office.ledger, 1)
    seen = [
        Look(key=str(n), tool="kubernetes.logs", query=redact("q"), excerpt=redact(f"line {n}"), ok=True)
        for n in range(3)
    ]
    evidence = investigations.store_evidence(office.ledger, lease, seen)
    said_so = tuple(Claim(text="It says so.", evidence=(one.id,)) for one in evidence)
    found = Diagnosis(cause=None, claims=said_so, confidence="none")
    investigations.write_diagnosis(office.ledger, lease, 1, found)
    with pytest.raises(Later) as later:
        looks(office, 1)
    posts = [call.arguments for call in slack.calls if call.method == "chat.postMessage"]
    assert ["thread_ts" in one for one in posts] == [False, True]
    opened(office.ledger, 2)
    with suppress(Later):
        looks(office, 2)
    assert keys(slack) == ["incident-1", "incident-2"]
    assert clock.now == Clock().now, "nobody slept"
    while True:
        clock.now += later.value.seconds
        with suppress(Later):
            looks(office, 1)
            break
    posts = [call.arguments for call in slack.calls if call.method == "chat.postMessage"]
    assert sum("thread_ts" in one for one in posts) == len(seen)


# --- 200 at once ---------------------------------------------------------------------------------------


async def _work(offices: list[Office], clock: Clock) -> None:
    """Do what is due, as two gatekeeper processes do: side by side, and never two of one incident."""
    queue: Any = offices[0].ledger.queue

    async def one(n: int, lane: str, number: int) -> None:
        try:
            await _LANES[lane](offices[n % len(offices)], number)
        except Later as later:
            await clock.sleep(later.seconds)
            queue.jobs.append(Job(lane=lane, incident=number))

    while due := {(job.lane, job.incident) for job in queue.jobs if job.run_at is None or job.lane == LANE}:
        queue.jobs.clear()
        jobs = sorted((job for job in due if job[0] in _LANES), key=lambda job: (job[0] == LANE, job[1]))
        for start in range(0, len(jobs), 8):
            await asyncio.gather(*(one(n, *job) for n, job in enumerate(jobs[start : start + 8])))


class Clock:
    """Seconds that pass when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def _careless(ledger: Ledger) -> None:
    """Commits need not reach the disk: nothing is about that here, and there are thousands."""
    if ledger.writer.dialect.name == "sqlite":
        with ledger.writer.connect() as connection:
            connection.connection.cursor().execute("PRAGMA synchronous=OFF")


_LANES = {"gatekeeper": advance, LANE: tell}


@pytest.mark.parametrize(
    ("ledger_url", "many", "rounds"), [("sqlite", 200, 2), ("postgresql", 12, 3)], indirect=["ledger_url"]
)
def test_t33_of_a_storm_five_ask_and_one_digest_tells_the_rest_and_each_gets_its_turn(
    ledger: Ledger, tmp_path: Path, many: int, rounds: int
) -> None:
    beside, clock = Ledger(ledger.url, ledger.queue, ledger._clock), Clock()
    for one in (ledger, beside):
        _careless(one)
    plans = {number: drafted(ledger, arrived(ledger, number)) for number in range(1, many + 1)}
    # What Slack publishes, and what it lets through for a moment: a few more than we take, for a request that
    # got its turn may arrive behind later ones.
    strict = patient(clock=clock, post_burst=8, update_burst=24)
    with SlackServer(strict) as slack:
        settings = settings_for(slack, tmp_path, "socket")
        offices = [asyncio.run(office_of(settings, one)) for one in (ledger, beside)]
        pace = Pace(clock=clock, sleep=clock.sleep)
        for office in offices:
            office.slack = replace(office.slack, pace=pace)
        turns: list[int] = []
        for _ in range(rounds):
            asyncio.run(_work(offices, clock))
            asked = _asked(ledger)
            left = many - len(turns) - len(asked)
            assert len(asked) == min(MOST_ASKING, many - len(turns))
            assert sorted(keys(slack)) == sorted(["digest-1", *(f"incident-{n}" for n in [*turns, *asked])])
            assert (f"{left} incidents wait" if left else "The storm is over") in said(slack, "digest-1")
            for number in asked:
                denied(ledger, plans[number])
            turns += asked
        assert sorted(turns) == list(range(1, min(many, rounds * MOST_ASKING) + 1))
        assert {call.status for call in slack.calls} == {200}, "nobody had to be told to wait"
    beside.close()


def _asked(ledger: Ledger) -> list[int]:
    with ledger.read() as session:
        return [one.incident for one in asking(session)]
