"""Checkpoints as signed notes: a few lines of text that a person can paste and a machine can check. Pure.

The form is that of C2SP's tlog-checkpoint: origin, number of rows, root of the tree in base64; then two
lines of ours, the chain's head and the time; an empty line; and a line a signature, which begins with
``— ``, names the key and holds four bytes of its id and the Ed25519 signature over all text above.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

MARK = "— "
ID_BYTES = 4
_BODY = re.compile(
    r"(?P<origin>[!-~]+)\n(?P<size>[0-9]{1,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"head (?P<head>[0-9a-f]{64})\nat (?P<at>[0-9T:.+-]{25,32})\n"
)


class NotANote(ValueError):
    """The text is no signed checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The record up to and with row ``size``: the tree's root, the chain's head, and when it was signed."""

    origin: str
    size: int
    root: bytes
    head: bytes
    at: datetime

    def text(self) -> str:
        """The signed text."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\nhead {self.head.hex()}\nat {self.at.isoformat()}\n"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One line below the text: the key by name and id, and what it signed."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line."""
        return f"{MARK}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, kw_only=True)
class Note:
    """A checkpoint with its signatures."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]

    def text(self) -> str:
        """The whole note, as it is stored, posted and pasted."""
        return f"{self.checkpoint.text()}\n{''.join(one.line() for one in self.signatures)}"


def notes_in(text: str) -> Iterator[Note]:
    """Every note in a text, whatever stands around them. Raises NotANote for one that is damaged.

    What a chat adds (blanks at the ends, a fence, words above) does not matter: only the lines do. A note
    that breaks off before its signature, as when a disk was full, counts as words.
    """
    lines: list[str] = []
    for line in [*map(str.strip, text.splitlines()), ""]:
        if lines and lines[-1].startswith(MARK) and not line.startswith(MARK):
            yield read(lines)
            lines = []
        if line.strip("`"):
            lines.append(line)


def read(lines: list[str]) -> Note:
    """The note in these lines, empty ones left out. Raises NotANote."""
    signed = [line for line in lines if line.startswith(MARK)]
    # Words above the note, of whoever pasted it, are no part of it.
    body = [line for line in lines if not line.startswith(MARK)][-5:]
    found = _BODY.fullmatch("".join(f"{line}\n" for line in body))
    if found is None:
        raise NotANote(f"not a checkpoint: {' / '.join(body)[:120]}")
    try:
        checkpoint = Checkpoint(
            origin=found["origin"],
            size=int(found["size"]),
            root=base64.b64decode(found["root"], validate=True),
            head=bytes.fromhex(found["head"]),
            at=datetime.fromisoformat(found["at"]),
        )
        return Note(checkpoint=checkpoint, signatures=tuple(map(_signature, signed)))
    except (ValueError, binascii.Error) as problem:
        raise NotANote(f"not a checkpoint: {problem}") from problem


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(MARK).partition(" ")
    raw = base64.b64decode(encoded, validate=True)
    if len(raw) != ID_BYTES + 64:
        raise NotANote("a signature is of another length")
    return Signature(name=name, key_id=raw[:ID_BYTES], signature=raw[ID_BYTES:])
