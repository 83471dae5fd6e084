"""The file with a person's own key for ``midwatch decide``: made here, kept here, sent nowhere.

It names whose it is, as the roster does. Only its owner may read it, or it is not used.
"""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.ledger.signing import public_of

_FOREIGN = stat.S_IRWXG | stat.S_IRWXO


class KeyFileProblem(Exception):
    """The key file cannot be used; the message says which and why."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Whose key it is, and the private half."""

    team_id: str
    user_id: str
    private: bytes = field(repr=False)

    @property
    def public(self) -> str:
        """The public half, for the roster."""
        return public_of(self.private)


def make(path: Path, team_id: str, user_id: str) -> Signer:
    """A new key in a new file. Raises KeyFileProblem; a file that is there is never written over."""
    made = Signer(team_id=team_id, user_id=user_id, private=Ed25519PrivateKey.generate().private_bytes_raw())
    kept = {"version": 1, "team_id": team_id, "user_id": user_id}
    kept["private"] = base64.b64encode(made.private).decode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(orjson.dumps(kept) + b"\n")
    except FileExistsError as problem:
        raise KeyFileProblem(f"there is a file at {path} already, and it stays as it is") from problem
    except OSError as problem:
        raise KeyFileProblem(f"no key can be written to {path}: {problem.strerror}") from problem
    return made


def read(path: Path) -> Signer:
    """The key in a file that nobody else may read. Raises KeyFileProblem."""
    try:
        with path.open("rb") as file:
            # Of the open file: a name could be given to another one between the look and the read.
            found = os.fstat(file.fileno())
            if found.st_mode & _FOREIGN or found.st_uid != os.geteuid():
                raise KeyFileProblem(f"{path} is not yours alone: chmod 600 it, or make a new key")
            kept = orjson.loads(file.read(4096))
        private = base64.b64decode(kept["private"], validate=True)
        signer = Signer(team_id=str(kept["team_id"]), user_id=str(kept["user_id"]), private=private)
        public_of(private)
    except OSError as problem:
        raise KeyFileProblem(f"the key {path} cannot be read: {problem.strerror}") from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise KeyFileProblem(f"{path} is no key of midwatch decide") from problem
    return signer
