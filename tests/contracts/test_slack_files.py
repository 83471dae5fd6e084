"""Plots in a card's thread: each once, as a picture, and nothing waits for one that Slack does not take."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from agents.gatekeeper.files import MOST_PLOTS, Shared, missing, share
from agents.gatekeeper.office import Office
from agents.gatekeeper.posting import advance
from agents.incident import Evidence
from agents.ledger import cards, investigations
from agents.ledger.investigations import Look
from agents.ledger.previews import Posted
from agents.ledger.story import Story
from evals.world.slack import SlackServer
from evals.world.slack.faults import Fault
from evals.world.slack.people import INCIDENTS
from tests.contracts import test_slack_posting
from tests.contracts.test_slack_posting import drafted, proposal
from tests.support.told import a_diagnosis, a_story
from tests.unit.test_plots import finding, seen
from tools.slack import Message, SlackUnreachable

slack, office = test_slack_posting.slack, test_slack_posting.office
UPLOAD = "files.getUploadURLExternal"
PNG = b"\x89PNG\r\n\x1a\n"


def measured(many: int) -> Story:
    """Incident 1, whose diagnosis was read from this many series."""
    names = [{"pod": f"web-{n}"} for n in range(many)]
    found = tuple(finding("E1", fields={"series": name}) for name in names)
    told = a_story(diagnosis=a_diagnosis(findings=found), evidence=(seen(1, *names),))
    return told.model_copy(update={"incident": told.incident.model_copy(update={"number": 1})})


def shared(office: Office, told: Story) -> Shared:
    ts = asyncio.run(office.slack.post(INCIDENTS, Message(blocks=[], text="the card")))
    return asyncio.run(share(office, told, Posted(channel_id=INCIDENTS, message_ts=ts, card_digest="c")))


def there(office: Office) -> tuple[cards.ChatFile, ...]:
    with office.ledger.read() as session:
        return tuple(cards.files_of(session, 1))


def test_plots_are_pictures_in_the_thread_and_each_comes_once(office: Office, slack: SlackServer) -> None:
    drafted(office.ledger)
    told = measured(2)
    assert shared(office, told).came
    files = there(office)
    assert len(files) == 2
    assert all(slack.workspace.contents[file.file_id].startswith(PNG) for file in files)
    with_files = [one for one in slack.workspace.messages[INCIDENTS].values() if one.get("files")]
    assert len({one["thread_ts"] for one in with_files}) == 1
    assert missing(told.model_copy(update={"files": files})) == []


def test_more_pictures_than_people_look_at_are_not_sent() -> None:
    assert len(missing(measured(MOST_PLOTS + 2))) == MOST_PLOTS


def test_a_plot_that_slack_does_not_take_is_missing_and_nothing_else(
    office: Office, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted(office.ledger)
    less = slack.workspace.options.scopes - {"files:write"}
    monkeypatch.setattr(slack.workspace, "options", replace(slack.workspace.options, scopes=less))
    assert shared(office, measured(1)) == Shared(came=False, refused=None)
    assert there(office) == ()


def test_nobody_waits_for_a_picture_whose_host_is_away(office: Office, slack: SlackServer) -> None:
    told = measured(2)
    plan = drafted(office.ledger, "-a\n+b", found=told.diagnosis)
    lease = investigations.take(office.ledger, 1, "the test", 60)
    assert lease is not None
    looks = [
        Look(key=one.id, tool=one.tool, query=one.query, excerpt=one.excerpt, window=_window(one))
        for one in told.evidence
    ]
    investigations.store_evidence(office.ledger, lease, looks)
    slack.fail(Fault(method=UPLOAD, status=503, times=None))
    with pytest.raises(SlackUnreachable, match="503"):
        asyncio.run(advance(office, 1))
    assert [call.method for call in slack.calls].count(UPLOAD) == 1, "one try tells enough of its host"
    assert proposal(office.ledger, plan).state == "PENDING", "what can be read can be signed"
    slack.recover()
    asyncio.run(advance(office, 1))
    assert len(there(office)) == 2


def _window(one: Evidence) -> tuple[datetime, datetime] | None:
    return (one.window_start, one.window_end) if one.window_start and one.window_end else None
