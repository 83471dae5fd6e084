"""HTTP mode: signed callbacks to the app's request URL, with Slack's retries for events.

Signature: https://docs.slack.dev/authentication/verifying-requests-from-slack (``v0=`` HMAC-SHA256 over
``v0:timestamp:body``).
"""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx

from evals.world.slack.journal import Delivery
from evals.world.slack.options import SlackOptions
from evals.world.trust import trusted

FORM: Final = "application/x-www-form-urlencoded"
_AGENT: Final = "Slackbot 1.0 (+https://api.slack.com/robots)"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """One request ready to be posted, and to be posted again by an attacker who recorded it."""

    body: bytes
    headers: dict[str, str]


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of ``X-Slack-Signature``. ``timestamp`` is Unix seconds."""
    base = b"v0:" + str(timestamp).encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def signed(body: bytes, content_type: str, secret: str, timestamp: int) -> Signed:
    """A request as Slack sends it."""
    headers = {
        "Content-Type": content_type,
        "User-Agent": _AGENT,
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": sign(secret, timestamp, body),
    }
    return Signed(body=body, headers=headers)


def encoded(delivery: Delivery) -> tuple[bytes, str]:
    """Body and content type: JSON for events, ``payload=`` for interactivity, flat fields for commands."""
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload).encode(), "application/json"
    if delivery.kind == "slash_commands":
        return urlencode(delivery.payload).encode(), FORM
    return urlencode({"payload": json.dumps(delivery.payload)}).encode(), FORM


class HttpPoster:
    """Posts deliveries; 2xx within the limit is the acknowledgement."""

    def __init__(self, options: SlackOptions) -> None:
        self.options = options
        # Proxy settings of the environment are ignored: the other end is on loopback.
        self._client = httpx.AsyncClient(
            verify=trusted(), trust_env=False, timeout=options.ack_timeout_s, follow_redirects=False
        )

    async def close(self) -> None:
        """Close idle connections."""
        await self._client.aclose()

    async def deliver(self, delivery: Delivery, url: str | None) -> None:
        """One attempt, and for events the retries Slack makes, with their headers."""
        if url is None:
            delivery.attempts.append("no_connection")
            return
        await self._attempt(delivery, url)
        # Interactions and commands are never repeated: the person is told and clicks again.
        delays = self.options.event_retry_delays_s if delivery.kind == "events_api" else ()
        for delay in delays:
            if delivery.acknowledged:
                return
            await asyncio.sleep(delay)
            await self._attempt(delivery, url)

    async def _attempt(self, delivery: Delivery, url: str) -> None:
        body, content_type = encoded(delivery)
        request = signed(
            body, content_type, self.options.credentials.signing_secret, int(self.options.clock())
        )
        if delivery.attempts:
            request.headers["X-Slack-Retry-Num"] = str(len(delivery.attempts))
            request.headers["X-Slack-Retry-Reason"] = _reason(delivery.attempts[-1])
        try:
            answer = await self._client.post(url, content=request.body, headers=request.headers)
        except httpx.TimeoutException:
            delivery.attempts.append("timeout")
            return
        except httpx.TransportError:
            delivery.attempts.append("refused")
            return
        if answer.is_success:
            delivery.response = _response(answer)
        delivery.attempts.append("acknowledged" if answer.is_success else f"http_{answer.status_code}")


def _reason(word: str) -> str:
    return {"timeout": "http_timeout", "refused": "connection_failed"}.get(word, "http_error")


def _response(answer: httpx.Response) -> dict[str, object]:
    """A JSON answer as it is; plain text as ``{"text": …}``, which Slack shows to the person."""
    # An empty 200 is the usual acknowledgement.
    if not answer.content:
        return {}
    if answer.headers.get("content-type", "").startswith("application/json"):
        try:
            found = answer.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    return {"text": answer.text}
