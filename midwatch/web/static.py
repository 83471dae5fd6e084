"""Our own styles, scripts and pictures: each at an address that holds a digest of its content.

So a browser may keep a file for a year, and yet never pairs an old script with a new page.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
KEPT = "public, max-age=31536000, immutable"


@cache
def address(name: str) -> str:
    """Where the file is, with the digest of what it says now. Raises FileNotFoundError for a name of none."""
    return f"/static/{name}?v={hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:16]}"


class Static(StaticFiles):
    """The folder as it is; only what was asked for by its digest is kept by the browser."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with word of how long it may be kept."""
        found = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        # An address of another release must not be remembered for a year under that release's digest.
        fits = found.status_code == 200 and asked and address(path).endswith(f"?v={asked[0]}")
        found.headers["Cache-Control"] = KEPT if fits else "no-cache"
        return found
