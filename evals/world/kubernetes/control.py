"""``/__world__``: effects and faults for other processes, with the administrator's token."""

from __future__ import annotations

import orjson

from evals.world.kubernetes.call import Answer
from evals.world.kubernetes.effects import Effects
from evals.world.kubernetes.errors import BadRequest, MethodNotAllowed, NotFound
from evals.world.kubernetes.faults import Faults, fault_from_json

PREFIX = "/__world__/"


def control(method: str, path: str, body: bytes, books: tuple[Effects, Faults]) -> Answer:
    """Answer a request to the server's own side door; raises the errors an API request would."""
    effects, faults = books
    what = path.removeprefix(PREFIX)
    if what not in ("effects", "faults"):
        raise NotFound("the server could not find the requested resource", {})
    if method == "DELETE":
        (effects if what == "effects" else faults).clear()
    elif method == "POST" and what == "faults":
        try:
            sent = orjson.loads(body)
            for rule in sent if isinstance(sent, list) else [sent]:
                faults.add(fault_from_json(rule))
        except (ValueError, TypeError) as error:
            raise BadRequest(f"not a fault: {error}") from error
    elif method != "GET":
        raise MethodNotAllowed("the server does not allow this method on the requested resource", {})
    if what == "effects":
        return Answer(body={"effects": [each.as_json() for each in effects.all()]})
    return Answer(body={"faults": faults.as_json()})
