"""CEL that says which fields of an object are the same before and after, for any API server since 1.30.

Only what such a server's environment has is used: macros over keys, optional values, no functions of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tools.kubernetes.actions.fields import ITEM, KEY, parts_of

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
    paths = {parts_of(each) for each in fields}
    return _branch(paths)


def _branch(paths: set[tuple[str, ...]]) -> Branch:
    if () in paths:
        return Branch(free=True)
    heads = sorted({path[0] for path in paths})
    return Branch(below={head: _branch({path[1:] for path in paths if path[0] == head}) for head in heads})


def unchanged(branch: Branch) -> str:
    """CEL that is true when ``now`` and ``before`` differ in nothing that ``branch`` does not free."""
    return _same("[variables.now, variables.before]", branch, 0)


def _same(pair: str, branch: Branch, depth: int) -> str:
    """The condition on a pair of values; CEL names a value only by a loop over a list of one."""
    name = f"p{depth}"
    now, before = f"{name}[0]", f"{name}[1]"
    if ITEM in branch.below:
        inner = _items(name, branch.below[ITEM], depth + 1)
    elif KEY in branch.below:
        inner = f"{now}.size() == {before}.size() && {now}.all(k, k in {before})"
    else:
        inner = _members(name, branch, depth + 1)
    return f"[{pair}].all({name}, {now} == {before} || ({inner}))"


def _members(pair: str, branch: Branch, depth: int) -> str:
    names = _listed(branch.below)
    now, before = f"{pair}[0]", f"{pair}[1]"
    parts = [
        f"{now}.all(k, k in {names} || (k in {before} && {now}[k] == {before}[k]))",
        f"{before}.all(k, k in {names} || k in {now})",
    ]
    alike: dict[str, list[str]] = {}
    for name, each in branch.below.items():
        if not each.free:
            # What is not there is as good as empty: neither means anything to an API server here.
            absent = "[]" if ITEM in each.below else "{}"
            below = f"[{now}[?n{depth}].orValue({absent}), {before}[?n{depth}].orValue({absent})]"
            alike.setdefault(_same(below, each, depth), []).append(name)
    parts += [f"{_listed(members)}.all(n{depth}, {same})" for same, members in alike.items()]
    return " && ".join(parts)


def _items(pair: str, item: Branch, depth: int) -> str:
    now, before = f"{pair}[0]", f"{pair}[1]"
    each = _same(f"[{now}[i{depth}], {before}[i{depth}]]", item, depth)
    sized = f"{now}.size() == {before}.size() && {now}.size() <= {LONGEST_LIST}"
    return f"{sized} && variables.places.all(i{depth}, i{depth} >= {now}.size() || {each})"


def _listed(names: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"
