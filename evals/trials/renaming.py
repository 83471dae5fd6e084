"""The same incident under other names: nothing that is right may hang on what things are called.

A product that had learned the names of the scenarios would fail on the copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from evals.world.kubernetes.objects import JsonObject
from evals.world.scenario import Scenario
from evals.world.steps import Step

_NAMED = ("Namespace", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service")
_OURS = frozenset({"kube-system", "default", "coredns", "kube-dns"})
# Names of no meaning in any vocabulary of the product; the length of a name must not matter either.
_WORDS = (
    "quartz", "lumen-a", "tundra", "fjord", "ember", "willow-b", "basalt", "cobalt", "maple", "onyx",
    "juniper", "harbor", "saffron", "velvet", "topaz", "meadow", "cedar", "amber", "granite", "violet",
)  # fmt: skip


def renamed(found: Scenario) -> Scenario:
    """A copy in which every namespace and workload of the scenario has another name, wherever it stands."""
    names = sorted(set(_names(found)) - _OURS)
    others = {name: _other(index) for index, name in enumerate(names)}
    if not others:
        return found
    # The longest first: one name may be the beginning of another.
    words = "|".join(map(re.escape, sorted(others, key=len, reverse=True)))
    text = orjson.dumps(found.model_dump(by_alias=True, mode="json", exclude={"name", "family"})).decode()
    text = re.sub(rf"(?<![A-Za-z0-9]){{1}}(?:{words})(?![A-Za-z0-9])", lambda m: others[m[0]], text)
    return Scenario.model_validate(orjson.loads(text) | {"name": found.name, "family": found.family})


def _other(index: int) -> str:
    word = _WORDS[index % len(_WORDS)]
    return word if index < len(_WORDS) else f"{word}-{index // len(_WORDS)}"


def _names(found: Scenario) -> Iterator[str]:
    steps: tuple[Step, ...] = (*found.world.history, *found.history, *found.noise, *found.fault)
    for step in steps:
        for manifest in step.create:
            if manifest["kind"] in _NAMED:
                yield from _of(manifest)


def _of(manifest: JsonObject) -> Iterator[str]:
    yield str(manifest["metadata"]["name"])
    if namespace := manifest["metadata"].get("namespace"):
        yield str(namespace)
