"""``midwatch demo`` as a person runs it: by a key in a terminal, or without one."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.patience import PATIENCE_S

DEMO = [sys.executable, "-m", "midwatch", "demo"]


@contextmanager
def terminal() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The demo in a terminal of its own: where to read and type, and the process."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*DEMO, "bad-image"], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    try:
        yield ours, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE_S)
        os.close(ours)


def read_until(terminal: int, words: str) -> str:
    """What was shown up to these words; AssertionError when they do not come."""
    shown, end = "", time.monotonic() + PATIENCE_S
    while words not in shown:
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                shown += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                # Linux says EIO when the other side has closed: all that was written was read.
                break
    assert words in shown, shown
    return shown


@pytest.mark.parametrize(
    ("key", "ending"), [("a", "demo: INC-1 verified in "), ("r", "demo: the plan was rejected")]
)
def test_a_key_in_the_terminal_decides(key: str, ending: str) -> None:
    with terminal() as (screen, process):
        read_until(screen, "Your turn:")
        os.write(screen, key.encode())
        assert ending in read_until(screen, "stay until you press")
        assert process.poll() is None
        os.write(screen, b"q")
        assert process.wait(PATIENCE_S) == 0


def test_without_a_terminal_somebody_on_call_clicks_and_the_last_line_says_how_long_it_took() -> None:
    done = subprocess.run(
        [*DEMO, "scaled-to-zero"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    assert re.fullmatch(r"demo: INC-1 verified in \d+\.\d s", said.splitlines()[-1])
    assert "chain whole" in said.splitlines()[-2]


def test_a_scenario_that_does_not_exist_ends_with_its_name() -> None:
    done = subprocess.run([*DEMO, "no-such"], capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert "there is no scenario no-such" in done.stderr.decode()
