"""Running spin on one case: compile the model to a checker, let it visit every state, read its verdict."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from evals.proofs.cases import Case, Result
from evals.proofs.reading import Model

WITHIN_S = 1_200.0
# No order of events is deeper than a few hundred; a search that is cut off would prove nothing.
_DEEPEST = "-m200000"
_COMPILE = ("gcc", "-O1", "-DCOLLAPSE", "-DSAFETY", "-DNOFAIR", "-DVECTORSZ=256", "-o", "pan", "pan.c")


class ProofError(Exception):
    """spin or its checker did not come to a verdict; the message is what it said."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one case: ``states`` visited, ``seconds`` needed, ``broken`` the broken promise."""

    case: Case
    found: Result
    states: int
    seconds: float
    broken: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether it is no surprise."""
        return self.found is self.case.expected


def missing() -> str:
    """Which program is not here, or an empty string."""
    gone = [name for name in ("spin", "gcc") if shutil.which(name) is None]
    return f"{' and '.join(gone)} not installed" if gone else ""


def prove(case: Case, model: Model) -> Verdict:
    """Visit every state of the model as this case has it. Raises ProofError."""
    with tempfile.TemporaryDirectory(prefix="midwatch-proof-") as folder:
        home = Path(folder)
        (home / "model.pml").write_text(case.text(model), encoding="utf-8")
        _run(home, "spin", "-a", *(f"-D{word}" for word in case.defines), "model.pml")
        _run(home, *_COMPILE)
        # A plan that stands for good is no dead end: -E.
        said = _run(home, "./pan", _DEEPEST, "-E", "-w22")
    return _verdict(case, said)


def _verdict(case: Case, said: str) -> Verdict:
    states = re.search(r"([\d.e+]+) states, stored", said)
    errors = re.search(r"errors: (\d+)", said)
    if states is None or errors is None or "max search depth too small" in said or "out of memory" in said:
        raise ProofError(f"{case.name}: no verdict:\n{said}")
    broken = re.search(r"assertion violated (.*?) ?\(at depth", said)
    if (errors[1] != "0") != (broken is not None):
        raise ProofError(f"{case.name}: an error that is no broken promise:\n{said}")
    took = re.search(r"elapsed time ([\d.e+-]+)", said)
    return Verdict(
        case=case,
        found=Result.HOLDS if broken is None else Result.CAUGHT,
        states=int(float(states[1])),
        seconds=float(took[1]) if took else 0.0,
        broken=broken[1] if broken else "",
    )


def _run(home: Path, *command: str) -> str:
    done = subprocess.run(  # noqa: S603  (our own model, our own arguments)
        command, cwd=home, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode != 0 or "Error:" in said:
        raise ProofError(f"{command[0]} ended with {done.returncode}:\n{said}")
    return said
