"""What ``midwatch check`` found last, kept for the page of the installation."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from midwatch.check_result import Result
from midwatch.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One whole look, and when it was."""

    at: datetime
    results: tuple[Result, ...]


_FILE = TypeAdapter(Checked)


def file_of(settings: Settings) -> Path:
    """Where it is kept."""
    return settings.state_dir / "check.json"


def keep(settings: Settings, results: list[Result]) -> None:
    """Keep it in place of the one before. Raises OSError."""
    path = file_of(settings)
    new = path.with_suffix(".new")
    checked = Checked(at=datetime.now(UTC), results=tuple(results))
    new.write_bytes(orjson.dumps(asdict(checked)))
    # At once or not at all: the page may read it at any moment.
    os.replace(new, path)


def kept_in(path: Path) -> Checked | None:
    """The last look, or None when there is none that can be read."""
    try:
        return _FILE.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
