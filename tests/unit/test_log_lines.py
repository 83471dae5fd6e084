"""Logs with time stamps: cut at whole lines, scanned as the container wrote them, told with their moments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.investigator.analyzers.snapshot import LogTail
from tools.kubernetes.log_lines import log_lines, safe_log
from tools.redaction import redact

AT = "2026-11-24T02:01:{:02d}.123456789Z {}"
KEY = "\n".join(
    ("-----BEGIN RSA PRIVATE KEY-----", *("MIIEowIBAAKCAQEA7bq0" * 3,) * 6, "-----END RSA PRIVATE KEY-----")
)


def stamped(text: str) -> str:
    return "".join(f"{AT.format(second, line)}\n" for second, line in enumerate(text.split("\n")))


def second(number: int) -> datetime:
    return datetime(2026, 11, 24, 2, 1, number, 123456, tzinfo=UTC)


def test_a_line_is_what_the_container_wrote_and_its_moment_what_the_kubelet_did() -> None:
    first, other, bare = log_lines(
        AT.format(1, "2020-01-01T00:00:00Z up") + "\n2026-11-24T02:01:02+02:00 \nplain\n"
    )
    assert (first.at, first.text) == (second(1), "2020-01-01T00:00:00Z up")
    assert (other.at, other.text) == (datetime.fromisoformat("2026-11-24T00:01:02Z"), "")
    assert (bare.at, bare.text) == (None, "plain")
    assert log_lines("") == ()


def test_no_day_of_that_number_is_no_moment() -> None:
    (line,) = log_lines("2026-99-99T99:99:99Z error")
    assert (line.at, line.text) == (None, "error")


def test_a_secret_of_several_lines_is_found_between_time_stamps_and_the_lines_after_it_keep_theirs() -> None:
    safe = safe_log(stamped(f"a\n{KEY}\nb\npassword=hunter2hunter2\n{KEY}\nlast"), 96_000)
    assert "MIIE" not in safe
    assert "hunter2" not in safe
    lines = log_lines(safe)
    assert [line.text[:10] for line in lines] == ["a", "[redacted:", "b", "password=[", "[redacted:", "last"]
    assert [line.at for line in lines] == [second(n) for n in (0, 1, 9, 10, 11, 19)]


@pytest.mark.parametrize(
    "text", ["password=hunter2hunter2", f"x\n{KEY}\ny", "--token abcdef0123456789abcdef", "plain"]
)
def test_what_was_scanned_is_not_changed_by_another_scan(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    safe = safe_log(stamped(text), 96_000)
    assert redact(safe) == safe


def test_of_a_long_log_the_last_whole_lines_are_kept_and_of_one_long_line_its_end() -> None:
    kept = safe_log("".join(f"{AT.format(n, 'x' * 70)}\n" for n in range(50)), 1_020)
    assert [line.at for line in log_lines(kept)] == [second(n) for n in range(40, 50)]
    assert len(kept) <= 1_020
    assert safe_log("y" * 5_000, 1_000) == "y" * 1_000


def test_a_tail_gives_its_lines_with_their_moments_and_its_text_without() -> None:
    tail = LogTail.stamped(stamped("a\nb"), stamped("c"), ("E1",))
    assert (tail.current, tail.previous) == ("a\nb", "c")
    assert [(line.text, line.at) for line in tail.lines()] == [("a", second(0)), ("b", second(1))]
    assert [line.at for line in tail.lines(previous=True)] == [second(0)]
    assert [line.at for line in LogTail(current="a\nb\n").lines()] == [None, None]
