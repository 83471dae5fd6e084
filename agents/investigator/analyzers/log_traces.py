"""Panics and exceptions: of which runtime, what they say, and where in the program's own code.

A frame is the program's own when it lies in no library: the line to look at is seldom the topmost one.

The last exception of a log is the one that ended it; the frame that is named is the first of the
program's own code, for frames of a framework say the same in every program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_FRAMES = 120


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One stack trace; ``at`` is the number of its telling line, ``frame`` empty when all are libraries'."""

    runtime: str
    type: str
    text: str
    frame: str
    at: int
    end: int


@dataclass(frozen=True, kw_only=True)
class _Runtime:
    """How one runtime writes a trace: how it begins, what a frame is, and which frames are libraries'."""

    name: str
    head: re.Pattern[str]
    frame: re.Pattern[str]
    foreign: re.Pattern[str]
    signs: tuple[str, ...]
    """Words of which its head has one: most lines have none, and are not looked at."""

    gap: int = 0
    """Lines that may stand between head and first frame."""


_RUNTIMES = (
    _Runtime(
        name="Go",
        signs=("panic: ", "fatal error: "),
        head=re.compile(r"^(?:\S+ )?(?P<type>panic|fatal error): (?P<text>.*)"),
        frame=re.compile(r"^(?P<frame>(?!\s|panic\(|goroutine )[\w./*()\[\]-]+\(.*\))$|^\t\S+\.go:\d+|"
        r"^goroutine .*:$"),
        foreign=re.compile(r"^(?:runtime|reflect|net|testing|sync|internal|os|log)[./]|^(?:golang\.org|"
        r"k8s\.io|google\.)"),
        gap=4,
    ),
    _Runtime(
        name="Rust",
        signs=("panicked at ",),
        head=re.compile(r"^thread '[^']*'(?: \(\d+\))? panicked at (?P<text>.*)"),
        frame=re.compile(r"^\s+\d+: (?P<frame>\S+)|^\s+at (?P<file>\S+)$|^stack backtrace:"),
        foreign=re.compile(r"^(?:std|core|alloc|tokio|rust_begin_unwind|__rust|_start|main$)|^/rustc/"),
        gap=2,
    ),
    _Runtime(
        name=".NET",
        signs=("Exception",),
        head=re.compile(r"(?:Unhandled exception\. |"
        r"^\s*)(?P<type>(?:[A-Z]\w*\.)+\w*Exception)(?: \([^)]*\))?: (?P<text>.*)"),
        frame=re.compile(r"^\s+at (?P<frame>[\w.<>`+\[\]]+\(.*\)(?: in \S+:line \d+)?)|^\s+--- End of"),
        foreign=re.compile(r"^(?:System|Microsoft|Npgsql|MySql|Newtonsoft|Grpc|StackExchange)\."),
        gap=1,
    ),
    _Runtime(
        name="Java",
        signs=("Exception", "Error", "Throwable", "Failure"),
        head=re.compile(
            r"(?:^|[\s:\"])(?P<type>(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error|Throwable|"
            r"Failure)\w*)(?:: (?P<text>.*))?$"
        ),
        frame=re.compile(r"^\s+at (?P<frame>[\w.$<>/@]+\([^)]*\))|^\s+\.\.\. \d+ (?:more|common frames)|"
        r"^\s+Suppressed:"),
        foreign=re.compile(
            r"^(?:java|javax|jdk|sun|com\.sun|kotlin|kotlinx|scala|org\.springframework|org\.apache|"
            r"org\.hibernate|"
            r"org\.postgresql|com\.mysql|com\.zaxxer|io\.netty|reactor|jakarta|io\.micronaut|"
            r"io\.quarkus|okhttp3|"
            r"com\.fasterxml|org\.eclipse|io\.grpc|redis\.clients|io\.lettuce|feign|app//|java\.base)[./]"
        ),
        gap=1,
    ),
    _Runtime(
        name="Node.js",
        signs=("Error: ", "Exception: ", "]: "),
        head=re.compile(r"(?:^|[\s\"])(?P<type>[A-Z]\w*(?:Error|Exception)|"
                        r"Error)(?: \[\w+\])?: (?P<text>.*)"),
        frame=re.compile(r"^\s+at (?P<frame>.*[\w/)>]:\d+:\d+\)?|.*\(<anonymous>\))"),
        foreign=re.compile(r"node_modules|node:|\(internal/|<anonymous>|^\s*internal/"),
    ),
    _Runtime(
        name="Ruby",
        signs=(".rb:",),
        head=re.compile(r"^(?P<frame>[^\s:]+\.rb:\d+:in [`'][^']+'): "
                        r"(?P<text>.*?)(?: \((?P<type>[A-Z][\w:]+)\))?$"),
        frame=re.compile(r"^\s+(?:\d+: )?from (?P<frame>\S+:\d+:in .*)"),
        foreign=re.compile(r"/gems/|/lib/ruby/|<internal:"),
    ),
)  # fmt: skip
_CAUSED_BY = re.compile(r"^\s*Caused by: (?P<type>[\w.$]+)(?:: (?P<text>.*))?$")
_PYTHON_HEAD = "Traceback (most recent call last):"
_PYTHON_FRAME = re.compile(r"^\s*File \"(?P<path>[^\"]+)\", line \d+(?:, in .*)?$")
_PYTHON_END = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<text>.*))?$")
_PYTHON_LIBRARY = re.compile(r"site-packages|dist-packages|/lib/python\d|^<")


