"""What was signed, as the API server of sealed mode compares it: one entry of text for each step.

The policy in ``deploy/admission/sealed.yaml`` reads the same lines off the write itself.
Source: approval-bound execution protocol, "The second wall"; docs/decisions/0013.
"""

from __future__ import annotations

from collections.abc import Iterator

from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import RESOURCES, Refused
from tools.kubernetes.actions.whole import WHOLE
from tools.kubernetes.pointers import tokens

MOST_DEPTH = 10
"""How deep a changed leaf may lie below one of ``_ROOTS``: the policy walks as far."""
MOST_BYTES = 64 * 1024
"""Of one entry; a ConfigMap holds a mebibyte in all."""

_ROOTS = ("|spec|template|spec|", "|spec|template|", "|spec|")
_GENERATION = "/metadata/generation"


def entry_of(step: Step, plan_id: str) -> tuple[str, str] | Refused | None:
    """The target's uid and what may be written to it; None when nothing is asked of the cluster."""
    if CATALOGUE[step.verb].place != "cluster":
        return None
    if step.creates:
        return Refused(reason=f"{step.target} does not exist yet, and what is created cannot be sealed")
    version, resource = RESOURCES[step.kind]
    group = version.rpartition("/")[0]
    if WHOLE in step.set:
        return step.uid, f"CREATE|{resource}/eviction||{plan_id}"
    generation = step.expect.get(_GENERATION, "")
    what = f"{group}/{resource}" if group else resource
    lines = [f"UPDATE|{what}|{generation}|{plan_id}", *sorted(_lines(step))]
    text = "\n".join(lines)
    if any(_depth(line) > MOST_DEPTH for line in lines[1:]) or len(text.encode()) > MOST_BYTES:
        return Refused(reason=f"what is set in {step.target} is too deep or too large to be sealed")
    return step.uid, text


def entries_of(steps: tuple[Step, ...], plan_id: str) -> dict[str, str] | Refused:
    """An entry for each step of a plan, or why one cannot be sealed."""
    found: dict[str, str] = {}
    for step in steps:
        made = entry_of(step, plan_id)
        if isinstance(made, Refused):
            return made
        if made is not None:
            if made[0] in found:
                return Refused(reason=f"two steps change {step.target}, and one entry stands for one write")
            found[made[0]] = made[1]
    return found


def _lines(step: Step) -> Iterator[str]:
    for pointer, value in step.set.items():
        path = "".join(f"|{part}" for part in tokens(pointer))
        now, before = (dict(_leaves(each, path)) for each in (value, step.expect[pointer]))
        yield from (f"+{at}={text}" for at, text in now.items() if before.get(at) != text)
        yield from (f"-{at}={text}" for at, text in before.items() if now.get(at) != text)


def _depth(line: str) -> int:
    path = line[1:].partition("=")[0]
    root = next((root for root in _ROOTS if path.startswith(root)), "|")
    return path.removeprefix(root).count("|") + 1


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every scalar and every empty thing, by its path; null stands for nothing there."""
    below: list[tuple[object, object]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    if below:
        for key, each in below:
            yield from _leaves(each, f"{path}|{key}")
    elif value is not None:
        yield path, _text(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    if isinstance(value, str):
        return "s" + value.replace("%", "%25").replace("\n", "%0A")
    return "v" + (str(value).lower() if isinstance(value, bool) else str(value))
