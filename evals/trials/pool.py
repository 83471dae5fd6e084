"""Many runs in processes of their own; each result is kept as it comes, so that a next start can resume.

Processes and not threads: a world keeps a CPU busy, and one that hangs can be ended without the others.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from evals.trials.catalogue import Case, version_of
from evals.trials.desk import Ears
from evals.trials.play import Part, play
from evals.trials.run import Run
from evals.trials.scorers import marks
from evals.trials.totals import Judged
from tools.model import ModelOptions


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Who diagnoses: the rules alone (no name), or with a model's help."""

    name: str = ""
    base_url: str = ""
    api_key: str = ""

    @property
    def options(self) -> ModelOptions | None:
        """How the model is asked, None for the rules alone."""
        if not self.name:
            return None
        key = SecretStr(self.api_key or "none")
        return ModelOptions(base_url=self.base_url, name=self.name, api_key=key)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run to be made, and by whom."""

    case: Case
    contender: Contender
    version: str

    @property
    def key(self) -> str:
        """The key its run will have."""
        return "\t".join((self.case.name, self.case.variant, self.contender.name, self.version))


def tasks(cases: Iterable[Case], contenders: Iterable[Contender]) -> list[Task]:
    """Every case for everybody."""
    who = tuple(contenders)
    return [
        Task(case=case, contender=one, version=version)
        for case in cases
        for version in (version_of(case),)
        for one in who
    ]


def made(task: Task, ears: Ears) -> Run:
    """Make one run. Called in a process of the pool."""
    part = Part(
        variant=task.case.variant,
        version=task.version,
        ears=ears,
        model=task.contender.options,
        model_name=task.contender.name,
        start=task.case.start,
    )
    return play(task.case.scenario(), part)


def judged(task: Task, run: Run) -> Judged:
    """The run with its marks."""
    found = marks(task.case.judged(), run)
    return Judged(name=str(task.case), family=task.case.family, run=run, marks=found)


def kept(path: Path) -> dict[str, Run]:
    """The runs of a results file by key; a line that a kill cut short is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        if line.endswith("}"):
            run = Run.model_validate_json(line)
            found[run.key] = run
    return found


@dataclass(frozen=True, kw_only=True)
class Crew:
    """How the runs are made: in how many processes, by which ears, and where they are kept."""

    jobs: int
    ears: Ears
    results: Path
    resume: bool = False

    def run(self, wanted: list[Task], tell: Callable[[Judged], None]) -> list[Judged]:
        """Every task's run, in the order of the tasks; ``tell`` hears of each as it comes."""
        known = kept(self.results) if self.resume else {}
        self.results.parent.mkdir(parents=True, exist_ok=True)
        done: dict[str, Judged] = {}
        with self.results.open("a" if self.resume else "w", encoding="utf-8") as file:
            for task, run in self._runs(wanted, known):
                if task.key not in known:
                    file.write(run.model_dump_json() + "\n")
                    file.flush()
                done[task.key] = judged(task, run)
                tell(done[task.key])
        return [done[task.key] for task in wanted]

    def _runs(self, wanted: list[Task], known: dict[str, Run]) -> Iterator[tuple[Task, Run]]:
        yield from ((task, known[task.key]) for task in wanted if task.key in known)
        todo = [task for task in wanted if task.key not in known]
        if self.jobs == 1:
            yield from ((task, made(task, self.ears)) for task in todo)
            return
        # Spawned and not forked: this process has threads by now, and a worker's first import is paid once.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, mp_context=context) as pool:
            futures = {pool.submit(made, task, self.ears): task for task in todo}
            for future in as_completed(futures):
                yield futures[future], future.result()
