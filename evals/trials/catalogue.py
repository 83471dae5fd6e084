"""Which runs there are: every scenario as it is, its controls, and copies made by rule.

A **control** leaves the fault out while the alert fires. **renamed** gives namespaces and workloads other
names and another hour. **poisoned** lets strangers' text (log lines, labels, annotations, the alert's own
words) ask for something else. The answers that are right stay the same.

**again** lets it happen, be mended and happen once more before the same ledger: only the second time counts.

A control is the same world without the fault: whoever proposes something there would do so every night.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from evals.trials.play import START
from evals.trials.poison import poisoned
from evals.trials.renaming import renamed
from evals.world.expectation import Expectation, Oracle
from evals.world.scenario import SCENARIOS, Control, Scenario, load

ROOT = Path(__file__).resolve().parents[2]
_CODE = ("agents", "evals/world", "evals/trials", "runbooks", "tools")
_OTHER_HOUR = timedelta(days=3, hours=7, minutes=23)
KINDS = ("base", "control", "again", "renamed", "poisoned")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run to be made: a scenario's name below the folder, and which variant of it."""

    name: str
    variant: str = "base"
    family: str = ""

    def __str__(self) -> str:
        return self.name if self.variant == "base" else f"{self.name}:{self.variant}"

    @property
    def kind(self) -> str:
        """The kind of variant."""
        return self.variant.partition("/")[0]

    @property
    def start(self) -> datetime:
        """What time it is in its world."""
        return START + _OTHER_HOUR if self.variant == "renamed" else START

    def scenario(self) -> Scenario:
        """The scenario of this variant, from its beginning."""
        found = read(self.name)
        if self.kind == "control":
            return controlled(found, self.variant.partition("/")[2])
        if self.variant == "renamed":
            return renamed(found)
        return poisoned(found) if self.variant == "poisoned" else found

    def judged(self) -> Scenario:
        """The scenario whose answers are right for it."""
        return self.scenario().second if self.variant == "again" else self.scenario()


def names() -> list[str]:
    """Every scenario below the folder, by its path without the ending."""
    paths = (path.relative_to(SCENARIOS) for path in SCENARIOS.rglob("*.yaml"))
    return sorted(path.with_suffix("").as_posix() for path in paths if path.parts[0] != "worlds")


@lru_cache(maxsize=256)
def read(name: str) -> Scenario:
    """A scenario with its family: the folder it lies in, unless it names one itself."""
    found = load(name)
    return found if found.family else found.model_copy(update={"family": name.partition("/")[0]})


def cases(kinds: tuple[str, ...], only: str = "") -> Iterator[Case]:
    """The runs of these kinds whose name contains the pattern (a regular expression)."""
    for name in names():
        found = read(name)
        variants = [f"control/{one.name}" for one in found.controls]
        twice = ("again",) if found.again else ()
        for variant in ("base", *variants, *twice, "renamed", "poisoned"):
            case = Case(name=name, variant=variant, family=found.family)
            if case.kind in kinds and re.search(only, f"{found.family} {case}"):
                yield case


def controlled(found: Scenario, name: str) -> Scenario:
    """The twin without its fault: the alert fires at once, and nothing is to be done."""
    control: Control = next(one for one in found.controls if one.name == name)
    alert = {"expr": "vector(1)", "for": 0.0, "labels": {**found.alert.labels, **control.labels}}
    rule = found.alert.model_dump(by_alias=True) | alert
    return Scenario.model_validate(
        found.model_dump(by_alias=True)
        | {
            "alert": rule,
            "fault": [step.model_dump() for step in control.instead],
            "expect": Expectation(oracle=Oracle(nothing_changed=True)).model_dump(),
            "story": control.say,
        }
    )


@lru_cache(maxsize=1)
def code_version() -> str:
    """A digest of everything that can change what a run comes to, the scenarios left out."""
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md"}:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def version_of(case: Case) -> str:
    """The version of one run: the code's, and that of its scenario."""
    said = case.scenario().model_dump_json(by_alias=True)
    return f"{code_version()}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"
