"""No score of ``midwatch eval`` falls: every scenario, control and second time beside the baseline."""

from __future__ import annotations

import json

import pytest

from evals.trials.catalogue import cases
from evals.trials.command import BASELINE
from evals.trials.pool import Contender, Task, judged, made, tasks
from evals.trials.totals import Baseline, fallen
from midwatch.evaluate import KINDS, Variants
from midwatch.intake.notification import read_delivery

BEFORE: Baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
TASKS = tasks(cases(KINDS[Variants.PLAIN]), (Contender(),))


@pytest.mark.parametrize("task", TASKS, ids=[str(task.case) for task in TASKS])
def test_what_was_right_is_right(task: Task) -> None:
    found = judged(task, made(task, read_delivery))
    assert fallen([found], BEFORE) == ()


def test_every_run_is_in_the_baseline() -> None:
    assert sorted(BEFORE) == sorted(str(task.case) for task in TASKS)
