"""How the pretend Slack reaches an app: Socket Mode's envelopes, HTTP's signatures, and their failures."""

import asyncio
import json
import threading
import warnings
from collections.abc import Iterator

import pytest
from slack_bolt.adapter.socket_mode.websockets import AsyncSocketModeHandler as WebsocketsHandler
from slack_bolt.async_app import AsyncAck
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from evals.world.slack import FalseClick, Forge, Person, SlackServer
from evals.world.slack.people import ADA, INCIDENTS, MIA
from evals.world.slack.wire import JsonObject
from tests.support.patience import patient, until
from tests.support.slack_world import (
    Clock,
    bolt_app,
    incident_card,
    listening,
    over_http,
    over_socket,
    silent_listener,
    web_client,
)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient(event_retry_delays_s=(0.0, 0.0))) as server:
        yield server


@pytest.fixture
def hasty() -> Iterator[SlackServer]:
    """For what comes of an acknowledgement that is late: here none comes in time by chance."""
    with SlackServer(patient(ack_timeout_s=0.4)) as server:
        yield server


async def card(slack: SlackServer) -> str:
    return str(
        (await web_client(slack).chat_postMessage(channel=INCIDENTS, text="c", blocks=incident_card()))["ts"]
    )


async def false_click(slack: SlackServer, **differs: object) -> JsonObject:
    false = FalseClick(user_id=ADA, channel=INCIDENTS, ts=await card(slack), action_id="approve", **differs)  # type: ignore[arg-type]
    return await asyncio.to_thread(Forge(slack).click, false)


