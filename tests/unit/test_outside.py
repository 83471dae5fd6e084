"""Analyzers that an operator installed: loaded when named, held to finding, and never the end of a look."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.incident import Finding
from agents.investigator.analyzers import outside
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.outside import MOST_FINDINGS, Outside, Plugin, UnfitAnalyzer
from agents.investigator.analyzers.registry import analyze
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from agents.investigator.examined import Examined, Extras, examined
from agents.investigator.survey import survey
from midwatch.extras import extras_of
from midwatch.settings import Settings
from midwatch.settings_load import RIGHTS
from tests.support.kube_objects import crashing, deployment, replicaset
from tests.support.patience import PATIENCE_S
from tests.support.scenes import scene

PAGE = Path(__file__).parents[2] / "docs" / "writing-analyzers.md"
EXPIRED = {"acme.example/license-until": "2026-01-01T00:00:00Z"}


class AcmeCode(Coded):
    """One code of our own, and one that is not."""

    ODD = ("acme.odd", "Something is odd.", "nothing")


class ForeignCode(Coded):
    """A code that would pass for one of Midwatch's."""

    CRASH = ("pod.container.crash_loop", "No.", "nothing")


def look(**annotations: Any) -> Snapshot:
    objects = [deployment(available=1, **annotations), replicaset(1), crashing("web-r1-aaaaa")]
    return scene(objects).snapshot


def found(analyzer: Callable[[Snapshot], Any], snapshot: Snapshot | None = None) -> Examined:
    acme = Outside(name="acme", plugin=Plugin(codes=AcmeCode, analyze=analyzer))
    return examined(snapshot or look(), Extras(outside=(acme,)))


def odd(snapshot: Snapshot, code: Coded = AcmeCode.ODD) -> Finding:
    (one,) = snapshot.objects("Deployment")
    return Subject(snapshot=snapshot, obj=one).warning(code, "It is odd.")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of the page, as an installer leaves it on the path, and another one beside it."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "acme_midwatch.py").write_text(program)
    (tmp_path / "other_midwatch.py").write_text("raise AssertionError('imported')\n")
    for name in ("acme", "other"):
        info = tmp_path / f"{name}_midwatch-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-midwatch\nVersion: 1.0\n")
        lines = f"[midwatch.analyzers]\n{name} = {name}_midwatch:PLUGIN\n"
        (info / "entry_points.txt").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("acme_midwatch", None)


@pytest.mark.usefixtures("installed")
def test_the_analyzer_of_the_page_is_loaded_by_its_name_and_finds() -> None:
    extras = extras_of(Settings(analyzers=("acme",)))
    seen = examined(look(annotations=EXPIRED), extras)
    (one,) = [each for each in seen.findings if each.code == "acme.license_expired"]
    assert one.message == "Deployment shop/web has had no license since 2026-01-01."
    assert one.evidence, "told from what was read"
    assert extras.codes[one.code].says == "The license of a workload has run out."
    assert "acme.license_expired" not in {each.code for each in examined(look(), extras).findings}


@pytest.mark.usefixtures("installed")
def test_t46_what_is_installed_and_not_named_is_not_even_imported() -> None:
    assert extras_of(Settings()) == Extras()
    assert [each.name for each in extras_of(Settings(analyzers=("acme",))).outside] == ["acme"]
    assert "other_midwatch" not in sys.modules


def test_t46_the_actor_has_no_right_to_the_names() -> None:
    assert {agent for agent, names in RIGHTS.items() if "analyzers" in names} == {"investigator"}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "words"),
    [("nobody", "analyzer nobody is not installed; installed: acme, other"), ("pod", "name is taken")],
)
def test_a_name_that_cannot_be_used_refuses_to_start(name: str, words: str) -> None:
    with pytest.raises(UnfitAnalyzer, match=words):
        extras_of(Settings(analyzers=(name,)))


def test_a_code_without_the_prefix_refuses_to_start() -> None:
    with pytest.raises(UnfitAnalyzer, match=r"code pod.container.crash_loop has to begin with acme\."):
        Outside(name="acme", plugin=Plugin(codes=ForeignCode, analyze=lambda _: ()))


def test_one_that_fails_is_not_checked_and_the_look_goes_on() -> None:
    def broken(snapshot: Snapshot) -> Iterator[Finding]:
        yield odd(snapshot)
        raise KeyError("spec")

    seen = found(broken)
    assert seen.findings == analyze(look())
    assert seen.snapshot.not_checked == ("analyzer acme: it failed: KeyError: 'spec'",)


def test_one_that_wants_to_end_the_program_does_not() -> None:
    seen = found(lambda _: sys.exit(3))
    assert seen.snapshot.not_checked == ("analyzer acme: it failed: SystemExit: 3",)


def test_one_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "PATIENCE_S", 0.05)
    over = threading.Event()
    seen = found(lambda _: [] * over.wait(PATIENCE_S))
    over.set()
    assert seen.snapshot.not_checked == ("analyzer acme: it did not end within 0.05 s",)
    assert seen.findings == analyze(look())


def test_what_it_does_to_its_copy_changes_nothing_of_ours() -> None:
    def vandal(snapshot: Snapshot) -> Iterator[Finding]:
        for obj in snapshot.objects("Deployment"):
            obj["spec"]["replicas"] = 0
            obj["metadata"]["name"] = "other"
        yield from ()

    snapshot = look()
    assert found(vandal, snapshot).findings == analyze(look())
    (ours,) = snapshot.objects("Deployment")
    assert (ours["spec"]["replicas"], ours["metadata"]["name"]) == (2, "web")


def test_a_finding_under_another_code_is_dropped_and_told() -> None:
    seen = found(lambda snapshot: [odd(snapshot), odd(snapshot, ForeignCode.CRASH)])
    assert [each.message for each in seen.findings if each.message == "It is odd."] == ["It is odd."]
    (said,) = seen.snapshot.not_checked
    assert said == "analyzer acme: it reports pod.container.crash_loop, which is none of its codes"


@pytest.mark.parametrize("said", [["text"], [None]])
def test_what_is_no_finding_is_told(said: list[object]) -> None:
    (told,) = found(lambda _: said).snapshot.not_checked
    assert told.endswith("where a Finding is due")


def test_of_too_many_findings_the_first_are_kept() -> None:
    seen = found(lambda snapshot: (odd(snapshot) for _ in range(MOST_FINDINGS * 1000)))
    assert sum(each.code == "acme.odd" for each in seen.findings) == MOST_FINDINGS
    assert seen.snapshot.not_checked == ("analyzer acme: only its first 200 findings were kept",)


def test_no_cause_is_made_of_what_it_finds() -> None:
    acme = Outside(name="acme", plugin=Plugin(codes=AcmeCode, analyze=lambda one: [odd(one)]))
    plain, more = survey(look()), survey(look(), extras=Extras(outside=(acme,)))
    assert [one.code for one in more.causes] == [one.code for one in plain.causes]
    assert "acme.odd" in {one.code for one in more.findings}
