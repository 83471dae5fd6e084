"""Which values of a step a person may type anew, within which bounds, and the step that comes of it. Pure.

The bounds are those of a draft, as far as the step's own bytes hold them: values only go up from what is
there, by the same factor at most. What the bytes do not hold (an image's history, another object's
ports) cannot be judged here, so verbs that need it have nothing to type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tools.kubernetes.actions import catalogue
from tools.kubernetes.actions.fix_probe import MOST_SECONDS
from tools.kubernetes.actions.scale import MOST
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.pointers import tokens
from tools.kubernetes.quantities import QuantityError, amount, canonical

Kind = Literal["count", "quantity"]
_KINDS: dict[str, Kind] = {
    "scale": "count",
    "hpa_bounds": "count",
    "fix_probe": "count",
    "set_resources": "quantity",
    "quota": "quantity",
    "expand_pvc": "quantity",
}
_RAISES = frozenset({"hpa_bounds", "fix_probe", "set_resources", "quota", "expand_pvc"})
"""Verbs that never lower a value: less of it is another trouble."""
_BY_FACTOR = frozenset({"hpa_bounds", "set_resources", "quota", "expand_pvc"})
_LONGEST = 40


@dataclass(frozen=True, kw_only=True)
class Editable:
    """One value that may be typed: where it stands, its words, what is there and what the plan would set."""

    pointer: Pointer
    kind: Kind
    label: str
    present: str
    planned: str
    bounds: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a typed value must keep to: by how much it may be raised, and the least that must stay."""

    factor: float = 2.0
    least: int = 1


def editable(step: Step, limits: Limits) -> tuple[Editable, ...]:
    """The values of this step that a person may type; none for most verbs."""
    kind = _KINDS.get(step.verb)
    if kind is None:
        return ()
    found = []
    for pointer, planned in step.set.items():
        present = step.expect.get(pointer)
        # Only what is of the kind: a port's name or a path is not a number to be typed.
        if kind == "count" and (type(planned) is not int or type(present) is not int):
            continue
        if kind == "count" and step.verb == "fix_probe" and tokens(pointer)[-1] not in MOST_SECONDS:
            continue
        label = " ".join(tokens(pointer)[-2:]).removeprefix("spec ")
        said = _bounds(step, pointer, limits)
        found.append(
            Editable(
                pointer=pointer,
                kind=kind,
                label=label,
                present=str(present),
                planned=str(planned),
                bounds=said,
            )
        )
    return tuple(found)


def edited(step: Step, typed: Mapping[Pointer, str], limits: Limits) -> Step | dict[Pointer, str]:
    """The step with what was typed, or what is wrong with which value. Nothing is guessed or rounded."""
    wrong: dict[Pointer, str] = {}
    changes = dict(step.set)
    for one in editable(step, limits):
        value = _value(one, typed.get(one.pointer, ""))
        against = "this is no number of the kind that stands there" if value is None else ""
        against = against or _against(step, one, (str(value), limits))
        if against:
            wrong[one.pointer] = against
        else:
            changes[one.pointer] = value
    if wrong:
        return wrong
    new = step.model_copy(update={"set": changes})
    refused = catalogue.check(new)
    if refused is not None:
        return dict.fromkeys(typed, refused.reason)
    return new if changes != step.set else dict.fromkeys(typed, "this is what the plan says already")


def _value(one: Editable, said: str) -> int | str | None:
    words = said.strip()
    if len(words) > _LONGEST or not words.isascii():
        return None
    if one.kind == "count":
        return int(words) if words.isdigit() else None
    try:
        return canonical(words)
    except QuantityError:
        return None


def _against(step: Step, one: Editable, given: tuple[str, Limits]) -> str:
    value, limits = given
    after, before = amount(value), amount(one.present)
    if after == before:
        return f"{one.present} is what is there now"
    low, high = _range(step, one.pointer, limits)
    if (low is not None and after < low) or (high is not None and after > high):
        return f"allowed: {one.bounds}"
    return ""


def _range(step: Step, pointer: Pointer, limits: Limits) -> tuple[float | None, float | None]:
    present = float(amount(str(step.expect[pointer])))
    low = present if step.verb in _RAISES else None
    high = present * limits.factor if step.verb in _BY_FACTOR else None
    if step.verb in {"scale", "hpa_bounds"}:
        low = max(low or 0, float(limits.least))
        high = min(high, MOST) if high is not None else float(MOST)
    if step.verb == "fix_probe":
        high = float(MOST_SECONDS[tokens(pointer)[-1]])
    return low, high


def _bounds(step: Step, pointer: Pointer, limits: Limits) -> str:
    present = step.expect[pointer]
    if step.verb in _BY_FACTOR and step.verb != "hpa_bounds":
        return f"more than {present}, at most {limits.factor:g} times that"
    low, high = _range(step, pointer, limits)
    return f"{low or 0:g} to {high or 0:g}"
