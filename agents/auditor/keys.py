"""The auditor's keys: one that signs, and the list of all that ever did.

Both lie outside the database. ``keys/audit`` holds the Ed25519 key (mode 0600); ``keys/audit.trust``
a line a key, the first one trusted because it is the first, every later one because an earlier one
signed it. Replacing the key never makes an old checkpoint worthless.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agents.auditor.notes import ID_BYTES, Checkpoint, Note, Signature

_ED25519 = b"\x01"


class KeyProblem(Exception):
    """A key or the list of keys cannot be used."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """One key as everybody may know it; ``name`` is the origin of the record it signs."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell it from others (C2SP signed-note)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:ID_BYTES]

    def text(self) -> str:
        """``name+id+key``, the form in which keys are handed round."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    @classmethod
    def read(cls, text: str) -> PublicKey:
        """The key in such a text. Raises KeyProblem."""
        try:
            name, _, encoded = text.split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as problem:
            raise KeyProblem(f"not a key: {text[:80]}") from problem
        key = cls(name=name, raw=raw[1:])
        if raw[:1] != _ED25519 or len(raw) != 33 or key.text() != text:
            raise KeyProblem(f"not a key: {text[:80]}")
        return key

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key signed that."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """One line of the list: a key, since when, and the key that vouched for it (none for the first)."""

    key: str
    since: str
    by: str = ""
    signature: str = ""

    def message(self) -> bytes:
        """What the older key signed."""
        return f"midwatch-key-v1\n{self.key}\n{self.since}\n".encode()


@dataclass(frozen=True, kw_only=True)
class Trust:
    """The keys whose signatures count, by id."""

    lines: tuple[Trusted, ...]
    keys: Mapping[bytes, PublicKey]

    @classmethod
    def of(cls, lines: tuple[Trusted, ...]) -> Trust:
        """The list, each key but the first signed by one before it. Raises KeyProblem."""
        keys: dict[bytes, PublicKey] = {}
        if not lines:
            raise KeyProblem("the list of keys is empty")
        for line in lines:
            key = PublicKey.read(line.key)
            older = keys.get(bytes.fromhex(line.by)) if line.by else None
            vouched = older and older.verifies(base64.b64decode(line.signature), line.message())
            if keys and not vouched:
                raise KeyProblem(f"nobody vouches for the key {key.id.hex()}")
            keys[key.id] = key
        return cls(lines=lines, keys=keys)

    @property
    def origin(self) -> str:
        """The name of the record."""
        return next(iter(self.keys.values())).name

    def signed(self, note: Note) -> bool:
        """Whether one of these keys signed the note, under the name of its record."""
        message = note.checkpoint.text().encode()
        for one in note.signatures:
            key = self.keys.get(one.key_id)
            if key is not None and key.name == one.name == note.checkpoint.origin:
                return key.verifies(one.signature, message)
        return False


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """The two files in ``folder``. Read at every use, so a replaced key counts at once."""

    folder: Path

    @property
    def key_file(self) -> Path:
        """The private key."""
        return self.folder / "audit"

    @property
    def trust_file(self) -> Path:
        """The list of keys."""
        return self.folder / "audit.trust"

    def trust(self) -> Trust | None:
        """The list of keys, or None where no auditor ever ran. Raises KeyProblem."""
        try:
            lines = [orjson.loads(line) for line in self.trust_file.read_bytes().splitlines()]
            return Trust.of(tuple(Trusted(**line) for line in lines))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as problem:
            raise KeyProblem(f"the list of keys {self.trust_file} cannot be read: {problem}") from problem

    def open(self, now: datetime) -> Trust:
        """The list of keys, made with the first key where there is none. Raises KeyProblem."""
        try:
            if not self.key_file.exists():
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                fresh = Ed25519PrivateKey.generate().private_bytes_raw()
                self._write(self.key_file, fresh, replace=False)
            if not self.trust_file.exists():
                raw = self._private().public_key().public_bytes_raw()
                # The name outlives the key: it says which record this is, whoever signs it later.
                name = f"midwatch/{hashlib.sha256(raw).hexdigest()[:12]}"
                first = Trusted(key=PublicKey(name=name, raw=raw).text(), since=now.isoformat())
                self._write(self.trust_file, _line(first), replace=False)
        except OSError as problem:
            raise KeyProblem(f"the auditor's key cannot be made: {problem}") from problem
        trust = self.trust()
        if trust is None:
            raise KeyProblem(f"the list of keys {self.trust_file} is gone")
        self._pair(trust)
        return trust

    def sign(self, checkpoint: Checkpoint, trust: Trust) -> Note:
        """The checkpoint, signed. Raises KeyProblem."""
        private, public = self._pair(trust)
        signature = private.sign(checkpoint.text().encode())
        own = Signature(name=public.name, key_id=public.id, signature=signature)
        return Note(checkpoint=checkpoint, signatures=(own,))

    def successor(self, now: datetime) -> tuple[Trusted, bytes]:
        """A new key as its line of the list, vouched for by the present one; and its private bytes."""
        private, older = self._pair(self.open(now))
        fresh = Ed25519PrivateKey.generate()
        key = PublicKey(name=older.name, raw=fresh.public_key().public_bytes_raw())
        plain = Trusted(key=key.text(), since=now.isoformat(), by=older.id.hex())
        vouched = base64.b64encode(private.sign(plain.message())).decode()
        line = Trusted(key=plain.key, since=plain.since, by=plain.by, signature=vouched)
        return line, fresh.private_bytes_raw()

    def replace(self, line: Trusted, private: bytes) -> None:
        """Add the line and sign with the new key from now on; in this order, a crash costs nothing."""
        before = self.trust_file.read_bytes()
        self._write(self.trust_file, before + _line(line), replace=True)
        self._write(self.key_file, private, replace=True)

    def _private(self) -> Ed25519PrivateKey:
        try:
            return Ed25519PrivateKey.from_private_bytes(self.key_file.read_bytes())
        except (OSError, ValueError) as problem:
            raise KeyProblem(f"the auditor's key {self.key_file} cannot be used: {problem}") from problem

    def _pair(self, trust: Trust) -> tuple[Ed25519PrivateKey, PublicKey]:
        private = self._private()
        raw = private.public_key().public_bytes_raw()
        for key in trust.keys.values():
            if key.raw == raw:
                return private, key
        raise KeyProblem(f"{self.key_file} is not among the keys of {self.trust_file}")

    def _write(self, path: Path, content: bytes, *, replace: bool) -> None:
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
            return
        try:
            # A link never replaces: of two that start at once, the second takes what the first made.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()


def _line(trusted: Trusted) -> bytes:
    return orjson.dumps(trusted) + b"\n"
