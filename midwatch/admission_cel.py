"""CEL that says which fields of an object are the same before and after, for any API server since 1.30.

Only what such a server's environment has is used: macros over keys, optional values, no functions of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tools.kubernetes.actions.fields import ITEM, KEY, parts_of, spread

LONGEST_LIST = 64
"""Items of a list that CEL can tell apart here: it cannot count, so the places are written down."""

PLACES = f"[{', '.join(map(str, range(LONGEST_LIST)))}]"
"""The variable ``places``."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What may differ at one place: everything, or what the branches below it say."""

    free: bool = False
    below: dict[str, Branch] = field(default_factory=dict)


def grown(fields: Iterable[str]) -> Branch:
    """Fields as one tree; where one field holds another, the wider one counts."""
    paths = {parts_of(each) for field in fields for each in spread(field)}
    return _branch(paths)


def _branch(paths: set[tuple[str, ...]]) -> Branch:
    if () in paths:
        return Branch(free=True)
    heads = sorted({path[0] for path in paths})
    return Branch(below={head: _branch({path[1:] for path in paths if path[0] == head}) for head in heads})


def unchanged(branch: Branch) -> str:
    """CEL that is true when ``now`` and ``before`` differ in nothing that ``branch`` does not free."""
    return "(" + " && ".join(_same(_Pair(now="variables.now", before="variables.before"), branch)) + ")"


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """The same place in both objects, as CEL reaches it; ``depth`` counts the loops around it."""

    now: str
    before: str
    depth: int = 0
    optional: bool = False

    def at(self, key: str) -> _Pair:
        """The place below it; both may lack it."""
        return replace(self, now=f"{self.now}[?{key}]", before=f"{self.before}[?{key}]", optional=True)

    def looped(self, condition: Callable[[_Pair], str]) -> str:
        """A condition on the two values; CEL gives a name to a value only by a loop over a list of one."""
        # What is not there is as good as empty: neither means anything to an API server here.
        tail = ".orValue(dyn({}))" if self.optional else ""
        name = f"p{self.depth}"
        inner = condition(_Pair(now=f"{name}[0]", before=f"{name}[1]", depth=self.depth + 1))
        return f"[[{self.now}{tail}, {self.before}{tail}]].all({name}, {inner})"


def _same(pair: _Pair, branch: Branch) -> Iterator[str]:
    """The conditions, side by side where they can be: parsers bound how deep an expression nests."""
    if ITEM in branch.below:
        yield pair.looped(lambda both: _items(both, branch.below[ITEM]))
    elif KEY in branch.below:
        yield pair.looped(_same_keys)
    else:
        yield pair.looped(lambda both: _members(both, branch))
        for each, names in _alike(branch):
            if len(names) == 1:
                yield from _same(pair.at(f"'{names[0]}'"), each)
            else:
                name = f"n{pair.depth}"
                inner = " && ".join(_same(replace(pair.at(name), depth=pair.depth + 1), each))
                yield f"{_listed(names)}.all({name}, {inner})"


def _members(pair: _Pair, branch: Branch) -> str:
    now, before, names = pair.now, pair.before, _listed(branch.below)
    kept = f"{now}.all(k, k in {names} || (k in {before} && {now}[k] == {before}[k]))"
    return f"{kept} && {before}.all(k, k in {names} || k in {now})"


def _same_keys(pair: _Pair) -> str:
    now, before = pair.now, pair.before
    return f"{now}.size() == {before}.size() && {now}.all(k, k in {before})"


def _items(pair: _Pair, item: Branch) -> str:
    now, before, place = pair.now, pair.before, f"i{pair.depth}"
    at = _Pair(now=f"{now}[{place}]", before=f"{before}[{place}]", depth=pair.depth)
    # Named once more, or each condition would go the whole way again.
    same = at.looped(lambda both: f"{both.now} == {both.before} || ({' && '.join(_same(both, item))})")
    sized = f"{now}.size() == {before}.size() && {now}.size() <= {LONGEST_LIST}"
    each = f"variables.places.all({place}, {place} >= {now}.size() || {same})"
    return f"{now} == {before} || ({sized} && {each})"


def _alike(branch: Branch) -> list[tuple[Branch, list[str]]]:
    found: list[tuple[Branch, list[str]]] = []
    for name, each in branch.below.items():
        if not each.free:
            known = next((names for other, names in found if other == each), None)
            if known is None:
                found.append((each, [name]))
            else:
                known.append(name)
    return found


def _listed(names: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"
