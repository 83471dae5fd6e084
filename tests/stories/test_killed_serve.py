"""SIGKILL of ``midwatch serve`` in the middle of an investigation."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from agents.ledger.protocol import PlanState
from tests.support.story import scene


def test_a_killed_serve_goes_on_to_the_card_when_started_again(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at:
        launcher = ("tests.support.crashing_actor", "none", "serve")
        first = at.serve(*launcher)
        orphans = first.children()
        try:
            at.centre.break_it()
            at.until(lambda: (told := at.told()) is not None and told.evidence)
            os.kill(first.process.pid, signal.SIGKILL)
            first.process.wait()
            told = at.told()
            assert told is not None
            assert told.diagnosis is None, "it was killed too late to prove anything"
            at.serve(*launcher)
            at.until(lambda: at.stands(PlanState.PENDING))
            cards = [m for m in at.person("oncall").messages() if "approve" in str(m.get("blocks"))]
            assert len(cards) == 1
            assert at.effects() == []
            assert at.whole() == ()
        finally:
            for pid in orphans:
                os.kill(pid, signal.SIGTERM)
