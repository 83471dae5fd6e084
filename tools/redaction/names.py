"""Which names announce a secret, and which values after such a name are none."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORDS = frozenset(("password", "passwords", "passwd", "passphrase", "pwd", "pass", "passcode"))
_STRONG = _PASSWORDS | {"secret", "secrets", "token", "tokens", "credential", "credentials", "apikey"}
_GLUED = re.compile(r"(?:password|passwd|passphrase|secret|token|(?:api|access|private|secret)key)$")
_KEYS = _listed(
    "api access private secret account encryption signing master auth shared storage ssh license admin"
    " session cookie webhook hmac jwt"
)
# What follows "secret" or "token" in names of things that are about secrets and are none.
_ABOUT = _listed(
    "name names ref refs file files path dir count type types kind expiration expires expiry seconds ttl at"
    " url uri endpoint length limit policy review reviews version namespace mount volume volumes enabled"
    " required provider store manager size usage used budget total max min per rate reset rotation age status"
    " error errors failed failures format template class selector controller operator audience audiences"
    " issuer id hash algorithm request requests response cache bucket validation auth reader writer"
)
# "pull secret", "tls secret": the name of an object, not what is in it.
_OBJECT = _listed("pull tls image service volume projected existing")
_WEAK = _listed("auth key sig signature session sid cookie csrf otp code")
_PLACEHOLDER = re.compile(
    r"""\*+ | [xX.]{3,} | <.* | \$.* | %\w | \{\{.* | \(.*\) | \\.* |
        /(?:[\w.-]+/)+[\w.-]* | /[a-z]+ | https?://.* | \[redacted:.* | true | false | null | none | nil |
        yes | no | empty | unset | undefined | required | missing | invalid | expired | redacted | bearer""",
    re.VERBOSE | re.IGNORECASE,
)
_PLAIN_WORD = re.compile(r"[A-Za-z]{1,24}(?:-[a-z]+)*[.,!?:)]*")
_OBJECT_NAME = re.compile(r"[a-z][a-z-]*|[a-z0-9-]+/[a-z0-9.-]+")
_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_LEAST_ENTROPY = 3.5
_LONGEST_PLACEHOLDER = 512
# Logs say the same few names all the time.
_REMEMBERED = 4096


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in snake, kebab, dotted or camel case, in lower case."""
    return tuple(word.lower() for word in _WORDS.findall(name))


@lru_cache(_REMEMBERED)
def announces_secret(name: str) -> bool:
    """Whether what is assigned to this name is a secret: ``dbPassword``, ``API_KEY``, ``PGPASSWORD``."""
    words = words_of(name)
    if not words or words[-1] in _ABOUT:
        return False
    if words[-1] in {"secret", "secrets"} and _OBJECT & set(words):
        return False
    strong = any(word in _STRONG or _GLUED.search(word) for word in words)
    return strong or any(second == "key" and first in _KEYS for first, second in pairwise(words))


@lru_cache(_REMEMBERED)
def may_announce(name: str) -> bool:
    """Whether a value after this name is a secret only when it also looks like one: ``auth``, ``sig``."""
    words = words_of(name)
    return bool(words) and words[-1] in _WEAK


@lru_cache(_REMEMBERED)
def matters(name: str) -> bool:
    """Whether a value after this name can be a secret at all."""
    return announces_secret(name) or may_announce(name)


def is_secret(name: str, value: str, *, prose: bool) -> bool:
    """Whether ``value`` after ``name`` must go. ``prose``: a colon, a space and no quotes."""
    if not announces_secret(name):
        return may_announce(name) and looks_random(value[:_LONGEST_PLACEHOLDER])
    if len(value) > _LONGEST_PLACEHOLDER:
        return True
    return not _PLACEHOLDER.fullmatch(value.rstrip(".,)")) and _is_no_word(words_of(name), value, prose)


def _is_no_word(words: tuple[str, ...], value: str, prose: bool) -> bool:
    password = bool(_PASSWORDS & set(words)) or words[-1].endswith(("password", "passwd"))
    if len(value) < (3 if password else 6):
        return False
    counted = words[-1] in {"tokens", "secrets", "credentials"} or words == ("pass",)
    if counted and value.isdecimal():
        return False
    if words in (("secret",), ("secrets",)) and _OBJECT_NAME.fullmatch(value):
        return False
    return not (prose and not password and _PLAIN_WORD.fullmatch(value))


def looks_random(value: str) -> bool:
    """Mixed case and digits without an order, or ``user:password`` in base64."""
    if _is_basic(value):
        return True
    if not _RANDOM.fullmatch(value):
        return False
    classes = (str.islower, str.isupper, str.isdecimal)
    return all(any(map(is_one, value)) for is_one in classes) and _entropy(value) >= _LEAST_ENTROPY


def _entropy(value: str) -> float:
    """Bits per character (Shannon)."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _is_basic(value: str) -> bool:
    try:
        plain = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return len(plain) > 6 and ":" in plain[1:-1] and plain.isprintable()
