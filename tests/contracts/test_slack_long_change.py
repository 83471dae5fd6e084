"""A change that does not fit on a card: a file in the thread first, and until it is there nobody signs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.gatekeeper.office import Office
from agents.gatekeeper.posting import advance
from agents.ledger.tags import Tag
from evals.world.slack import SlackServer
from tests.contracts import test_slack_posting
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_posting import actions_in, drafted, looked, proposal, said
from tools.slack import SlackRefused

slack, office = test_slack_posting.slack, test_slack_posting.office
LONG = "\n".join(str(n) for n in range(3_500))


def test_a_change_that_does_not_fit_is_a_file_in_the_thread_before_it_can_be_signed(
    office: Office, slack: SlackServer
) -> None:
    plan = drafted(office.ledger, LONG)
    since = len(slack.calls)
    asyncio.run(advance(office, 1))
    calls = [call for call in slack.calls[since:] if call.method.startswith(("chat.", "files."))]
    assert [call.method for call in calls] == [
        "chat.postMessage",
        "files.getUploadURLExternal",
        "files.completeUploadExternal",
        "chat.update",
    ]
    assert actions_in(calls[0].arguments) == ["reject", "details", "snooze"]
    assert actions_in(calls[3].arguments)[0] == "approve"
    (shared,) = slack.workspace.files.values()
    body = slack.workspace.contents[shared["id"]].decode()
    assert LONG in body
    assert plan.digest in body
    assert shared["sha256"] in str(calls[3].arguments)
    assert shared["permalink"] in str(calls[3].arguments)
    ((_, said, _, plan_id),) = record(office.ledger, Tag.FILE_SHARED.value)
    assert (said["sha256"], plan_id) == (shared["sha256"], plan.id)
    assert proposal(office.ledger, plan).state == "PENDING"
    assert looked(office, slack) == []


def test_what_slack_does_not_take_as_a_file_cannot_be_signed(
    office: Office, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = drafted(office.ledger, LONG)
    less = slack.workspace.options.scopes - {"files:write"}
    monkeypatch.setattr(slack.workspace, "options", replace(slack.workspace.options, scopes=less))
    with pytest.raises(SlackRefused, match="missing_scope"):
        asyncio.run(advance(office, 1))
    assert proposal(office.ledger, plan).state == "DRAFT"
    assert "approve" not in actions_in(said(slack)[-1][1])
