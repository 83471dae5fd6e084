"""Error lines by template: what is new and what is more since the trouble began, within bounded time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.log import logs
from agents.investigator.analyzers.log_said import said_in_logs
from agents.investigator.analyzers.log_templates import MOST_TEMPLATES, templates
from agents.investigator.analyzers.snapshot import LogTail, Snapshot
from tests.support.kube_objects import pod
from tests.support.scenes import START
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.log_lines import LogLine

BYTES = 256 * 1024
SAVED, LOST = "INFO saved order {}", "ERROR order {} is lost"


def stamped(*lines: tuple[int, str]) -> str:
    moments = ((START + timedelta(seconds=second), text) for second, text in lines)
    return "".join(f"{at:%Y-%m-%dT%H:%M:%S.123456789Z} {text}\n" for at, text in moments)


def snapshot(log: str, began: datetime | None = START) -> Snapshot:
    """Pod ``web-r2-a`` with this log, looked at ten minutes after the alert started."""
    return Snapshot(
        inventory=Inventory.of_list({"kind": "List", "items": [pod("web-r2-a")]}),
        taken_at=START + timedelta(minutes=10),
        logs={("shop", "web-r2-a", "web"): LogTail.stamped(log, "", ("E7",))},
        began=began,
    )


def found(log: str, began: datetime | None = START) -> dict[str, Finding]:
    return {finding.code: finding for finding in logs(snapshot(log, began))}


def every(second: int, start: int, end: int, text: str) -> list[tuple[int, str]]:
    return [(at, text.format(at)) for at in range(start, end, second)]


def test_the_first_kind_of_error_that_was_not_there_before_is_named_with_its_time() -> None:
    known = every(60, -1200, 500, "ERROR cache miss {}")
    told = found(stamped(*sorted([*known, *every(30, -90, 500, LOST), (100, "ERROR and one more")])))
    new = told["log.new_error"]
    assert new.fields["template"] == "ERROR order <*> is lost"
    assert new.since == START + timedelta(seconds=-90, microseconds=123456)
    assert new.fields["line"] == "ERROR order 480 is lost"
    assert new.evidence == ("E7",)


def test_an_error_that_was_always_there_is_not_new_and_a_log_that_begins_with_it_does_not_say() -> None:
    assert "log.new_error" not in found(stamped(*every(60, -3600, 500, LOST)))
    assert "log.new_error" not in found(stamped(*every(60, 10, 500, LOST)))


def test_errors_that_come_more_often_than_before_are_told_with_both_rates() -> None:
    told = found(stamped(*sorted([*every(120, -3600, 0, LOST), *every(6, 0, 600, LOST)])))
    rose = told["log.errors_rose"]
    assert (rose.fields["before_a_minute"], rose.fields["after_a_minute"]) == (0.5, 10.0)
    assert "log.new_error" not in told


def test_errors_that_come_as_before_or_seldom_did_not_rise() -> None:
    assert "log.errors_rose" not in found(stamped(*every(30, -3600, 600, LOST)))
    few = [*every(60, -3600, 600, SAVED), (60, "ERROR a"), (70, "ERROR b")]
    assert "log.errors_rose" not in found(stamped(*sorted(few)))


def test_without_an_alert_or_without_times_nothing_is_new() -> None:
    lines = sorted([*every(60, -1200, 500, SAVED), *every(30, 0, 500, LOST)])
    assert set(found(stamped(*lines), began=None)) == {"log.error_lines"}
    assert set(found("\n".join(text for _, text in lines))) == {"log.error_lines"}
    assert {"log.new_error", "log.errors_rose"} <= set(found(stamped(*lines)))


def test_the_same_lines_give_the_same_templates() -> None:
    lines = tuple(LogLine(text=f"ERROR job {n} of user{n % 3} failed with {n * 7}") for n in range(200))
    assert templates(lines) == templates(lines)
    (only,) = templates(lines)
    assert (only.count, only.newest) == (200, lines[-1].text)


def test_a_log_without_two_like_lines_is_held_to_a_number_of_templates() -> None:
    lines = [LogLine(text=" ".join(f"w{n}x{k}" for k in range(n % 30 + 1))) for n in range(500)]
    assert sum(one.count for one in templates(lines)) == 500
    assert MOST_TEMPLATES <= 48


CHAOS = random.Random(7)
WORDS = [
    *("connection refused", "lookup ", "http://", "GET /", "env", "migrat", "panic:", "not set", "429"),
    *("401", "10.0.0.1:80", "Exception", "\tat x.y(z)", "error", "user '", "exec:"),
    *("timed out", "\\", '"', "(", "a:1"),
    *("KeyError: '", "\u202e"),
]
COMPLAINT = "ERROR migration failed: dial tcp 10.0.0.1:80: connection refused env NOT_X "


def lines_of(words: int, say: Callable[[], str]) -> str:
    return "\n".join("error " + " ".join(say() for _ in range(words)) for _ in range(490))


HOSTILE = {
    "one line": "error connection refused " + "a" * BYTES,
    "one line of addresses": "connection refused " + "a:1 " * (BYTES // 4),
    "dots": "error lookup " + "a." * (BYTES // 2),
    "blank lines": "\n" * BYTES,
    "frames": "java.lang.Error: x\n" + "\tat a.b.C.d(E.java:1)\n" * (BYTES // 22),
    "tracebacks": 'Traceback (most recent call last):\n  File "x", line 1\n' * (BYTES // 54),
    "causes": "a.BException: x\n" + "Caused by: a.BException: y\n" * (BYTES // 27),
    "spaces": ("error " + " " * 500 + "\n") * (BYTES // 507),
    "full of complaints": (COMPLAINT * 7 + "\n") * 490,
    "chaos": lines_of(60, lambda: CHAOS.choice(WORDS)),
    "templates": lines_of(25, lambda: str(CHAOS.random())),
    "words": lines_of(100, lambda: CHAOS.choice("abcdefghij") * 3),
    "control characters": "error panic: \x00\x1b[31m" * 9_000,
    "traces in JSON": ("{" + "a.BException: x\\n\\tat x.y(z)" * 20 + "\n") * 490,
    "stamps": "2026-11-24T02:01:00Z " * (BYTES // 21),
    "no such day": "2026-99-99T99:99:99Z error\n" * 9_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_log_costs_little_and_breaks_nothing(name: str) -> None:
    # The server hands out at most 500 lines and 256 KiB.
    text = "\n".join(HOSTILE[name][:BYTES].split("\n")[:500])
    hostile = snapshot(text)
    list(logs(snapshot("error\n")))
    # The machine is measured in the same breath: the bound is half a second where a round takes 0.08 s.
    tries = [(cost(hostile), plain_round()) for _ in range(3)]
    assert any(taken < 6 * plain for taken, plain in tries), tries


def plain_round() -> float:
    """Seconds of the processor's time for a million steps of nothing."""
    started = time.process_time()
    for _ in range(1_000_000):
        pass
    return 4 * (time.process_time() - started)


def cost(hostile: Snapshot) -> float:
    started = time.process_time()
    list(logs(hostile))
    list(said_in_logs(hostile))
    return time.process_time() - started
