"""Requests as files: what a verb sends, byte for byte, reviewed like code.

``MIDWATCH_WRITE_GOLDEN=1`` writes what is sent now, for a person to look at the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlencode

from tools.kubernetes.client import Request

# Asked at the import: during the tests the environment is a bare one.
_WRITES = bool(os.environ.get("MIDWATCH_WRITE_GOLDEN"))
FOLDER = Path(__file__).parents[1] / "fixtures/requests"


def golden(name: str, request: Request) -> bytes:
    """The bytes on file for this name; written anew first when the environment asks for it."""
    path = FOLDER / f"{name}.http"
    if _WRITES:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_sent(request))
    return path.read_bytes()


def as_sent(request: Request) -> bytes:
    """Request line, content type and body, as they go over the wire."""
    query = f"?{urlencode(request.query)}" if request.query else ""
    head = f"{request.method} {request.path}{query}\nContent-Type: {request.content_type}\n\n"
    return head.encode() + request.body + b"\n"
