"""Whose words are erased by which key, what is left of them, and what an eraser hears who asks in vain."""

from __future__ import annotations

import pytest

from agents.incident import Verdict
from agents.ledger import decisions, payloads
from agents.ledger.payloads import ERASED, NothingToErase, digest_of, keep, salt, words_of
from agents.ledger.store import Ledger
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_plans import pending
from tests.contracts.test_ledger_record import reason_of, record, woken
from tests.support.plans import a_decision


def kept(ledger: Ledger, words: str, person: str) -> str:
    with ledger.write() as tx:
        return keep(tx, words, "s", person)


def told(ledger: Ledger, digest: str) -> tuple[str, str]:
    with ledger.read() as session:
        return words_of(session, digest)


def test_words_are_kept_by_their_salted_digest_and_no_words_by_none(ledger: Ledger) -> None:
    digest = kept(ledger, "not tonight", "T1/U1")
    assert digest == digest_of("not tonight", "s") != digest_of("not tonight", "t")
    assert told(ledger, digest) == ("not tonight", "s")
    assert kept(ledger, "", "T1/U1") == digest_of("", "s") == ""
    assert told(ledger, "") == told(ledger, "0" * 64) == ("", "")
    assert len(salt()) == 32
    assert salt() != salt()


def test_the_words_of_one_person_go_and_those_of_everybody_else_stay(ledger: Ledger) -> None:
    mine = [kept(ledger, "one", "T1/U1"), kept(ledger, "two", "U1")]
    others = [kept(ledger, each, each) for each in ("T1/U11", "T1/XU1", "U1/T1", "T_/U2", "T1/U2")]
    assert sorted(payloads.erase(ledger, user="U1", by="dpo")) == sorted(mine)
    assert [told(ledger, digest) for digest in mine] == [(ERASED, "")] * 2
    assert all(told(ledger, digest)[1] == "s" for digest in others)
    assert payloads.erase(ledger, user="T_/U2", by="dpo") == [others[3]], "a name is no pattern"
    said = record(ledger, Tag.PAYLOAD_ERASED.value)
    assert sorted(body["digest"] for _, body, _, _ in said) == sorted([*mine, others[3]])
    assert {body["by"] for _, body, _, _ in said} == {"dpo"}


@pytest.mark.parametrize("key", [{"user": "U1"}, {"digest": "0" * 64}])
def test_where_there_is_nothing_to_erase_it_says_of_what(ledger: Ledger, key: dict[str, str]) -> None:
    kept(ledger, "two", "T1/U2")
    (wanted,) = key.values()
    with pytest.raises(NothingToErase, match=f"^there is nothing to erase of {wanted}$"):
        payloads.erase(ledger, **key, by="dpo")
    assert record(ledger, Tag.PAYLOAD_ERASED.value) == []


def test_a_digest_goes_alone_and_once(ledger: Ledger) -> None:
    one, two = kept(ledger, "one", "T1/U1"), kept(ledger, "two", "T1/U1")
    assert payloads.erase(ledger, digest=one, by="dpo") == [one]
    assert told(ledger, two) == ("two", "s")
    with pytest.raises(NothingToErase):
        payloads.erase(ledger, digest=one, by="dpo")


def test_where_a_card_shows_the_words_it_is_drawn_again_without_them(
    ledger: Ledger, clock: HandClock
) -> None:
    plan, other = pending(ledger, clock), kept(ledger, "not tonight", "T1/U9")
    no = a_decision(plan, clock(), verdict=Verdict.DENY, reason="not tonight")
    no = no.model_copy(update={"reason_salt": "z", "reason_digest": digest_of("not tonight", "z")})
    decisions.decide(ledger, no)
    shown = reason_of(ledger, plan.id)[0]
    woken(ledger)
    payloads.erase(ledger, digest=other, by="dpo")
    assert (reason_of(ledger, plan.id)[0], woken(ledger)) == (shown, []), "the same words of somebody else"
    payloads.erase(ledger, digest=no.reason_digest, by="dpo")
    assert reason_of(ledger, plan.id)[0] == shown.replace("not tonight", ERASED)
    assert woken(ledger) == [("gatekeeper", 1, None)]
