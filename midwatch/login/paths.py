"""Where a person may be sent: to our own pages and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

HOME = "/incidents"
LONGEST = 1000


def inside(path: str) -> str:
    """A path of ours that somebody wanted, or the first page: a login leads nowhere else (open redirect)."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return HOME
    plain = path.startswith("/") and not path.startswith("//") and not parts.scheme and not parts.netloc
    # Browsers read a backslash as a slash, and drop tabs and line breaks before they look.
    return path if plain and path.isprintable() and "\\" not in path and len(path) <= LONGEST else HOME