def traces(lines: Sequence[str]) -> tuple[Trace, ...]:
    """The traces in these lines, in order. Lines of one trace stand together, as a container writes them."""
    found: list[Trace] = []
    after = 0
    for number, line in enumerate(lines):
        if number < after:
            continue
        trace = _python(lines, number) if line.endswith(_PYTHON_HEAD) else _other(lines, number)
        if trace is not None:
            found.append(trace)
            after = trace.end
    return tuple(found)


def traces_within(line: str) -> tuple[Trace, ...]:
    """The traces in one line of JSON, which holds their line breaks as escapes."""
    if not line.startswith("{") or "\\n" not in line:
        return ()
    return traces(line.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').split("\n"))


def _python(lines: Sequence[str], start: int) -> Trace | None:
    own = ""
    for number in range(start + 1, min(len(lines), start + MOST_FRAMES)):
        line = lines[number]
        frame = _PYTHON_FRAME.match(line)
        if frame and not _PYTHON_LIBRARY.search(frame["path"]):
            # The innermost frame comes last.
            own = line.strip()
        if line and not line.startswith((" ", "\t")):
            end = _PYTHON_END.match(line)
            if end is None:
                return None
            text = end["text"] or ""
            return Trace(runtime="Python", type=end["type"], text=text, frame=own, at=number, end=number + 1)
    return None


def _other(lines: Sequence[str], start: int) -> Trace | None:
    for runtime in _RUNTIMES:
        if not any(sign in lines[start] for sign in runtime.signs):
            continue
        head = runtime.head.search(lines[start])
        if head is not None and (trace := _with_frames(runtime, (lines, start), head)) is not None:
            return trace
    return None


def _with_frames(runtime: _Runtime, place: tuple[Sequence[str], int], head: re.Match[str]) -> Trace | None:
    lines, start = place
    said = head.groupdict()
    kind, text, own = (
        said.get("type") or "panic",
        said.get("text") or "",
        _own(runtime)(said.get("frame") or ""),
    )
    at, number, frames = start, start + 1, 0
    while number < min(len(lines), start + MOST_FRAMES):
        line = lines[number]
        deeper, frame = _CAUSED_BY.match(line), runtime.frame.match(line)
        if deeper is not None and runtime.name == "Java":
            # The last cause is the first thing that went wrong, and its frames are the telling ones.
            kind, text, at, own = deeper["type"], deeper["text"] or "", number, ""
        elif frame is not None:
            frames += 1
            own = own or _own(runtime)(frame.groupdict().get("frame") or "")
        elif frames or number - start > runtime.gap:
            break
        elif runtime.name == "Rust" and number == start + 1 and line and not line.startswith("note:"):
            text, at, own = line, number, text.rstrip(":")
        number += 1
    # A panic says enough by itself; a name of an exception without frames is a word in a sentence.
    if not frames and runtime.name not in {"Go", "Rust"}:
        return None
    return Trace(runtime=runtime.name, type=kind, text=text, frame=own, at=at, end=max(number, start + 1))


def _own(runtime: _Runtime) -> Callable[[str], str]:
    return lambda frame: "" if not frame or runtime.foreign.search(frame) else frame.strip()
