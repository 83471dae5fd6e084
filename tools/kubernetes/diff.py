"""A diff of two objects as people read them: YAML lines, what a server adds by itself left out.

Nothing is ever truncated: what is approved is shown whole, or shown as a file.
"""

from __future__ import annotations

import copy
import difflib

import yaml

from tools.kubernetes.actions.verb import MARK
from tools.kubernetes.objects import JsonObject

_SERVER_OWNED = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_CONTEXT_LINES = 3


def readable(obj: JsonObject) -> str:
    """The object as YAML without status, server-owned metadata and our own mark."""
    plain = copy.deepcopy(obj)
    plain.pop("status", None)
    meta = plain.get("metadata", {})
    for key in _SERVER_OWNED:
        meta.pop(key, None)
    annotations = meta.get("annotations", {})
    for noise in (MARK, "kubectl.kubernetes.io/last-applied-configuration"):
        annotations.pop(noise, None)
    if not annotations:
        meta.pop("annotations", None)
    return yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, width=10_000)


def diff(before: JsonObject, after: JsonObject) -> str:
    """The changed lines with three lines around each; empty when nothing visible changes."""
    lines = difflib.unified_diff(
        readable(before).splitlines(), readable(after).splitlines(), lineterm="", n=_CONTEXT_LINES
    )
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))
