"""What is made as files, byte for byte, reviewed like code: what a verb sends, a card shows, a ledger keeps.

``MIDWATCH_WRITE_GOLDEN=1`` writes what is made now, for a person to look at the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlencode

from tools.kubernetes.client import Request

# Asked at the import: during the tests the environment is a bare one.
_WRITES = bool(os.environ.get("MIDWATCH_WRITE_GOLDEN"))
_FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDER = _FIXTURES / "requests"


def golden(name: str, request: Request) -> bytes:
    """The bytes on file for this name; written anew first when the environment asks for it."""
    return _kept(FOLDER / f"{name}.http", as_sent(request))


def golden_lines(name: str, lines: list[object]) -> str:
    """What is on file of a card's blocks or a ledger's rows, one a line; written as ``golden`` does."""
    return _kept(_FIXTURES / f"{name}.jsonl", as_lines(lines).encode()).decode()


def _kept(path: Path, made: bytes) -> bytes:
    if _WRITES:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
    return path.read_bytes()


def as_lines(lines: list[object]) -> str:
    """Each as JSON on a line of its own, so that a difference shows one block."""
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def as_sent(request: Request) -> bytes:
    """Request line, content type and body, as they go over the wire."""
    query = f"?{urlencode(request.query)}" if request.query else ""
    head = f"{request.method} {request.path}{query}\nContent-Type: {request.content_type}\n\n"
    return head.encode() + request.body + b"\n"
