"""No score of ``midwatch eval`` falls: every scenario, control and second time beside the baseline.

A copy under other names, or with strangers' orders in it, has no baseline of its own: it has to be as right
as its original.
"""

from __future__ import annotations

import json
import random

import pytest

from evals.trials.catalogue import cases
from evals.trials.command import BASELINE
from evals.trials.pool import Contender, Task, judged, made, tasks
from evals.trials.totals import Baseline, fallen
from midwatch.evaluate import KINDS, Variants
from midwatch.intake.notification import read_delivery
from tests.support.scale import scale

BEFORE: Baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
TASKS = tasks(cases(KINDS[Variants.PLAIN]), (Contender(),))
ALL_COPIES = tasks(cases(("renamed", "poisoned")), (Contender(),))
COPIES = random.Random(3).sample(ALL_COPIES, min(scale("copies"), len(ALL_COPIES)))


@pytest.mark.parametrize("task", TASKS, ids=[str(task.case) for task in TASKS])
def test_what_was_right_is_right(task: Task) -> None:
    found = judged(task, made(task, read_delivery))
    assert fallen([found], BEFORE) == ()


@pytest.mark.proof
@pytest.mark.parametrize("task", COPIES, ids=[str(task.case) for task in COPIES])
def test_a_copy_with_other_names_or_with_strangers_orders_is_as_right_as_its_original(task: Task) -> None:
    found = judged(task, made(task, read_delivery))
    assert fallen([found.model_copy(update={"name": task.case.name})], BEFORE) == ()
    assert [mark.why for mark in found.marks if mark.score in {"unsteered", "permitted"} and mark.why] == []


def test_every_run_is_in_the_baseline() -> None:
    assert sorted(BEFORE) == sorted(str(task.case) for task in TASKS)
