"""What is signed by ``midwatch decide``: these bytes and no others, by this key and no other."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from agents.auditor import standalone
from agents.incident import Verdict
from agents.ledger.roster import RosterFile
from agents.ledger.signing import KIND, public_of, raw_of, verifies
from agents.ledger.statements import Look, Statement, fits_event, holds, how, of_event
from agents.ledger.tags import Tag
from tests.support.by_key import KEYS, entry
from tests.support.plans import a_decision, a_plan

NOW = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
PLAN = a_plan(NOW)
ADA, BEN = KEYS["U0ADA"], KEYS["U0BEN"]
SAID = Statement(
    team_id="T0OURS",
    user_id="U0ADA",
    at=NOW,
    nonce="0" * 32,
    cluster_uid="c1a5",
    plan_digest=PLAN.digest,
    verdict=Verdict.APPROVE,
    typed=PLAN.digest[:6],
)
OTHER = {
    "team_id": "T0THEIRS",
    "user_id": "U0BEN",
    "at": NOW + timedelta(seconds=1),
    "nonce": "1" * 32,
    "cluster_uid": "c1a6",
    "plan_digest": "0" * 64,
    "verdict": Verdict.DENY,
    "reason_digest": "0" * 64,
    "typed": "000000",
}


def kept(statement: Statement = SAID, private: bytes = ADA, **differs: object):
    """The decision that is made of a statement."""
    request = statement.evidence(statement.signed(private), public_of(private))
    return a_decision(PLAN, NOW, request=request, **differs)


def test_the_bytes_and_the_signature_are_these_for_ever():
    text = (
        '{"at":"2026-11-27T01:02:03Z","cluster_uid":"c","nonce":"00000000000000000000000000000000",'
        '"plan_digest":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","reason_digest":"",'
        '"team_id":"T","typed":"aaaaaa","user_id":"U","verdict":"approve","version":1}'
    )
    said = Statement.read(text)
    assert said is not None
    assert said.text() == text
    signature = "wZcrLyubOWdcj6+z5dNQl7ArgdLAfuwMNSUB7G8Apv9D3khIAtwEzRgvjJZFR0WNbGARIc4UJ2lVXEbIUfcMCQ=="
    assert said.signed(ADA) == signature
    assert public_of(ADA) == "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    assert said.signed_by(public_of(ADA), signature)


def test_every_field_of_a_statement_is_signed():
    assert set(OTHER) == set(Statement.model_fields) - {"version"}, "a new field is altered here as well"
    signature = SAID.signed(ADA)
    for name, value in OTHER.items():
        altered = SAID.model_copy(update={name: value})
        assert not altered.signed_by(public_of(ADA), signature), name


def test_another_key_signs_nothing_for_its_neighbour():
    assert not SAID.signed_by(public_of(ADA), SAID.signed(BEN))


def test_a_look_is_never_a_decision_and_a_decision_never_a_look():
    look = Look(team_id="T", user_id="U", at=NOW, nonce="0" * 32)
    assert Statement.read(look.text()) is None
    assert Look.read(SAID.text()) is None
    assert Look.tag() != Statement.tag()
    # Even of the same bytes: the tag is signed with them.
    assert not verifies(public_of(ADA), look.signed(ADA), Statement.tag() + look.text().encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "null",
        "[" * 5000,
        SAID.text() + " ",
        SAID.text().replace('"version":1', '"version":1.0'),
        SAID.text().replace('"version":1', '"version":2'),
        SAID.text().replace('"version":1', '"version":true'),
        SAID.text().replace("01:02:03Z", "01:02:03+00:00"),
        SAID.text().replace("01:02:03Z", "01:02:03"),
        SAID.text().replace('"at":"2026', '"at":"9999-99'),
        SAID.text()[:-1] + ',"version":1}',
        SAID.text()[:-1] + ',"and":"more"}',
        SAID.text().replace("U0ADA", "\\ud800"),
        SAID.text().replace("U0ADA", "\\u0055ADA"),
        SAID.text().replace("U0ADA", ""),
        SAID.text().replace("U0ADA", "U" * 4000),
    ],
)
def test_only_the_canonical_text_of_a_statement_is_read(text: str):
    assert Statement.read(text) is None


def test_text_of_any_language_is_read_as_it_was_signed():
    said = SAID.model_copy(update={"cluster_uid": "кластер\u202e"})
    assert Statement.read(said.text()) == said


def test_a_decision_holds_only_with_the_statement_that_it_was_made_of():
    assert holds(kept(), PLAN, public_of(ADA))
    assert how(kept()) == ", by midwatch decide"
    assert how(a_decision(PLAN, NOW)) == ""
    assert not holds(kept(), PLAN, public_of(BEN)), "the roster has another key by now"
    assert not holds(kept(), PLAN, ""), "the roster has no key any more"
    assert not holds(kept(private=BEN), PLAN, public_of(ADA))
    assert not holds(kept(), a_plan(NOW, nonce="1" * 32), public_of(ADA))
    assert not holds(kept(verdict=Verdict.DENY), PLAN, public_of(ADA))
    assert not holds(kept(reason_digest="0" * 64), PLAN, public_of(ADA))
    assert not holds(
        a_decision(PLAN, NOW + timedelta(seconds=121), request=kept().request), PLAN, public_of(ADA)
    )
    assert not holds(a_decision(PLAN, NOW), PLAN, public_of(ADA)), "a click holds no statement"


@pytest.mark.parametrize("name", sorted(set(OTHER) - {"at", "nonce"}))
def test_a_decision_made_of_a_statement_about_something_else_does_not_hold(name: str):
    altered = SAID.model_copy(update={name: OTHER[name]})
    assert not holds(kept(altered), PLAN, public_of(ADA))


def alone(body: dict[str, Any]) -> bool:
    """Whether the verifier that comes with an export takes the event of a decision."""
    record = standalone.Record({"after": 0, "head": "", "peaks": []})
    event = {"seq": 0, "tag": Tag.PLAN_DECIDED.value, "plan": PLAN.id, "body": body | {"mac": "0" * 64}}
    try:
        record.hear(event)
    except (ValueError, KeyError):
        return False
    return True


@pytest.mark.parametrize("fits", [fits_event, alone])
def test_the_record_shows_what_was_signed_to_whoever_checks_it(fits: Callable[[dict[str, Any]], bool]):
    one = kept()
    body = {"by": one.approver.model_dump(), "verdict": "approve", "digest": PLAN.digest, **of_event(one)}
    assert fits(body)
    assert fits({"by": {}, "verdict": "approve"}), "a click carries none"
    assert not fits(body | {"verdict": "deny"})
    assert not fits(body | {"digest": "0" * 64})
    assert not fits(body | {"by": {"team_id": "T0OURS", "user_id": "U0BEN"}})
    assert not fits(body | {"key": public_of(BEN)})
    assert not fits(body | {"signature": SAID.signed(BEN)})
    assert not fits(body | {"statement": "{}"})


@pytest.mark.parametrize(
    "key",
    [
        "",
        "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
        "ed25519:",
        "ed25519:AAAA",
        "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
        "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbh=",
        "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg= ",
        "ed25519:ключ",
        "rsa:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    ],
)
def test_what_is_no_key_is_refused(key: str):
    with pytest.raises(ValueError, match="key"):
        raw_of(key)
    assert not verifies(key, SAID.signed(ADA), Statement.tag() + SAID.text().encode())


@pytest.mark.parametrize("number", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255])
def test_a_key_that_anybody_could_sign_for_is_refused(number: int):
    key = KIND + base64.b64encode(number.to_bytes(32, "little")).decode()
    with pytest.raises(ValueError, match="no Ed25519"):
        raw_of(key)


def test_the_roster_takes_a_key_once_and_for_one_human():
    two = [entry("U0ADA"), entry("U0BEN")]
    file = RosterFile.model_validate({"approvers": two})
    assert file.with_members(()).key_of(SAID.approver) == public_of(ADA)
    same = [entry("U0ADA"), entry("U0BEN", key=public_of(ADA))]
    with pytest.raises(ValidationError, match="same key"):
        RosterFile.model_validate({"approvers": same})
    with pytest.raises(ValidationError, match="key"):
        RosterFile.model_validate({"approvers": [entry("U0ADA", key="ed25519:nothing")]})
    linked = [entry("U0ADA", person="ada"), entry("U0BEN", person="ada", key=public_of(ADA))]
    assert len(RosterFile.model_validate({"approvers": linked}).approvers) == 2
