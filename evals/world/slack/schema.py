"""A very small schema language for Block Kit: rules that walk a JSON value and say what is wrong, and where.

A rule is ``(value, pointer) -> problems``; a problem reads as Slack words it, with a JSON pointer:
``must be less than 151 characters [json-pointer:/blocks/0/text/text]``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Rule = Callable[[object, str], Iterator[str]]


def at(message: str, pointer: str) -> str:
    """A problem in Slack's wording."""
    return f"{message} [json-pointer:{pointer}]"


def string(maximum: int, minimum: int = 1) -> Rule:
    """Text of ``minimum`` to ``maximum`` characters."""

    def check(value: object, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield at("must be a string", pointer)
        elif len(value) < minimum:
            yield at(f"must be more than {minimum - 1} characters", pointer)
        elif len(value) > maximum:
            yield at(f"must be less than {maximum + 1} characters", pointer)

    return check


def one_of(*allowed: object) -> Rule:
    """One of a few constants."""

    def check(value: object, pointer: str) -> Iterator[str]:
        if value not in allowed:
            yield at(f"must be one of: {', '.join(map(str, allowed))}", pointer)

    return check


def boolean(value: object, pointer: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield at("must be a boolean", pointer)


def whole(low: int, high: int) -> Rule:
    """A whole number within bounds, both included."""

    def check(value: object, pointer: str) -> Iterator[str]:
        # JSON true is an int to Python and is none to Slack.
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            yield at(f"must be an integer from {low} to {high}", pointer)

    return check


def anything(_value: object, _pointer: str) -> Iterator[str]:
    """No rule: Slack takes what comes."""
    return iter(())


def array(item: Rule, maximum: int, minimum: int = 1) -> Rule:
    """A list of ``minimum`` to ``maximum`` items, each obeying ``item``."""

    def check(value: object, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield at("must be an array", pointer)
            return
        if len(value) < minimum:
            yield at(f"no less than {minimum} items allowed", pointer)
        if len(value) > maximum:
            yield at(f"no more than {maximum} items allowed", pointer)
        for index, entry in enumerate(value):
            yield from item(entry, f"{pointer}/{index}")

    return check


@dataclass(frozen=True)
class Shape:
    """An object: required and optional fields; anything else is refused, as Slack does. Call it as a rule."""

    required: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)

    def __call__(self, value: object, pointer: str) -> Iterator[str]:
        """All problems of ``value`` and of everything inside it."""
        if not isinstance(value, dict):
            yield at("must be an object", pointer)
            return
        for name in self.required.keys() - value.keys():
            yield at(f"missing required field: {name}", pointer)
        for name, entry in value.items():
            rule = self.required.get(name) or self.optional.get(name)
            # Slack refuses unknown fields, so a misspelt one is found here and not in production.
            if rule is None:
                yield at(f"invalid additional property: {name}", pointer)
            else:
                yield from rule(entry, f"{pointer}/{name}")


def by_type(known: Mapping[str, Rule], allowed: Iterable[str] | None = None) -> Rule:
    """The rule chosen by the object's ``type``; an unknown or here unsupported type is a problem."""
    # A place may take fewer kinds than exist: `allowed` narrows them.
    names = frozenset(known if allowed is None else allowed)

    def check(value: object, pointer: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in names:
            yield at(f"unsupported type: {kind}", f"{pointer}/type")
        else:
            yield from known[kind](value, pointer)

    return check


def either(name: str, other: str, rule: Rule) -> Rule:
    """``rule``, and at least one of two fields must be there."""

    def check(value: object, pointer: str) -> Iterator[str]:
        if isinstance(value, dict) and name not in value and other not in value:
            yield at(f"must define either `{name}` or `{other}`", pointer)
        yield from rule(value, pointer)

    return check
