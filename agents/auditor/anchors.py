"""Anchors: checkpoints told at places that whoever can write the database cannot reach back into.

Here the file; the chat is reached over ``Outlet``, which the program fills in, because the auditor
holds no token of anybody.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol

from agents.auditor.keys import KeyRing
from agents.auditor.notes import NotANote, Note, notes_in
from agents.auditor.verify import Outside

CHAT = "chat"


class Outlet(Protocol):
    """A place where people and machines outside this one read along."""

    async def post(self, text: str, key: str) -> str:
        """Say it there once, however often it is asked under the same key; where it stands, or nothing
        when the place cannot be reached now."""


def append(path: Path, *notes: Note) -> None:
    """Put the notes at the end of the file, on the disk when this returns. Raises OSError.

    One write to a file that only grows: whoever lets nobody else open it may set it append-only as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        content = "".join(f"{note.text()}\n" for note in notes).encode()
        before = os.fstat(handle).st_size
        if os.write(handle, content) != len(content):
            # Half a note would spoil the next one, which is written behind it.
            os.ftruncate(handle, before)
            raise OSError(errno.ENOSPC, "the anchor could not be written whole", str(path))
        os.fsync(handle)
    finally:
        os.close(handle)


def kept(path: Path) -> list[Note]:
    """The notes in the file, none where there is no file. Raises NotANote and OSError."""
    if not path.exists():
        return []
    return list(notes_in(path.read_text(encoding="utf-8", errors="replace")))


def outside(keys: KeyRing, anchor_file: Path, given: tuple[str, ...] = ()) -> Outside:
    """What is known outside the database: the keys, the anchor file, and anchors that were handed in.

    ``given`` are texts, or names of files with them. Raises KeyProblem, NotANote and OSError.
    """
    found = [(str(anchor_file), note) for note in kept(anchor_file)]
    for one in given:
        # A note has several lines, and no name of a file does.
        text = one if "\n" in one else Path(one).read_text(encoding="utf-8", errors="replace")
        notes = [("what was handed in", note) for note in notes_in(text)]
        if not notes:
            raise NotANote(f"there is no signed checkpoint in: {one[:80]}")
        found += notes
    return Outside(trust=keys.trust(), anchors=tuple(found))
