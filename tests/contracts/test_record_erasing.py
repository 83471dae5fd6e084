"""Threat T50: what tells of a person can be erased, and the record stays whole and every decision valid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text
from sqlmodel import select

from agents.auditor import export, standalone
from agents.incident import Verdict
from agents.ledger import decisions, incidents, investigations, payloads, previews
from agents.ledger.payloads import ERASED, NothingToErase
from agents.ledger.seals import SealKey
from agents.ledger.store import LedgerUnavailable
from agents.ledger.tables import DeliveryRow, ProposalRow
from tests.support.plans import ADA, a_decision, a_delivery, a_plan, a_step, an_alert
from tests.support.record import WORDS, Record, record_in, seen_in, told_whole

SEAL = SealKey(b"k" * 32)


@pytest.fixture
def record(tmp_path: Path, ledger_url: str) -> Iterator[Record]:
    with record_in(tmp_path, ledger_url) as made:
        yield made


def exported(record: Record) -> bytes:
    with record.ledger.read() as session:
        return b"".join(export.lines(session, export.since(session, None), record.keys.trust()))


def everything(record: Record) -> str:
    """Every byte of every table, as whoever holds the database reads it."""
    tables = ("audit", "decision", "payload", "proposal", "evidence", "delivery", "checkpoint")
    with record.ledger.read() as session:
        return str([session.connection().execute(text(f"SELECT * FROM {name}")).all() for name in tables])


def test_t50_words_are_erased_and_the_record_stays_whole_and_the_decision_valid(record: Record) -> None:
    plan = told_whole(record.ledger)
    anchor = record.sign()
    assert WORDS in everything(record)
    assert WORDS.encode() in exported(record)
    (digest,) = payloads.erase(record.ledger, user=ADA.user_id, by="dpo")
    assert WORDS not in everything(record)
    found = record.verify(anchor)
    assert found.ok, found.problems
    lines = exported(record)
    assert WORDS.encode() not in lines
    assert standalone.check(map(orjson.loads, lines.splitlines()), [anchor], None).seq == found.events
    with record.ledger.read() as session:
        mine, other = decisions.decisions_of(session, plan.id)
    assert (mine.reason, mine.reason_digest, mine.verdict) == (ERASED, digest, Verdict.APPROVE)
    assert SEAL.holds(mine)
    assert SEAL.holds(other)
    with pytest.raises(NothingToErase):
        payloads.erase(record.ledger, user=ADA.user_id, by="dpo")


def test_t50_a_digest_that_is_left_does_not_tell_a_short_word(record: Record) -> None:
    told_whole(record.ledger)
    (digest,) = payloads.erase(record.ledger, user=f"{ADA.team_id}/{ADA.user_id}", by="dpo")
    assert digest != hashlib.sha256(WORDS.encode()).hexdigest()
    assert digest != payloads.digest_of(WORDS, "")


def test_t50_evidence_and_deliveries_are_erased_by_their_digest(record: Record) -> None:
    told_whole(record.ledger)
    anchor = record.sign()
    seen = hashlib.sha256(b"a: Ada's mail is a@b.example").hexdigest()
    assert payloads.erase(record.ledger, digest=seen, by="dpo") == [seen]
    with record.ledger.read() as session:
        webhook = session.exec(select(DeliveryRow.key)).one()
    assert payloads.erase(record.ledger, digest=webhook, by="dpo") == [webhook]
    assert "a: Ada" not in everything(record)
    assert "b: Ada" in everything(record)
    assert record.verify(anchor).ok
    assert standalone.check(map(orjson.loads, exported(record).splitlines()), [anchor], None)


def test_t50_only_the_erasing_that_an_event_tells_of_is_erasing(record: Record) -> None:
    told_whole(record.ledger)
    for statement, words in (
        ("UPDATE payload SET words = 'all is well'", "not what was written"),
        ("UPDATE payload SET words = '', salt = ''", "not what was written"),
        ("DELETE FROM payload", "no longer there"),
    ):
        with record.bending() as connection:
            connection.execute(text(statement))
            assert any(words in problem for problem in seen_in(connection, record.known()).problems)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM payload",
        "UPDATE payload SET words = 'x'",
        "UPDATE payload SET digest = 'x', words = '', salt = '', person = '', erased_at = '2026-11-27'",
        "UPDATE delivery SET raw = raw, source = 'x'",
        "UPDATE evidence SET n = 9",
    ],
)
def test_t50_the_database_lets_nothing_but_erasing_happen(record: Record, statement: str) -> None:
    told_whole(record.ledger)
    with pytest.raises(LedgerUnavailable, match="append-only"), record.ledger.write() as tx:
        tx.session.connection().execute(text(statement))


def test_a_reason_that_was_swapped_breaks_its_seal(record: Record) -> None:
    plan = told_whole(record.ledger)
    with record.ledger.read() as session:
        mine, _ = decisions.decisions_of(session, plan.id)
    assert SEAL.holds(mine)
    assert not SEAL.holds(mine.model_copy(update={"reason": "something else"}))
    assert not SEAL.holds(mine.model_copy(update={"reason_digest": "f" * 64}))


def test_t50_a_short_word_is_erased_where_it_was_said_and_nowhere_else(record: Record) -> None:
    told_whole(record.ledger)
    clock = record.ledger.now()
    incidents.accept(record.ledger, [a_delivery(clock, an_alert(clock, fingerprint="f2"), group_key="g2")])
    lease = investigations.take(record.ledger, 2, "worker", 60)
    assert lease is not None
    plan = a_plan(clock, incident="INC-2", nonce="9" * 32, steps=(a_step(name="other"),))
    investigations.draft(record.ledger, lease, plan, "why")
    shown = previews.Preview(plan_id=plan.id, at=clock, diffs=("d",), dry_run_digest="a" * 64)
    assert previews.store_preview(record.ledger, shown) is None
    posted = previews.Posted(channel_id="C1", message_ts="2.1", card_digest="c")
    assert previews.mark_pending(record.ledger, plan.id, posted) is None
    no = a_decision(plan, clock, verdict=Verdict.DENY, reason="done")
    decisions.decide(record.ledger, SEAL.sealed(no))
    with record.ledger.read() as session:
        digest = decisions.decisions_of(session, plan.id)[0].reason_digest
    assert payloads.erase(record.ledger, digest=digest, by="dpo") == [digest]
    with record.ledger.read() as session:
        reasons = {row.state: row.reason for row in session.exec(select(ProposalRow))}
    # The other plan's own words end with the same letters.
    assert reasons == {"SUCCEEDED": "done", "DENIED": f"{ADA.user_id}: {ERASED}"}
