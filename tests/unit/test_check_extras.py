"""What ``midwatch check`` says of analyzers from outside and of silences."""

from __future__ import annotations

import asyncio
from pathlib import Path

from midwatch.check import _extras
from midwatch.check_result import Result
from midwatch.settings import Settings


def checked(folder: Path, *until: str) -> Result:
    path = folder / "silences.yaml"
    entry = "- {{code: pod.container.crash_loop, namespace: shop, reason: known for long, until: {}}}\n"
    path.write_text("".join(entry.format(each) for each in until))
    (found,) = asyncio.run(_extras(Settings(silences_file=path)))
    return found


def test_silences_are_counted_and_the_ended_ones_named(tmp_path: Path) -> None:
    found = checked(tmp_path, "2099-12-31", "2020-12-31")
    assert found.ok
    assert found.says.startswith(
        "0 analyzers from outside, 1 silences; ended: pod.container.crash_loop in shop"
    )


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    found = checked(tmp_path, "soon")
    assert (found.ok, "entry 0 (from 0), until" in found.says) == (False, True)
