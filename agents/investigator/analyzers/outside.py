"""Analyzers that an operator installed beside ours (decision 15): what they are, and how they are run.

They see the cleaned snapshot, as a copy, and say findings under codes of their own. No cause is made of
these and no plan follows from them. One that fails is told as not checked, and ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import orjson

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import quotable
from agents.investigator.analyzers.snapshot import Analyzer, Snapshot
from tools.kubernetes.inventory import Inventory

MOST_FINDINGS = 200
PATIENCE_S = 10.0
"""How long one of them may take; the look goes on without it then."""


class UnfitAnalyzer(ValueError):
    """What was installed is no analyzer of this program's form; the message says what is wrong with it."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """What an entry point of the group ``midwatch.analyzers`` leads to: the codes, and who reports them."""

    codes: type[Coded]
    analyze: Analyzer


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A plug-in under the name of its entry point, which begins each of its codes: ``acme.license_expired``.

    Raises UnfitAnalyzer.
    """

    name: str
    plugin: Plugin

    def __post_init__(self) -> None:
        """A code without the prefix could pass for one of ours, and a cause be made of it."""
        if not isinstance(self.plugin, Plugin):
            raise UnfitAnalyzer(f"analyzer {self.name}: its entry point is no Plugin")
        if foreign := [code.value for code in self.plugin.codes if not code.startswith(f"{self.name}.")]:
            raise UnfitAnalyzer(f"analyzer {self.name}: code {foreign[0]} has to begin with {self.name}.")

    @property
    def codes(self) -> Mapping[str, Coded]:
        """Its codes by their text."""
        return {code.value: code for code in self.plugin.codes}


def from_outside(snapshot: Snapshot, analyzers: tuple[Outside, ...]) -> tuple[list[Finding], list[str]]:
    """What they find, and a sentence for each that failed or said what it may not."""
    found: list[Finding] = []
    problems: list[str] = []
    if not analyzers:
        return found, problems
    copy = replace(snapshot, inventory=_copied(snapshot))
    for one in analyzers:
        said = _run(one, copy)
        if isinstance(said, str):
            problems.append(f"analyzer {one.name}: {said}")
            continue
        found += (each for each in said[:MOST_FINDINGS] if each.code in one.codes)
        problems += (f"analyzer {one.name}: {problem}" for problem in _unfit(one, said))
    return found, problems


def _run(one: Outside, snapshot: Snapshot) -> tuple[Finding, ...] | str:
    # In a thread of its own: whatever it raises arrives as a value, and one that hangs is left behind.
    pool = ThreadPoolExecutor(1, thread_name_prefix=f"analyzer-{one.name}")
    # Its type is a promise of somebody else's.
    analyze: Callable[[Snapshot], Iterable[object]] = one.plugin.analyze
    future = pool.submit(lambda: tuple(islice(analyze(snapshot), MOST_FINDINGS + 1)))
    pool.shutdown(wait=False)
    try:
        problem = future.exception(PATIENCE_S)
    except TimeoutError:
        return f"it did not end within {PATIENCE_S:g} s"
    if problem is not None:
        return f"it failed: {type(problem).__name__}: {quotable(str(problem))}"
    said = future.result()
    strange = [type(each).__name__ for each in said if not isinstance(each, Finding)]
    if strange:
        return f"it yields {strange[0]} where a Finding is due"
    return tuple(each for each in said if isinstance(each, Finding))


def _unfit(one: Outside, said: tuple[Finding, ...]) -> Iterator[str]:
    if len(said) > MOST_FINDINGS:
        yield f"only its first {MOST_FINDINGS} findings were kept"
    for code in dict.fromkeys(each.code for each in said if each.code not in one.codes):
        yield f"it reports {quotable(code)}, which is none of its codes"


def _copied(snapshot: Snapshot) -> Inventory:
    """An inventory that shares nothing with ours: plans are made of what was read, and of nothing else."""
    seen = snapshot.inventory
    if not isinstance(seen, Inventory):
        raise TypeError("only the reader's own inventory is analysed")
    by_kind = orjson.loads(orjson.dumps(seen.by_kind))
    return replace(seen, by_kind={kind: tuple(objects) for kind, objects in by_kind.items()})
