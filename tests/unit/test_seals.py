"""What is sealed holds as it was sealed, by this key and for this use; any other byte of it does not."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.incident import Approver, Verdict
from agents.ledger import payloads
from agents.ledger.accounts import CLAIM_MAY_RELY_ON, Seen, in_good_standing
from agents.ledger.seals import SealKey
from tests.support.plans import ADA, BEN, a_decision, a_plan

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
KEY, OTHER = SealKey(b"k" * 32), SealKey(b"o" * 32)
PLAN = a_plan(NOW)
SEEN = Seen(approver=ADA, good=True, at=NOW)
SHOWN = ("approve", "value", "C1", "1.5", "n1")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("size", [0, 31])
def test_a_short_key_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=r"^a seal key has at least 32 bytes$"):
        SealKey(b"k" * size)
    SealKey(b"k" * 33)


def test_a_key_is_made_once_for_its_owner_alone_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "seal"
    made = SealKey.load(path)
    assert (len(path.read_bytes()), stat.S_IMODE(path.stat().st_mode)) == (32, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert SealKey.load(path).button("x") == made.button("x")
    (tmp_path / "lone").mkdir()
    SealKey.load(tmp_path / "lone" / "seal")


def test_seals_stay_what_they_were_in_earlier_versions() -> None:
    """Cards, decisions and looks from before an update are checked after it."""
    decision = a_decision(PLAN, NOW, reason="no", reason_digest="d" * 64, reason_salt="s")
    assert (KEY.button("p"), KEY.form(ADA, SHOWN), KEY.vouched(SEEN).mac, KEY._decision_mac(decision)) == (
        "p.f110fc8967093e45757fd50e92bb78a1",
        "2d5867e43a2daa79ab178f91fe79028f",
        "258dd22782a1e6d96e96b9df5a4cde4bd22a0a7402eb40068abe5e0b5436e77e",
        "dc583e0467d42d20ba2cdf4a72d77d51c5040d89bc631691189c40bba646e3de",
    )


def test_a_button_is_for_one_plan_and_by_one_key() -> None:
    value = KEY.button("p1")
    assert KEY.plan_of(value) == "p1"
    assert (
        OTHER.plan_of(value),
        KEY.plan_of(value + "0"),
        KEY.plan_of("p1"),
        KEY.plan_of("p2" + value[2:]),
    ) == (
        None,
        None,
        None,
        None,
    )


def test_a_form_is_for_one_person_and_what_it_shows() -> None:
    mark = KEY.form(ADA, SHOWN)
    assert KEY.opened(mark, ADA, SHOWN)
    elsewhere = Approver(team_id="T0OTHER", user_id=ADA.user_id)
    assert not any(KEY.opened(mark, who, SHOWN) for who in (BEN, elsewhere))
    assert not KEY.opened(mark, ADA, (*SHOWN[:-1], "n2"))
    assert not OTHER.opened(mark, ADA, SHOWN)


def test_a_look_is_for_one_account_its_state_and_its_moment() -> None:
    sealed = KEY.vouched(SEEN)
    assert sealed == SEEN.model_copy(update={"mac": sealed.mac})
    assert KEY.vouches(sealed)
    changes: tuple[dict[str, Any], ...] = (
        {"good": False},
        {"approver": BEN},
        {"at": NOW + TICK},
        {"mac": ""},
    )
    assert not any(KEY.vouches(sealed.model_copy(update=change)) for change in changes)
    assert not OTHER.vouches(sealed)


def test_a_decision_holds_with_its_words_or_without_and_with_no_others() -> None:
    sealed = KEY.sealed(a_decision(PLAN, NOW, verdict=Verdict.DENY, reason="not tonight"))
    assert (sealed.reason, len(sealed.reason_salt)) == ("not tonight", 32)
    assert sealed.reason_digest == payloads.digest_of("not tonight", sealed.reason_salt)
    assert KEY.holds(sealed)
    erased = sealed.model_copy(update={"reason": payloads.ERASED, "reason_salt": ""})
    assert KEY.holds(erased)
    changes: tuple[dict[str, Any], ...] = (
        {"reason": "tonight"},
        {"reason": ""},
        {"reason_salt": "0" * 32},
        {"verdict": Verdict.APPROVE},
        {"mac": ""},
        {"reason": payloads.ERASED, "reason_digest": "0" * 64},
    )
    assert not any(KEY.holds(sealed.model_copy(update=change)) for change in changes)
    assert not OTHER.holds(sealed)


def test_a_decision_without_words_needs_no_salt() -> None:
    sealed = KEY.sealed(a_decision(PLAN, NOW))
    assert (sealed.reason_salt, sealed.reason_digest) == ("", "")
    assert KEY.holds(sealed)


def test_a_click_or_a_later_look_may_be_relied_on_for_four_minutes_and_no_longer() -> None:
    late = NOW + CLAIM_MAY_RELY_ON
    assert timedelta(minutes=4) == CLAIM_MAY_RELY_ON
    assert in_good_standing(NOW, None, late)
    assert not in_good_standing(NOW, None, late + TICK)
    older = SEEN.model_copy(update={"at": NOW - TICK, "good": False})
    assert in_good_standing(NOW, older, late), "the click is the newer look"
    assert not in_good_standing(NOW, SEEN.model_copy(update={"good": False}), NOW)
    assert in_good_standing(NOW - TICK, SEEN, late)
    assert not in_good_standing(NOW - TICK, SEEN, late + TICK)
