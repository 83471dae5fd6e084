"""What may arrive at the webhook and must not wedge it: one bomb after the other, each with its name.

All of it could come from Alertmanager, from something that calls itself so, or from somebody with the
credential. A bomb says which answers are right: 200 (kept), or a 4xx that Alertmanager does not repeat.
503, which it does repeat, is right only where the time or the room for reading ends (threats T31, T32, P16).
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tools.kubernetes.objects import JsonObject

MIB = 1024 * 1024
KEPT, NOT_JSON, OVERSIZE, ENCODED = {200}, {400}, {413}, {415}


@dataclass(frozen=True, kw_only=True)
class Bomb:
    """One request. Without ``end`` it goes on until the deadline for reading, whatever its size."""

    name: str
    pieces: Callable[[], Iterator[bytes]]
    head: str = ""
    answers: frozenset[int]
    end: bool = True


def alert(**fields: object) -> JsonObject:
    """An alert as Alertmanager would word it, with some fields replaced."""
    usual = {"status": "firing", "labels": {"alertname": "Bomb"}, "annotations": {}, "fingerprint": ""}
    return {**usual, "startsAt": "2026-11-24T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", **fields}


def body(*alerts: object, **fields: object) -> bytes:
    """A notification with these alerts, with some fields replaced; half surrogates stay what they are."""
    whole: JsonObject = {"version": "4", "groupKey": "{}:{bomb}", "alerts": list(alerts), **fields}
    return json.dumps(whole).encode()


def one_piece(name: str, content: bytes | Callable[[], bytes], answers: set[int], head: str = "") -> Bomb:
    """A request whose body is sent at once."""

    def pieces() -> Iterator[bytes]:
        # What is large is made when it is sent, not while somebody reads the names.
        yield content if isinstance(content, bytes) else content()

    return Bomb(name=name, pieces=pieces, head=head, answers=frozenset(answers))


_TEXTS = {
    "NUL": "a\0b",
    "first half of a pair": "\ud800",
    "second half of a pair": "\udfff",
    "halves in the wrong order": "\udfff\ud800",
    "every control character": "".join(map(chr, range(32))) + "\x7f",
    "text that runs backwards": "\u202eegami-dab\u2066",
    "characters that are none": "\ufffe\uffff\U0010ffff",
    "a hundred thousand accents": "e" + "\u0301" * 100_000,
}


def _texts() -> Iterator[Bomb]:
    """Each hard text at each place that is stored."""
    for name, text in _TEXTS.items():
        places = {
            "a label": body(alert(labels={"alertname": text})),
            "a label's name": body(alert(labels={"alertname": "Bomb", text: "x"})),
            "an annotation": body(alert(annotations={text: text})),
            "a fingerprint": body(alert(fingerprint=text)),
            "the group": body(alert(), groupKey=text, receiver=text, externalURL=text),
        }
        for place, content in places.items():
            yield one_piece(f"{name} in {place}", content, KEPT)


def _types() -> Iterator[Bomb]:
    """Each JSON type at each place where another one is expected."""
    wrong: dict[str, object] = {"null": None, "a number": 1e300, "a list": [[{}]], "an object": {"a": {}}}
    outer = ("alerts", "groupKey", "receiver", "externalURL", "truncatedAlerts")
    inner = ("labels", "annotations", "fingerprint", "status", "startsAt", "endsAt", "generatorURL")
    for (kind, value), place in itertools.product(wrong.items(), outer):
        content = body(alert(), **{place: value})
        yield one_piece(f"{place} is {kind}", content, KEPT)
    for (kind, value), place in itertools.product(wrong.items(), inner):
        content = body(alert(**{place: value}))
        yield one_piece(f"an alert's {place} is {kind}", content, KEPT)


_TIMES = (
    *(
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "0000-01-01T00:00:00Z",
        "0002-01-01T00:00:00+23:59",
    ),
    *("-0042-03-15T00:00:00Z", "1969-07-20T20:17:40Z", "2026-11-24T00:00:00+99:99", "2026-02-30T00:00:00Z"),
    *("2026-11-24T00:00:00.123456789123456789Z", "2026-11-24", "2026-W48-2", "9" * 5000, "", "\0"),
)


def _times() -> Iterator[Bomb]:
    for number, time in enumerate(_TIMES):
        content = body(alert(startsAt=time, endsAt=time))
        yield one_piece(f"time {number}: {time[:40]!r}", content, KEPT)


def _nested(depth: int, around: bytes) -> bytes:
    """A label whose value is so many lists in one another."""
    return body(alert(labels={"alertname": "DEEP"})).replace(b'"DEEP"', b"[" * depth + around + b"]" * depth)


def _numbered(word: str, count: int) -> dict[str, str]:
    return {f"{word}{number}": "x" for number in range(count)}


def _shapes() -> Iterator[Bomb]:
    """Deep, wide, doubled, and numbers that do not fit."""
    half = b'"\\ud800"'
    yield one_piece("lists, a hundred thousand deep", b"[" * 100_000, NOT_JSON)
    yield one_piece("objects, five thousand deep", lambda: b'{"a":' * 5_000, NOT_JSON)
    yield one_piece("closed lists, a hundred thousand deep", b"[" * 100_000 + b"]" * 100_000, NOT_JSON)
    yield one_piece("a label a thousand lists deep", lambda: _nested(1_000, b"1"), KEPT)
    yield one_piece("a label as deep as the parser goes", lambda: _nested(1_019, b"1"), KEPT)
    yield one_piece("a label too deep for the parser", lambda: _nested(2_000, b"1"), NOT_JSON)
    yield one_piece("a deep label with half a pair", lambda: _nested(900, half), KEPT)
    yield one_piece("a label far too deep with half a pair", lambda: _nested(50_000, half), NOT_JSON)
    doubled = body(alert()).replace(b'"alerts"', b'"alerts": 7, "alerts": "x", "alerts"')
    yield one_piece("alerts said three times", doubled, KEPT)
    same = b"{" + b'"a": 1, ' * 100_000 + b'"alerts": [], "alerts": null}'
    yield one_piece("one name a hundred thousand times", same, KEPT)
    for name, number in {"64 bits": 2**64, "a negative": -(2**63), "a hundred digits": 10**99}.items():
        content = body(alert(labels={"alertname": number}), truncatedAlerts=number)
        yield one_piece(f"a number of {name}", content, KEPT)
    digits = body(alert()).replace(b'"4"', b"9" * 5_000)
    yield one_piece("a number of five thousand digits", digits, {200, 400})
    yield one_piece("… with half a pair", lambda: digits.replace(b"bomb", b"\\ud800"), NOT_JSON)
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-", b"01", b"0x1", b"'4'", b"undefined"):
        content = body(alert()).replace(b'"4"', word)
        answers = {200, 400} if word == b"1e999" else NOT_JSON
        yield one_piece(f"version {word.decode()}", content, answers)
    loose = body(alert(), truncatedAlerts=float("nan")).replace(b"bomb", b"\\ud800")
    yield one_piece("NaN that only the slow parser reads", lambda: loose, {200, 400})


def _sizes() -> Iterator[Bomb]:
    """Many of one thing."""
    noise = random.Random(16)  # noqa: S311  (no secret)
    yield one_piece("100,000 annotations", lambda: body(alert(annotations=_numbered("a", 100_000))), KEPT)
    yield one_piece("300,000 alerts that are none", lambda: body(*[7] * 300_000), KEPT)
    yield one_piece("a group of 20,000 random characters", lambda: _random_group(noise), KEPT)
    yield one_piece("escapes only", lambda: body(alert(labels={"alertname": '\\"' * 500_000})), KEPT)


def giants() -> Iterator[Bomb]:
    """As large as a body may be, and larger: moving and syncing the bytes takes most of their time."""
    yield one_piece("300,000 labels", lambda: body(alert(labels=_numbered("label", 300_000))), KEPT)
    yield one_piece("an annotation of 20 MiB", lambda: body(alert(annotations={"a": "x" * 20 * MIB})), KEPT)
    yield one_piece("a label's name of 20 MiB", lambda: body(alert(labels={"x" * 20 * MIB: "x"})), KEPT)
    yield one_piece("20 MiB of white space", lambda: b" " * 20 * MIB + body(alert()), KEPT)
    yield one_piece(
        "half a pair in 20 MiB", lambda: body(alert(labels={"a": "\ud800" + "x" * 20 * MIB})), NOT_JSON
    )
    yield one_piece("40 MiB of white space", lambda: b" " * 40 * MIB, OVERSIZE)
    yield one_piece(
        "an annotation of 40 MiB", lambda: body(alert(annotations={"a": "x" * 40 * MIB})), OVERSIZE
    )


def crowds() -> Iterator[Bomb]:
    """More alerts than one notification may name: nothing is wrong with them but their number."""
    many = [alert(fingerprint=f"b{number}") for number in range(20_005)]
    ended = [{**one, "status": "resolved"} for one in many]
    joining = [alert(fingerprint=f"j{number}") for number in range(20_005)]
    yield one_piece("20,005 alerts of a new group", lambda: body(*many, groupKey="many"), KEPT)
    yield one_piece("20,005 alerts that are over", lambda: body(*ended, groupKey="many"), KEPT)
    yield one_piece("20,005 alerts that join", lambda: body(*joining), KEPT)


def _random_group(noise: random.Random) -> bytes:
    # Random, because what repeats itself a database would pack until it fits into an index.
    return body(alert(fingerprint="random"), groupKey=noise.randbytes(10_000).hex())


def _encodings() -> Iterator[Bomb]:
    """Bytes that are no JSON, or JSON in another coat."""
    plain = body(alert(), receiver="Häfen")
    zeros = gzip.compress(b" " * 200 * MIB)
    yield one_piece("gzip, announced", lambda: gzip.compress(plain), ENCODED, "Content-Encoding: gzip\r\n")
    yield one_piece("gzip of 200 MiB", zeros, ENCODED, "Content-Encoding: gzip\r\n")
    yield one_piece(
        "deflate, announced", lambda: zlib.compress(plain), ENCODED, "Content-Encoding: deflate\r\n"
    )
    yield one_piece("an unknown encoding", plain, ENCODED, "Content-Encoding: bomb\r\n")
    yield one_piece("gzip, not announced", lambda: gzip.compress(plain), NOT_JSON)
    yield one_piece("a form", b"alerts=%5B%5D", NOT_JSON, "Content-Type: multipart/form-data\r\n")
    raw = body(alert(labels={"alertname": "HERE"}))
    bad = {"a lone byte": b"\xff", "too long a form": b"\xc0\xaf", "half a pair in UTF-8": b"\xed\xa0\x80"}
    for name, wrong in (bad | {"cut off": b"\xf0\x9f\x92"}).items():
        content = raw.replace(b"HERE", wrong)
        yield one_piece(f"invalid UTF-8: {name}", content, NOT_JSON)
    yield one_piece("Latin-1", lambda: raw.replace(b"HERE", b"H\xe4fen"), NOT_JSON)
    yield one_piece("UTF-16", lambda: plain.decode().encode("utf-16"), NOT_JSON)
    yield one_piece("a byte order mark", lambda: b"\xef\xbb\xbf" + plain, {200, 400})
    words = {"nothing": b"", "white space": b" \r\n\t", "a brace": b"{", "a comment": b"// " + plain}
    words |= {"two documents": plain + plain, "a cut document": plain[:-9], "a page": b"<html></html>"}
    for name, content in words.items():
        yield one_piece(name, content, NOT_JSON)
    for content in (b"null", b"[]", b"{}", b"7", b'"text"', b"true"):
        yield one_piece(f"only {content.decode()}", content, KEPT)


def _endless() -> Iterator[Bomb]:
    """Requests that do not end by themselves."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    chunked = "Transfer-Encoding: chunked\r\n"
    on_and_on = replace(one_piece("chunks without end", b"", OVERSIZE, chunked), end=False)
    yield replace(on_and_on, pieces=lambda: itertools.repeat(chunk))
    late = {"a body that stops": "Content-Length: 1000\r\n", "a chunk that stops": chunked}
    for name, head in late.items():
        start = b"3e8\r\n{" if head == chunked else b"{"
        yield replace(one_piece(name, start, {503}, head), end=False)
    giant = "Content-Length: 1000000000000\r\n"
    yield replace(one_piece("a terabyte, announced", b"{", OVERSIZE, giant), end=False)
    yield one_piece("a chunk without a length", b"bomb\r\n", NOT_JSON, chunked)
    yield one_piece("two lengths", b"{}", {200, 400}, "Content-Length: 1\r\nContent-Length: 2\r\n")


def bombs() -> list[Bomb]:
    """The whole corpus but the giants and the crowds; names are unique."""
    kinds = (_texts, _types, _times, _shapes, _sizes, _encodings, _endless)
    return [bomb for kind in kinds for bomb in kind()]
