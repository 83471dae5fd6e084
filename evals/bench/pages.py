"""The pages over a ledger of some years: how long a reader waits for each of them."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.long_ledger import Size, write
from evals.bench.street import street
from evals.processes import BrokenArrow

PAGE = Figure(
    title="a page, of 10,000 incidents and a million events",
    unit="ms",
    bounds=(at_most(Statistic.P95, 100),),
)
ROUNDS = 40
PATHS = (
    "/incidents",
    "/incidents?before=5000",
    "/incidents?state=open&plan=waiting",
    "/incidents?namespace=shop&severity=critical",
    "/incidents?q=service-17",
    "/incidents?q=nothing-is-called-so",
    "/incidents/{number}",
    "/incidents/{number}/postmortem",
    "/incidents/{number}/evidence/E1",
    "/plans",
    "/ledger",
    "/ledger?before=500000",
    "/ledger?actor=gatekeeper",
    "/ledger?incident=INC-{number}",
    "/ledger?since=2026-01-01&until=2026-02-01",
    "/insights?days=30",
    "/insights?days=90",
    "/runbooks",
    "/runbooks/dns",
    "/analyzers",
    "/installation",
    "/installation/models",
    "/installation/settings",
)
"""Every page but the rights: that one waits for what the cluster answers, and for nothing else."""


def measure(folder: Path) -> list[Result]:
    """Each of these forty times, one after the other, from a whole ``midwatch serve`` that also works.

    Incidents of all ages are shown; the auditor recomputes the record meanwhile.
    """
    size = Size()
    _filled(folder / "state", size)
    times: dict[str, list[float]] = {path: [] for path in PATHS}
    with street(folder, 1, {"slack_mode": "off"}) as at, httpx.Client(trust_env=False, timeout=60) as client:
        client.get(at.login, follow_redirects=True).raise_for_status()
        for round_ in range(ROUNDS):
            # Another one each time: what was read a moment ago would be quicker than what a reader opens.
            number = 1 + round_ * (size.incidents - 1) // ROUNDS
            for path, taken in times.items():
                began = time.perf_counter()
                found = client.get(f"{at.install.url}{path.format(number=number)}")
                taken.append((time.perf_counter() - began) * 1000)
                if found.status_code != httpx.codes.OK:
                    raise BrokenArrow(f"{path} answered {found.status_code}")
    every = tuple(value for taken in times.values() for value in taken)
    return [Result(figure=PAGE, values=every), *(_one(path, taken) for path, taken in times.items())]


def _one(path: str, taken: list[float]) -> Result:
    return Result(figure=Figure(title=f"… `{path}`", unit="ms"), values=tuple(taken))


def _filled(folder: Path, size: Size) -> None:
    folder.mkdir(parents=True)
    ledger = Ledger(f"sqlite:///{folder / 'midwatch.db'}")
    try:
        upgrade(ledger.writer)
        write(ledger, size)
    finally:
        ledger.close()
