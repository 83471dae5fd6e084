"""Slack away from before the alert until all is over: ``midwatch decide`` signs, the card tells it later."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import yaml

from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.processes import free_port
from evals.world.slack.people import ADA, INCIDENTS
from evals.world.slack.person import Person
from evals.world.slack.server import SlackServer
from midwatch.decide_key import make
from tests.support.patience import PATIENCE_S, patient
from tests.support.story import Scene, scene


def keyed(at: Scene) -> Path:
    """Ada's own key, and its public half in the roster."""
    file = at.folder / "ada.key"
    roster = yaml.safe_load((at.folder / "roster.yaml").read_text())
    ada = roster["approvers"][0]
    ada["key"] = make(file, ada["team_id"], ada["user_id"]).public
    (at.folder / "roster.yaml").write_text(yaml.safe_dump(roster), encoding="utf-8")
    return file


def decide(at: Scene, key: Path, plan_id: str, digits: str) -> tuple[int, str]:
    """The command as a person runs it: on a terminal, with the digits typed."""
    url = f"http://127.0.0.1:{at.port}"
    words = ["decide", plan_id, "approve", "--key", str(key), "--url", url, "--reason", "Slack is away"]
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{digits}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "midwatch", *words],
            check=False,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return done.returncode, done.stdout + done.stderr


def test_t39_a_plan_is_signed_done_and_told_although_slack_was_away_all_the_time(tmp_path: Path) -> None:
    with scene("scaled-to-zero", tmp_path) as at:
        key, port = keyed(at), free_port()
        at.serve(slack_api_url=f"http://127.0.0.1:{port}/api/")
        at.centre.break_it()
        at.until(lambda: at.stands(PlanState.PENDING))
        view = at.plan()
        assert view is not None
        assert view.message_ts == ""
        assert b"shown by midwatch decide alone" in at.said(Tag.PLAN_MOVED)[0]
        code, output = decide(at, key, view.plan.id, view.plan.digest[:6])
        assert code == 0, output
        assert view.preview is not None
        assert all(line in output for diff in view.preview.diffs for line in diff.splitlines())
        told = at.recovered()
        assert told.plans[0].decisions[0].reason == "Slack is away"
        assert not at.said(Tag.CARD_POSTED)
        with SlackServer(patient(port=port)) as slack:
            at.until(lambda: at.said(Tag.CARD_POSTED))
            ada = Person(slack.page_url, ADA)
            card = json.dumps(ada.messages())
            # Through the command, both agents and the queue between them, as they run.
            at.until(lambda: ada.slash(INCIDENTS, "/midwatch analyze shop").ok)
            ada.wait_for_ephemeral("nothing was changed or proposed")
            at.started[-1].end()
        assert "(approve, by midwatch decide)" in card
        assert at.whole() == ()
