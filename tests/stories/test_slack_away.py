"""``midwatch serve`` before there is a chat: alerts are taken in, and the card comes when Slack does."""

from __future__ import annotations

import socket
from pathlib import Path

from evals.world.slack.server import SlackServer
from tests.support.patience import patient
from tests.support.story import scene


def test_t39_serve_starts_without_slack_and_posts_the_card_when_slack_is_there(tmp_path: Path) -> None:
    with scene("scaled-to-zero", tmp_path) as at:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        at.serve(slack_api_url=f"http://127.0.0.1:{port}/api/")
        at.centre.break_it()
        at.until(lambda: (told := at.told()) is not None and told.plans)
        plan = at.plan()
        assert plan is not None
        assert plan.message_ts == ""
        with SlackServer(patient(port=port)):
            at.until(lambda: (plan := at.plan()) is not None and plan.message_ts)
            at.started[-1].end()
        assert at.effects() == []
