"""From the bytes Alertmanager sends to words: every recorded body, and what should upset a parser."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.ledger.notification import Delivery, DeliveryStatus, Notification
from midwatch.intake import notification
from midwatch.intake.notification import NotJson, read_delivery
from midwatch.intake.text import fingerprint_of

RECORDED = sorted((Path(__file__).parent.parent / "fixtures" / "alertmanager").glob("*.json"))
NOW = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)


def read(name: str) -> Notification:
    return usable((RECORDED[0].parent / f"{name}.json").read_bytes())


def usable(raw: bytes) -> Notification:
    delivery = read_delivery(raw, NOW, "test")
    assert delivery.status is DeliveryStatus.USABLE, delivery.problem
    assert delivery.notification is not None
    return delivery.notification


def made(*alerts: Any, **fields: Any) -> bytes:
    return orjson.dumps({"version": "4", "groupKey": "{}:{}", "alerts": list(alerts), **fields})


def alert(**fields: Any) -> dict[str, Any]:
    start = {"status": "firing", "fingerprint": "f1", "startsAt": "2026-11-24T00:00:00Z"}
    return {**start, "labels": {"alertname": "A"}, "annotations": {}, **fields}


def storable(delivery: Delivery) -> bool:
    """Whether PostgreSQL would take every text of it."""
    if delivery.notification is None:
        return True
    words = repr(delivery.notification.model_dump(mode="json"))
    return r"\x00" not in words.replace(r"\\", "") and r"\ud" not in words.replace(r"\\", "")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_recorded_body_is_usable_and_complete(path: Path) -> None:
    content = json.loads(path.read_bytes())
    note = usable(path.read_bytes())
    assert len(note.alerts) == len(content["alerts"])
    assert note.truncated == content["truncatedAlerts"]
    assert (note.group_key, note.receiver) == (content["groupKey"], content["receiver"])
    for word, said in zip(note.alerts, content["alerts"], strict=True):
        assert word.firing is (said["status"] == "firing")
        assert word.fingerprint == said["fingerprint"] == fingerprint_of(said["labels"])
        assert word.labels == said["labels"]
        assert (word.ends_at is None) is said["endsAt"].startswith("0001")


def test_there_are_recorded_bodies() -> None:
    assert len(RECORDED) > 40


def test_a_resend_and_the_other_half_of_a_pair_have_one_key() -> None:
    def key(name: str) -> str:
        return read_delivery((RECORDED[0].parent / f"{name}.json").read_bytes(), NOW, "test").key

    assert key("repeat_1_first") == key("repeat_2_resend")
    assert key("single_firing") != key("single_resolved")
    assert key("single_firing") != key("flap_firing_again")
    assert key("group_of_5_firing") != key("group_one_resolves")


def test_the_key_ignores_order_receiver_and_external_url() -> None:
    one, two = alert(), alert(fingerprint="f2")
    first = read_delivery(made(one, two, receiver="a", externalURL="http://a"), NOW, "test")
    second = read_delivery(made(two, one, receiver="b", externalURL="http://b"), NOW, "test")
    assert first.key == second.key
    assert first.key != read_delivery(made(one, two, groupKey="other"), NOW, "test").key


def test_a_truncated_body_says_how_many_are_missing() -> None:
    note = read("max_alerts_10_some_resolved")
    assert note.truncated == 190
    assert not any(word.firing for word in note.alerts)


def test_an_alert_without_a_name_is_read() -> None:
    assert read("api_v2_no_alertname").alerts[0].name == "unnamed alert"


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("2026-11-24T00:00:00Z", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T02:00:00.123456789+02:00", datetime(2026, 11, 24, 0, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-24T00:00:00.5Z", datetime(2026, 11, 24, 0, 0, 0, 500000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", NOW),
        ("0001-01-01T00:00:00+05:00", NOW),
        ("yesterday", NOW),
        (None, NOW),
        (17, NOW),
    ],
)
def test_times_of_every_kind_are_read(said: Any, means: datetime) -> None:
    assert usable(made(alert(startsAt=said))).alerts[0].starts_at == means


def test_a_long_value_is_shortened_with_a_marker() -> None:
    note = read("text_torture")
    longest = max(note.alerts[0].annotations.values(), key=len)
    assert len(longest.encode()) <= 4096
    assert longest.endswith("characters]")


def test_a_flood_of_labels_keeps_the_ones_that_matter_and_says_so() -> None:
    labels = {f"a{n:06}": "x" for n in range(30_000)} | {"alertname": "Flood", "namespace": "shop"}
    word = usable(made(alert(labels=labels))).alerts[0]
    assert len(word.labels) == 64
    assert (word.name, word.labels["namespace"]) == ("Flood", "shop")
    assert "29938 labels" in word.annotations["midwatch_truncated"]


def test_long_group_keys_that_differ_at_their_end_stay_apart() -> None:
    first, second = (usable(made(alert(), groupKey="k" * 5_000 + end)).group_key for end in "ab")
    assert first != second
    assert len(first.encode()) < 1200
    assert usable(made(alert(), groupKey="k" * 1_000)).group_key == "k" * 1_000


def test_a_value_that_is_nested_too_deep_to_be_written_is_said_to_be() -> None:
    raw = made(alert(labels={"alertname": "HERE"})).replace(b'"HERE"', b"[" * 1_000 + b"]" * 1_000)
    assert usable(raw).alerts[0].name == "[nested too deeply]"


@pytest.mark.parametrize(
    "labels",
    [
        lambda end: {"a": "x" * 100_000 + end},
        lambda end: {"x" * 100_000 + end: "a"},
        lambda end: {"a": end} | {f"l{number}": "x" for number in range(2000)},
        lambda end: {"a": end + "\ud800"} | {f"l{number}": "x" for number in range(20_000)},
    ],
    ids=["a long value", "a long name", "many", "many with half a pair"],
)
def test_labels_too_many_for_a_loop_over_their_bytes_still_have_a_name_of_their_own(
    labels: Callable[[str], dict[str, str]],
) -> None:
    name = fingerprint_of(labels("1"))
    assert name == fingerprint_of(labels("1")) != fingerprint_of(labels("2"))
    assert len(name) == 16


def test_alerts_beyond_the_cap_count_as_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert notification.MAX_ALERTS == 20_000
    # So many are sent in the contracts; here it is about how they are counted.
    monkeypatch.setattr(notification, "MAX_ALERTS", 50)
    note = usable(made(*(alert(fingerprint=f"f{n}") for n in range(55)), truncatedAlerts=2))
    assert (len(note.alerts), note.truncated) == (50, 7)


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"a\udfffb", "\u202e", r"\u0000\uD83D"])
def test_text_that_no_database_takes_is_made_storable(text: str) -> None:
    raw = made(alert(labels={"alertname": "HERE", "HERE": "HERE"})).replace(b"HERE", text.encode())
    delivery = read_delivery(raw, NOW, "test")
    assert delivery.status is DeliveryStatus.USABLE
    assert storable(delivery)
    assert delivery.raw == raw


EMPTY = [b'{"alerts": 7}', b'{"alerts": []}', b'{"alerts": [null, 7]}', b'{"alerts": [{"labels": []}]}']


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"text"', b"7", b"{}", *EMPTY])
def test_json_that_says_nothing_is_kept_in_quarantine(raw: bytes) -> None:
    delivery = read_delivery(raw, NOW, "test")
    assert delivery.status is DeliveryStatus.QUARANTINED
    assert delivery.problem
    assert delivery.raw == raw


def test_an_alert_that_is_listed_twice_is_read_once_and_believed_to_fire() -> None:
    note = usable(made(alert(status="resolved"), alert(status="firing"), alert(status="resolved")))
    assert [one.firing for one in note.alerts] == [True]
    assert note.truncated == 0


def test_one_bad_alert_does_not_hide_its_neighbours() -> None:
    note = usable(
        made(
            "nonsense",
            alert(),
            alert(fingerprint="f2", annotations=None, status=None, generatorURL=None, labels={"a": 5}),
        )
    )
    assert len(note.alerts) == 2
    assert note.truncated == 1
    assert note.alerts[1].labels == {"a": "5"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5_000, b'{"a": NaN}', b'"\\ud800' + b"[" * 9_000],
    ids=["empty", "open", "not utf-8", "deep list", "deep object", "nan", "half a pair"],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJson):
        read_delivery(raw, NOW, "test")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
FIELDS = st.sampled_from(["alerts", "groupKey", "truncatedAlerts", "receiver"])
PARTS = st.sampled_from(
    ["labels", "annotations", "fingerprint", "status", "startsAt", "endsAt", "generatorURL"]
)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(FIELDS, JSON), st.lists(st.dictionaries(PARTS, JSON), max_size=3))
def test_no_json_whatever_upsets_the_parser(fields: dict[str, Any], alerts: list[dict[str, Any]]) -> None:
    delivery = read_delivery(json.dumps({"alerts": alerts, **fields}).encode(), NOW, "test")
    assert (delivery.notification is None) is (delivery.status is DeliveryStatus.QUARANTINED)
    assert storable(delivery)
