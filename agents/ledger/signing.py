"""Ed25519 keys of people, as the roster writes them: ``ed25519:`` and the public half in base64. Pure.

The private half is made on its owner's machine and stays there; nothing here reads or writes a file.
Source: RFC 8032; threat T39.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KIND = "ed25519:"
_PRIME = 2**255 - 19
# Points of small order: a signature that fits such a key is made without any private half.
_ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
_SMALL = {0, 1, _PRIME - 1, *(int.from_bytes(bytes.fromhex(one), "little") for one in _ORDER_8)}


def public_of(private: bytes) -> str:
    """The public half of a private key, as the roster has it."""
    raw = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return KIND + base64.b64encode(raw).decode()


def raw_of(key: str) -> bytes:
    """The 32 bytes of a key as the roster has it. Raises ValueError."""
    if not key.startswith(KIND):
        raise ValueError("a key begins with ed25519:")
    raw = _bytes_of(key.removeprefix(KIND), 32)
    # The highest bit is a sign, and a number at or above the prime means the same as one below it.
    if raw is None or (int.from_bytes(raw, "little") & ((1 << 255) - 1)) % _PRIME in _SMALL:
        raise ValueError("this is no Ed25519 public key")
    return raw


def sign(private: bytes, message: bytes) -> str:
    """The signature of a message, in base64."""
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(private).sign(message)).decode()


def verifies(key: str, signature: str, message: bytes) -> bool:
    """Whether this very key made this signature; nothing odd is ever a yes."""
    written = _bytes_of(signature, 64)
    if written is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw_of(key)).verify(written, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes_of(text: str, length: int) -> bytes | None:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    # One text for each key and signature: base64 has spare bits that decoders ignore.
    return raw if len(raw) == length and base64.b64encode(raw).decode() == text else None
