"""A change of a pod template in words: image, env names, limits, probes. Never a value of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.investigator.analyzers.fields import quotable
from agents.investigator.reasoning_rollouts import changed_values
from tools.kubernetes.objects import JsonObject

_OF_CONTAINER = re.compile(r"^/spec/(?:initC|c)ontainers/(?P<name>[^/]+)/(?P<rest>.+)$")
_RESOURCE = re.compile(r"^resources/(?P<bound>limit|request)s/(?P<what>.+)$")
_PROBE = re.compile(r"^(?P<probe>(?:readiness|liveness|startup)Probe)/(?P<rest>.+)$")
_SHOWN_VALUE = 100


def template_changes(before: JsonObject, after: JsonObject) -> tuple[str, ...]:
    """What differs between two pod templates, the image first, each thing once."""
    told = dict.fromkeys(_told(*one) for one in changed_values(before, after))
    return tuple(sorted(told, key=lambda text: (not text.startswith("image "), text)))


def _told(path: str, old: object, new: object) -> str:
    inside = _OF_CONTAINER.match(path)
    if inside is not None:
        return _of_container(inside["name"], inside["rest"], old, new)
    for prefix, word in (("/metadata/labels/", "label"), ("/metadata/annotations/", "annotation")):
        if path.startswith(prefix):
            # An annotation may hold anything, of any length.
            name = quotable(path.removeprefix(prefix))
            return f"{word} {name}" + (_from_to(old, new) if word == "label" else "")
    parts = path.removeprefix("/spec/").split("/")
    if parts[0] == "volumes" and len(parts) > 1:
        return f"volume {parts[1]}"
    return parts[0] + (_from_to(old, new) if len(parts) == 1 else "")


def _of_container(name: str, rest: str, old: object, new: object) -> str:
    if (bound := _RESOURCE.match(rest)) is not None:
        return f"{bound['what']} {bound['bound']} of {name}{_from_to(old, new)}"
    if (probe := _PROBE.match(rest)) is not None:
        # A probe that comes or goes is told once, not field by field.
        field = probe["rest"].replace("/", ".") if old is not None and new is not None else ""
        return f"{probe['probe']} of {name}" + (f", {field}{_from_to(old, new)}" if field else "")
    parts = rest.split("/")
    if parts[0] == "env" and len(parts) > 1:
        return f"env {parts[1]} of {name}"
    return f"{parts[0]} of {name}" + (_from_to(old, new) if rest == "image" else "")


def _from_to(old: object, new: object) -> str:
    if old is None:
        return f": {_shown(new)}, new"
    return f": {_shown(old)} → {_shown(new)}" if new is not None else f": {_shown(old)}, gone"


def _shown(value: object) -> str:
    return quotable(str(value), limit=_SHOWN_VALUE)


def listed(parts: tuple[str, ...], most: int = 4) -> Iterator[str]:
    """The first parts, and how many more there are."""
    yield from parts[:most]
    if len(parts) > most:
        yield f"{len(parts) - most} more"
