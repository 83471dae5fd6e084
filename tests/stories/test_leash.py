"""``serve`` and its actor belong together, however ``serve`` ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support.story import scene


def test_a_killed_serve_leaves_no_actor_behind(tmp_path: Path) -> None:
    with scene("watchdog", tmp_path) as at:
        serve = at.start()
        children = Path(f"/proc/{serve.pid}/task/{serve.pid}/children")
        at.until(lambda: children.read_text(encoding="ascii").split())
        (actor,) = children.read_text(encoding="ascii").split()
        assert b"actor" in Path(f"/proc/{actor}/cmdline").read_bytes()
        os.kill(serve.pid, signal.SIGKILL)
        at.until(lambda: not Path(f"/proc/{actor}").exists())
