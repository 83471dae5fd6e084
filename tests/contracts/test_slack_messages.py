"""The pretend Slack's messages, files and lookups, promised to the real slack_sdk client."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from evals.world.slack import SlackServer
from evals.world.slack.people import (
    ADA,
    BEN,
    DORA,
    GENERAL,
    GUS,
    INCIDENTS,
    ONCALL_GROUP,
    ROBO,
    STELLA,
    WANDA,
)
from tests.support.patience import patient
from tests.support.slack_world import Clock, incident_card, web_client
from tools.slack import Message, Slack, SlackUnreachable
from tools.slack_pace import Pace


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


async def refusal(call: object) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call  # type: ignore[misc]
    return str(caught.value.response["error"])


async def test_the_token_names_the_bot_its_team_and_its_scopes(slack: SlackServer) -> None:
    answer = await web_client(slack).auth_test()
    ours = slack.credentials
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == (
        ours.team_id,
        ours.bot_user_id,
        ours.bot_id,
    )
    assert "chat:write" in answer.headers["x-oauth-scopes"]


async def test_a_wrong_missing_or_app_level_token_is_refused_by_name(slack: SlackServer) -> None:
    wrong = AsyncWebClient(token="xoxb-wrong", base_url=slack.url)
    missing = AsyncWebClient(base_url=slack.url)
    client = web_client(slack)
    assert await refusal(wrong.auth_test()) == "invalid_auth"
    assert await refusal(missing.auth_test()) == "not_authed"
    assert (
        await refusal(client.apps_connections_open(app_token=slack.credentials.bot_token))
        == "not_allowed_token_type"
    )
    assert await refusal(client.api_call("chat.noSuchThing")) == "unknown_method"
    assert slack.credentials.bot_token not in repr(slack.calls)


async def test_a_scope_left_out_at_installation_is_named() -> None:
    with SlackServer(patient(scopes=frozenset({"chat:write"}))) as narrow:
        client = web_client(narrow)
        with pytest.raises(SlackApiError) as caught:
            await client.users_info(user=ADA)
        assert caught.value.response["needed"] == "users:read"


async def test_a_card_is_posted_updated_in_place_and_found_again(slack: SlackServer) -> None:
    client = web_client(slack)
    posted = await client.chat_postMessage(
        channel=INCIDENTS, text="card", blocks=incident_card(), unfurl_links=False
    )
    blocks = posted["message"]["blocks"]
    assert all(block["block_id"] for block in blocks)
    await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="decided", blocks=[])
    history = await client.conversations_history(channel=INCIDENTS)
    (found,) = history["messages"]
    assert (found["ts"], found["text"], "blocks" in found) == (posted["ts"], "decided", False)
    assert found["edited"]["user"] == slack.credentials.bot_user_id
    assert [call.method for call in slack.calls] == [
        "chat.postMessage",
        "chat.update",
        "conversations.history",
    ]


async def test_an_update_without_blocks_leaves_them_as_they_were(slack: SlackServer) -> None:
    client = web_client(slack)
    posted = await client.chat_postMessage(channel=INCIDENTS, text="card", blocks=incident_card())
    updated = await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="new text")
    assert len(updated["message"]["blocks"]) == len(incident_card())


async def test_json_bodies_are_read_like_forms(slack: SlackServer) -> None:
    body = {"channel": "#incidents", "text": "hello", "blocks": incident_card()}
    posted = await web_client(slack).api_call("chat.postMessage", json=body)
    assert posted["channel"] == INCIDENTS


async def test_metadata_comes_back_only_when_asked_for(slack: SlackServer) -> None:
    client = web_client(slack)
    metadata = {"event_type": "plan", "event_payload": {"id": "plan-1"}}
    await client.chat_postMessage(channel=INCIDENTS, text="card", metadata=metadata)
    plain = await client.conversations_history(channel=INCIDENTS)
    full = await client.conversations_history(channel=INCIDENTS, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == metadata


async def test_a_thread_counts_its_replies_and_stays_out_of_the_channel(slack: SlackServer) -> None:
    client = web_client(slack)
    parent = await client.chat_postMessage(channel=INCIDENTS, text="card")
    for text in ("one", "two"):
        await client.chat_postMessage(channel=INCIDENTS, text=text, thread_ts=parent["ts"])
    history = await client.conversations_history(channel=INCIDENTS)
    replies = await client.conversations_replies(channel=INCIDENTS, ts=parent["ts"])
    assert [m["text"] for m in history["messages"]] == ["card"]
    assert history["messages"][0]["reply_count"] == 2
    assert [m["text"] for m in replies["messages"]] == ["card", "one", "two"]


async def test_history_is_newest_first_and_paged_by_cursor(slack: SlackServer) -> None:
    client = web_client(slack)
    for number in range(5):
        await client.chat_postMessage(channel=INCIDENTS, text=str(number))
    texts = []
    async for page in await client.conversations_history(channel=INCIDENTS, limit=2):
        texts.append([m["text"] for m in page["messages"]])
    assert texts == [["4", "3"], ["2", "1"], ["0"]]


async def test_message_ids_are_unique_while_the_clock_stands_still() -> None:
    with SlackServer(patient(clock=Clock())) as slack:
        client = web_client(slack)
        stamps = [(await client.chat_postMessage(channel=INCIDENTS, text="x"))["ts"] for _ in range(5)]
    assert stamps == sorted(set(stamps))


async def test_posting_where_the_app_may_not_be_is_refused_by_name(slack: SlackServer) -> None:
    client = web_client(slack)
    assert await refusal(client.chat_postMessage(channel="C0NOWHERE00", text="x")) == "channel_not_found"
    assert await refusal(client.chat_postMessage(channel=GENERAL, text="x")) == "not_in_channel"
    silent = client.api_call("chat.postMessage", data={"channel": INCIDENTS})
    assert await refusal(silent) == "no_text"
    assert await refusal(client.chat_postMessage(channel=INCIDENTS, text="x" * 40_001)) == "msg_too_long"
    assert (
        await refusal(client.chat_update(channel=INCIDENTS, ts="1.000001", text="x")) == "message_not_found"
    )


async def test_only_its_own_messages_can_be_changed_or_deleted(slack: SlackServer) -> None:
    client = web_client(slack)
    own = await client.chat_postMessage(channel=INCIDENTS, text="mine")
    said = slack.call(
        lambda: slack.workspace.post(slack.workspace.channel(INCIDENTS), {"user": ADA, "text": "hers"})["ts"]
    )
    assert await refusal(client.chat_update(channel=INCIDENTS, ts=said, text="x")) == "cant_update_message"
    assert await refusal(client.chat_delete(channel=INCIDENTS, ts=said)) == "cant_delete_message"
    await client.chat_delete(channel=INCIDENTS, ts=own["ts"])
    assert len((await client.conversations_history(channel=INCIDENTS))["messages"]) == 1


async def test_a_permalink_leads_to_the_page_at_that_message(slack: SlackServer) -> None:
    client = web_client(slack)
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x")
    link = (await client.chat_getPermalink(channel=INCIDENTS, message_ts=posted["ts"]))["permalink"]
    assert link.startswith(slack.page_url.removesuffix("page"))
    assert link.endswith(f"/archives/{INCIDENTS}/p{posted['ts'].replace('.', '')}")


async def test_an_ephemeral_note_reaches_members_only_and_is_never_in_history(slack: SlackServer) -> None:
    client = web_client(slack)
    await client.chat_postEphemeral(channel=INCIDENTS, user=ADA, text="only you")
    assert (
        await refusal(client.chat_postEphemeral(channel=INCIDENTS, user=STELLA, text="x"))
        == "user_not_in_channel"
    )
    assert not (await client.conversations_history(channel=INCIDENTS))["messages"]


async def test_users_carry_the_fields_that_tell_their_kind(slack: SlackServer) -> None:
    client = web_client(slack)
    users = {user["id"]: user for user in (await client.users_list())["members"]}
    assert users[GUS]["is_restricted"]
    assert not users[GUS]["is_ultra_restricted"]
    assert users[WANDA]["is_ultra_restricted"]
    assert users[STELLA]["is_stranger"]
    assert users[STELLA]["team_id"] != slack.credentials.team_id
    assert users[ROBO]["is_bot"]
    assert users[DORA]["deleted"]
    assert users[ADA] == (await client.users_info(user=ADA))["user"]
    assert not any(
        users[ADA][flag] for flag in ("deleted", "is_bot", "is_restricted", "is_stranger", "is_app_user")
    )
    assert await refusal(client.users_info(user="U0NOBODY")) == "user_not_found"


async def test_the_on_call_group_lists_its_members_without_the_deactivated(slack: SlackServer) -> None:
    client = web_client(slack)
    slack.call(lambda: slack.workspace.user(BEN).update(deleted=True))
    assert (await client.usergroups_users_list(usergroup=ONCALL_GROUP))["users"] == [ADA]
    assert await refusal(client.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"


async def test_channels_say_whether_the_app_is_in_them(slack: SlackServer) -> None:
    client = web_client(slack)
    channels = {entry["id"]: entry for entry in (await client.conversations_list())["channels"]}
    assert channels[INCIDENTS]["is_member"]
    assert not channels[GENERAL]["is_member"]
    members = (await client.conversations_members(channel=INCIDENTS))["members"]
    assert slack.credentials.bot_user_id in members


async def test_a_file_is_uploaded_shared_in_the_thread_and_read_back(slack: SlackServer) -> None:
    client = web_client(slack)
    parent = await client.chat_postMessage(channel=INCIDENTS, text="card")
    answer = await client.files_upload_v2(
        channel=INCIDENTS,
        thread_ts=parent["ts"],
        content="+ image: a\n",
        filename="change.diff",
        title="Change",
    )
    replies = await client.conversations_replies(channel=INCIDENTS, ts=parent["ts"])
    (file,) = replies["messages"][1]["files"]
    assert (file["id"], file["title"], file["size"]) == (answer["file"]["id"], "Change", 11)
    assert slack.workspace.contents[file["id"]] == b"+ image: a\n"


async def test_completing_an_upload_that_never_arrived_is_refused(slack: SlackServer) -> None:
    client = web_client(slack)
    issued = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    call = client.files_completeUploadExternal(
        files=[{"id": issued["file_id"], "title": "a"}], channel_id=INCIDENTS
    )
    assert await refusal(call) == "file_not_found"


async def test_the_same_reaction_twice_is_refused(slack: SlackServer) -> None:
    client = web_client(slack)
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x")
    await client.reactions_add(channel=INCIDENTS, timestamp=posted["ts"], name="eyes")
    again = client.reactions_add(channel=INCIDENTS, timestamp=posted["ts"], name="eyes")
    assert await refusal(again) == "already_reacted"


async def test_posting_too_fast_is_429_and_the_sdk_waits_as_long_as_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now += seconds

    # The handler is slack_sdk's own; only its sleeping is replaced, by moving the workspace's clock.
    monkeypatch.setattr("slack_sdk.http_retry.builtin_async_handlers.asyncio", SimpleNamespace(sleep=sleep))
    with SlackServer(patient(clock=clock, post_burst=1)) as slack:
        client = web_client(slack)
        await client.chat_postMessage(channel=INCIDENTS, text="first")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=INCIDENTS, text="second")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "1"
        client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
        await client.chat_postMessage(channel=INCIDENTS, text="second")
        assert len(waits) == 1
        assert waits[0] >= 1
        assert [call.status for call in slack.calls] == [200, 429, 429, 200]


async def test_changing_messages_too_fast_is_429_for_the_whole_workspace_and_notes_have_another_limit() -> (
    None
):
    clock = Clock()
    with SlackServer(patient(clock=clock, post_burst=2, update_burst=2, updates_per_minute=60)) as slack:
        client = web_client(slack)
        posted = [await client.chat_postMessage(channel=INCIDENTS, text="card") for _ in range(2)]
        for one in posted:
            await client.chat_update(channel=INCIDENTS, ts=one["ts"], text="changed")
            await client.chat_postEphemeral(channel=INCIDENTS, user=ADA, text="a note")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_update(channel=INCIDENTS, ts=posted[0]["ts"], text="again")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "1"
        clock.now += 1
        await client.chat_update(channel=INCIDENTS, ts=posted[0]["ts"], text="again")


@pytest.mark.parametrize("turns", [True, False])
async def test_with_turns_nobody_is_told_to_wait_and_without_them_somebody_is(turns: bool) -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    with SlackServer(patient(clock=clock, post_burst=5, update_burst=20)) as slack:
        pace = Pace(clock=clock, sleep=sleep) if turns else Pace(factor=1000)
        said = Slack(client=web_client(slack), pace=pace)

        async def storm() -> None:
            for _ in range(20):
                ts = await said.post(INCIDENTS, Message(blocks=[], text="card"))
                for text in ("a", "b"):
                    await said.update(INCIDENTS, ts, Message(blocks=[], text=text))

        if not turns:
            with pytest.raises(SlackUnreachable, match="ratelimited"):
                await storm()
            return
        await storm()
        assert {call.status for call in slack.calls} == {200}
