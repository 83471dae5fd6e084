"""The signatures of many checkpoints, checked by a process of their own while the rows are recomputed.

Each takes a tenth of a millisecond, and a million rows have ten thousand; threads would wait for one
another. The helper is given the public keys and the notes on its standard input, and nothing else.
"""

from __future__ import annotations

import subprocess  # the program that runs already, told which module; no shell
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict

import orjson

from agents.auditor.keys import Trust, Trusted
from agents.auditor.notes import NotANote, notes_in

ALONE = 1_000
"""Up to so many a process costs more time than it saves."""


@contextmanager
def checking(trust: Trust | None, texts: list[str], alone: int = ALONE) -> Iterator[Callable[[], list[int]]]:
    """Begin at once; what is given says in the end which of the texts no trusted key signed, by their place.

    Without a list of keys it is none of them: there is nothing to hold them against.
    """
    if trust is None or len(texts) <= alone:
        yield lambda: unsigned(trust, texts) if trust else []
        return
    with ThreadPoolExecutor(max_workers=1) as waiting:
        answer = waiting.submit(_elsewhere, trust, texts)
        yield answer.result


def unsigned(trust: Trust, texts: list[str]) -> list[int]:
    """The places of the texts that are no checkpoint signed by one of these keys."""
    return [n for n, text in enumerate(texts) if not _signed(trust, text)]


def _signed(trust: Trust, text: str) -> bool:
    try:
        (note,) = notes_in(text)
    except (NotANote, ValueError):
        return False
    return trust.signed(note)


def _elsewhere(trust: Trust, texts: list[str]) -> list[int]:
    asked = orjson.dumps({"keys": [asdict(line) for line in trust.lines], "texts": texts})
    command = [sys.executable, "-I", "-m", __name__]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, check=True, env={})  # noqa: S603
        return [int(n) for n in orjson.loads(done.stdout)]
    except (OSError, subprocess.CalledProcessError, ValueError):
        # No room for a process, or it was killed: then here, and it takes longer.
        return unsigned(trust, texts)


def main() -> None:
    """Be the helper."""
    asked = orjson.loads(sys.stdin.buffer.read())
    trust = Trust.of(tuple(Trusted(**line) for line in asked["keys"]))
    sys.stdout.buffer.write(orjson.dumps(unsigned(trust, asked["texts"])))


if __name__ == "__main__":
    main()
