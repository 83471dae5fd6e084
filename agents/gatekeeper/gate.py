"""The gate in front of the counter in HTTP mode: whether a request is Slack's, and of this minute. Pure.

Source: Slack's request signing, version v0; threats T7 and T8; property P11.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from agents.incident import Value

WINDOW_S = 60
STAMP = "x-slack-request-timestamp"
SIGNATURE = "x-slack-signature"
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a body at a time in Unix seconds, as Slack writes it."""
    base = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Mark(Value):
    """What a request says about itself: when it was signed, and how."""

    stamp: str
    signature: str

    def fits(self, secret: str, body: bytes) -> bool:
        """Whether our secret makes this very signature of this body."""
        return hmac.compare_digest(self.signature, signature(secret, self.stamp, body))

    @property
    def nonce(self) -> str:
        """What is spent, so that the same signature counts once."""
        return hashlib.sha256(self.signature.encode()).hexdigest()


def mark_of(headers: Iterable[tuple[str, str]], now: float) -> Mark | None:
    """The mark, if there is exactly one, well-formed and at most 60 seconds old. Names are lower case.

    Needs no body, so whoever cannot even write a header is turned away before anything is read.
    """
    given: dict[str, list[str]] = {STAMP: [], SIGNATURE: []}
    for name, value in headers:
        if name in given:
            given[name].append(value)
    # Two copies of a header leave the choice to whoever reads it next.
    if [len(values) for values in given.values()] != [1, 1]:
        return None
    stamp, seal = given[STAMP][0], given[SIGNATURE][0]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and _SIGNATURE.fullmatch(seal)):
        return None
    return Mark(stamp=stamp, signature=seal) if abs(now - int(stamp)) <= WINDOW_S else None
