"""Silences of the pretend Alertmanager: API version 2, without sockets and without a clock of its own.

Rules follow Alertmanager's silence package: a new silence never begins in the past, an ended one stays
listed as expired, a silence is compared by what its matchers say and not by how they are written.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from evals.world.clock import Clock
from evals.world.kubernetes.objects import JsonObject
from evals.world.loopback import Asked, Reply

_ONE, _ALL = "/api/v2/silence/", "/api/v2/silences"
_FILTER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"?([^"]*)"?\s*')


class Refused(Exception):
    """The silence that was posted cannot be one; the message is Alertmanager's."""


@dataclass(kw_only=True)
class _Silence:
    id: str
    matchers: list[JsonObject]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str

    def state(self, now: datetime) -> str:
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"

    def mutes(self, labels: Mapping[str, str]) -> bool:
        return all(_agrees(matcher, labels.get(matcher["name"], "")) for matcher in self.matchers)

    def told(self, now: datetime) -> JsonObject:
        return {
            "id": self.id,
            "status": {"state": self.state(now)},
            "updatedAt": _stamp(self.starts_at),
            "comment": self.comment,
            "createdBy": self.created_by,
            "endsAt": _stamp(self.ends_at),
            "matchers": self.matchers,
            "startsAt": _stamp(self.starts_at),
        }


class Silences:
    """Every silence there was; safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._all: dict[str, _Silence] = {}

    def by(self, labels: Mapping[str, str]) -> list[str]:
        """The ids of the silences that are in force for an alert with these labels."""
        now = self._clock.now()
        with self._lock:
            known = list(self._all.values())
        return [each.id for each in known if each.state(now) == "active" and each.mutes(labels)]

    def answer(self, asked: Asked) -> Reply:
        """One request under ``/api/v2/silence``."""
        if not asked.path.startswith((_ONE, _ALL)):
            return Reply(body={"code": 404, "message": f"path {asked.path} was not found"}, status=404)
        if (asked.method, asked.path) == ("POST", _ALL):
            return self._create(asked)
        if (asked.method, asked.path) == ("GET", _ALL):
            return self._listed(asked)
        if asked.path.startswith(_ONE) and asked.method in ("GET", "DELETE"):
            return self._single(asked.method, asked.path.removeprefix(_ONE))
        return Reply(body={"code": 405, "message": "method is not allowed"}, status=405)

    def _create(self, asked: Asked) -> Reply:
        try:
            made = _silence(json.loads(asked.body), self._clock.now())
        except Refused as problem:
            return Reply(body=json.dumps(f"Failed to create silence: {problem}"), status=400)
        except (ValueError, KeyError, TypeError) as problem:
            return Reply(body={"code": 400, "message": f"parsing silence body failed: {problem}"}, status=400)
        with self._lock:
            self._all[made.id] = made
        return Reply(body={"silenceID": made.id})

    def _listed(self, asked: Asked) -> Reply:
        now = self._clock.now()
        wanted = [_FILTER.fullmatch(text) for text in asked.query.get("filter", [])]
        if not all(wanted):
            return Reply(body=json.dumps("bad matcher format"), status=400)
        pairs = [(match[1], match[2]) for match in wanted if match]
        with self._lock:
            found = [each.told(now) for each in self._all.values() if _has(each, pairs)]
        return Reply(body=found)

    def _single(self, method: str, name: str) -> Reply:
        now = self._clock.now()
        with self._lock:
            found = self._all.get(name)
            if found is None:
                # As 0.25 was measured; newer ones answer 404 to both.
                return Reply(body="", status=404) if method == "GET" else _gone("silence not found")
            if method == "GET":
                return Reply(body=found.told(now))
            if found.state(now) == "expired":
                return _gone(f"silence {name} already expired")
            found.ends_at = now
            return Reply(body="")


def _gone(message: str) -> Reply:
    return Reply(body=json.dumps(message), status=500)


def _silence(body: JsonObject, now: datetime) -> _Silence:
    starts, ends = (datetime.fromisoformat(body[key]) for key in ("startsAt", "endsAt"))
    if starts >= ends:
        raise Refused("start time must be before end time")
    if ends < now:
        raise Refused("end time can't be in the past")
    if not body["matchers"]:
        raise Refused("silence invalid: at least one matcher required")
    if all(_agrees(matcher, "") for matcher in body["matchers"]):
        raise Refused("silence invalid: at least one matcher must not match the empty string")
    return _Silence(
        id=str(uuid.uuid4()),
        matchers=[{"isEqual": True, **matcher} for matcher in body["matchers"]],
        starts_at=max(starts, now),
        ends_at=ends,
        created_by=body["createdBy"],
        comment=body["comment"],
    )


def _agrees(matcher: JsonObject, value: str) -> bool:
    wanted = matcher["value"]
    same = re.fullmatch(wanted, value) is not None if matcher["isRegex"] else wanted == value
    return same is matcher.get("isEqual", True)


def _has(silence: _Silence, pairs: list[tuple[str, str]]) -> bool:
    named = {matcher["name"]: matcher["value"] for matcher in silence.matchers}
    return all(named.get(name) == value for name, value in pairs)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