class Ears:
    """A Socket Mode client that acknowledges only when told to."""

    def __init__(self, slack: SlackServer, *, acknowledges: bool) -> None:
        self.client = SocketModeClient(slack.credentials.app_token, web_client=web_client(slack))
        self.heard: list[SocketModeRequest] = []
        self.acknowledges = acknowledges
        self.client.socket_mode_request_listeners.append(self._hear)  # type: ignore[arg-type]

    async def _hear(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if self.acknowledges:
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    async def __aenter__(self) -> "Ears":
        await self.client.connect()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.client.close()
        await asyncio.gather(self.client.message_processor, return_exceptions=True)


async def connected(slack: SlackServer, count: int) -> None:
    await until(lambda: slack.connections == count)


async def test_an_envelope_not_acknowledged_in_time_goes_to_another_connection(hasty: SlackServer) -> None:
    async with Ears(hasty, acknowledges=False) as deaf, Ears(hasty, acknowledges=False) as other:
        await connected(hasty, 2)
        payload = await false_click(hasty)
        before = len(deaf.heard) + len(other.heard)
        delivery = await asyncio.to_thread(Forge(hasty).deliver, payload)
        assert delivery.attempts == ["timeout", "timeout"]
        await until(lambda: len(deaf.heard) + len(other.heard) >= before + 2)


async def test_an_acknowledged_envelope_goes_to_one_connection_only(slack: SlackServer) -> None:
    async with Ears(slack, acknowledges=True) as one, Ears(slack, acknowledges=True) as other:
        await connected(slack, 2)
        payload = await false_click(slack)
        before = len(one.heard) + len(other.heard)
        assert (await asyncio.to_thread(Forge(slack).deliver, payload)).attempts == ["acknowledged"]
        assert len(one.heard) + len(other.heard) == before + 1


async def test_an_event_sent_again_says_how_often_and_why(hasty: SlackServer) -> None:
    async with Ears(hasty, acknowledges=False) as first, Ears(hasty, acknowledges=False) as second:
        await connected(hasty, 2)
        await asyncio.to_thread(
            hasty.deliver, "events_api", {"type": "event_callback", "event": {"type": "x"}}
        )
        await until(lambda: len(first.heard) + len(second.heard) == 2)
        requests = sorted([*first.heard, *second.heard], key=lambda request: request.retry_attempt or 0)
        assert [(r.retry_attempt, r.retry_reason) for r in requests] == [(0, ""), (1, "timeout")]
        assert requests[0].envelope_id == requests[1].envelope_id


async def test_without_a_connection_a_click_is_lost_and_said_to_be(slack: SlackServer) -> None:
    await card(slack)
    ada = Person(slack.page_url, ADA)
    outcome = await asyncio.to_thread(lambda: ada.click(ada.wait_for_button("approve")))
    assert outcome.error == "app_did_not_respond"
    assert slack.deliveries[-1].attempts == ["no_connection"]


async def test_bolt_comes_back_after_a_refresh(slack: SlackServer) -> None:
    async with over_socket(slack, bolt_app(slack)):
        await connected(slack, 1)
        opened = len([call for call in slack.calls if call.method == "apps.connections.open"])
        await asyncio.to_thread(slack.refresh_connections)
        await until(lambda: len([c for c in slack.calls if c.method == "apps.connections.open"]) > opened)
        await connected(slack, 1)


async def test_a_websocket_address_works_once(slack: SlackServer) -> None:
    async with Ears(slack, acknowledges=True) as ears:
        with pytest.raises(Exception, match="403"):
            await ears.client.aiohttp_client_session.ws_connect(str(ears.client.wss_uri))


async def test_the_websockets_variant_of_bolt_works_too(slack: SlackServer) -> None:
    app = bolt_app(slack)
    seen = asyncio.Event()

    @app.action("approve")
    async def approve(ack: AsyncAck) -> None:
        await ack()
        seen.set()

    with warnings.catch_warnings():
        # slack_sdk's websockets client imports that library's deprecated names.
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = WebsocketsHandler(app, slack.credentials.app_token)
        await handler.connect_async()
        try:
            delivery = await asyncio.to_thread(Forge(slack).deliver, await false_click(slack))
            assert delivery.acknowledged
            await until(seen.is_set)
        finally:
            await handler.close_async()
            await asyncio.gather(handler.client.message_processor, return_exceptions=True)


async def test_http_callbacks_are_signed_so_that_the_sdk_verifies_them(slack: SlackServer) -> None:
    received: list[tuple[bytes, dict[str, str]]] = []

    async def answer(request: Request) -> Response:
        received.append((await request.body(), dict(request.headers)))
        return PlainTextResponse("")

    async with listening(answer) as url:
        slack.use("http", url)
        payload = await false_click(slack)
        await asyncio.to_thread(Forge(slack).deliver, payload)
    verifier = SignatureVerifier(slack.credentials.signing_secret)
    assert received
    assert all(verifier.is_valid_request(body, headers) for body, headers in received)
    assert not any(SignatureVerifier("another").is_valid_request(body, headers) for body, headers in received)
    assert any(body.startswith(b"payload=%7B") for body, _ in received)
    assert any(headers["content-type"] == "application/json" for _, headers in received)


async def test_an_http_event_is_retried_with_slacks_headers(slack: SlackServer) -> None:
    retries: list[tuple[str | None, str | None]] = []

    async def answer(request: Request) -> Response:
        retries.append(
            (request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason"))
        )
        return PlainTextResponse("", 500 if len(retries) < 3 else 200)

    async with listening(answer) as url:
        slack.use("http", url)
        delivery = await asyncio.to_thread(
            slack.deliver, "events_api", {"type": "event_callback", "event": {}}
        )
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert delivery.attempts == ["http_500", "http_500", "acknowledged"]


async def test_a_click_over_http_is_tried_once_and_times_out(hasty: SlackServer) -> None:
    with silent_listener() as url:
        hasty.use("http", url)
        delivery = await asyncio.to_thread(hasty.deliver, "interactive", {"type": "block_actions"})
    assert delivery.attempts == ["timeout"]


async def test_a_click_that_nothing_listens_to_is_refused(slack: SlackServer) -> None:
    with silent_listener() as url:
        slack.use("http", url)
    refused = await asyncio.to_thread(slack.deliver, "interactive", {"type": "block_actions"})
    assert refused.attempts == ["refused"]


async def test_bolt_refuses_a_wrong_secret_and_an_old_stamp_and_takes_a_right_request(
    slack: SlackServer,
) -> None:
    app = bolt_app(slack)
    app.action("approve")(_acknowledge)
    forge = Forge(slack)
    async with over_http(slack, app) as url:
        payload = await false_click(slack)
        good = forge.request(payload)
        statuses = [
            (await asyncio.to_thread(forge.post, url, request))[0]
            for request in (
                forge.request(payload, secret="other"),
                forge.request(payload, age_s=301),
                good,
                good,
            )
        ]
        bad, _ = await asyncio.to_thread(lambda: forge.post(url, good, X_Slack_Signature="v0=00"))
    # The last of the four is a replay: bolt alone takes it, which is why an app needs more than bolt.
    assert statuses == [401, 401, 200, 200]
    assert bad == 401


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


async def test_a_forged_click_differs_from_a_real_one_only_where_it_was_changed(slack: SlackServer) -> None:
    plain = await false_click(slack)
    forged = await false_click(
        slack, value="plan-2.mac", changes={"team": {"id": "T0EVIL"}, "api_app_id": "A0EVIL"}
    )
    assert (forged["team"]["id"], forged["api_app_id"]) == ("T0EVIL", "A0EVIL")
    assert forged["team"]["domain"] == plain["team"]["domain"]
    assert forged["actions"][0]["value"] == "plan-2.mac"
    assert forged.keys() == plain.keys()


async def test_a_stale_button_can_be_forged_after_it_is_gone(slack: SlackServer) -> None:
    ts = await card(slack)
    await web_client(slack).chat_update(channel=INCIDENTS, ts=ts, text="decided", blocks=[])
    click = FalseClick(user_id=MIA, channel=INCIDENTS, ts=ts, action_id="approve", value="plan-1.mac")
    payload = await asyncio.to_thread(Forge(slack).click, click)
    assert payload["actions"][0]["value"] == "plan-1.mac"
    assert payload["message"]["ts"] == ts


async def test_the_mode_can_be_switched_while_running(hasty: SlackServer) -> None:
    async with Ears(hasty, acknowledges=True) as ears:
        await asyncio.to_thread(hasty.deliver, "interactive", {"type": "one"})
        with silent_listener() as url:
            hasty.use("http", url)
            await asyncio.to_thread(hasty.deliver, "interactive", {"type": "two"})
        hasty.use("socket")
        await asyncio.to_thread(hasty.deliver, "interactive", {"type": "three"})
        await until(lambda: len(ears.heard) == 2)
        assert [request.payload["type"] for request in ears.heard] == ["one", "three"]


async def test_events_of_channels_without_the_app_are_not_told(slack: SlackServer) -> None:
    async with Ears(slack, acknowledges=True) as ears:
        ada = Person(slack.page_url, ADA)
        await asyncio.to_thread(ada.say, "general", "not for the app")
        await asyncio.to_thread(ada.say, "incidents", "for the app")
        await until(lambda: ears.heard)
        assert [request.payload["event"]["text"] for request in ears.heard] == ["for the app"]


def test_a_stopped_workspace_leaves_no_thread_and_frees_its_port() -> None:
    slack = SlackServer(patient(clock=Clock())).start()
    port = int(slack.page_url.rsplit(":", 1)[1].split("/")[0])
    slack.stop()
    slack.stop()
    assert "pretend-slack" not in {thread.name for thread in threading.enumerate()}
    with SlackServer(patient(port=port)) as again:
        assert json.dumps(Person(again.page_url, ADA).state())
