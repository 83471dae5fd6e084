"""Codes that are not told in a namespace for a while: counted, explained, and back when it is over."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.investigator.analyzers.codes import Code
from agents.investigator.examined import Examined, Extras, codes, examined
from agents.investigator.silenced import Silence, SilenceError, read_silences
from agents.investigator.survey import survey
from tests.support.kube_objects import crashing, deployment, replicaset
from tests.support.scenes import Scene, alert, scene
from tests.support.world_cluster import START

OURS = codes(())
PAGE = Path(__file__).parents[2] / "docs" / "analyze.md"
WHY = "known since the move, OPS-7"


def crashed() -> Scene:
    about = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
    return scene([deployment(available=1), replicaset(1), crashing("web-r1-aaaaa")], about)


def seen(*, code: str = Code.CRASH_LOOP, namespace: str = "shop", hours: int = 1) -> Examined:
    silence = Silence(code=code, namespace=namespace, reason=WHY, until=START + timedelta(hours=hours))
    return examined(crashed().snapshot, Extras(silences=(silence,)))


def written(path: Path, *lines: str) -> Path:
    file = path / "silences.yaml"
    file.write_text("\n".join(lines))
    return file


def test_a_silenced_finding_is_not_told_and_is_counted_with_the_reason() -> None:
    found = seen()
    assert [one.code for one in found.silenced] == [Code.CRASH_LOOP]
    assert Code.CRASH_LOOP not in {one.code for one in found.findings}
    assert found.findings, "the others stay"
    said = f"1 finding silenced: pod.container.crash_loop in shop until 2026-11-24 04:00 UTC ({WHY})"
    assert found.snapshot.not_checked == (said.replace("04:00", f"{START + timedelta(hours=1):%H:%M}"),)


@pytest.mark.parametrize("other", [{"namespace": "bank"}, {"code": Code.OOM_KILLED}])
def test_a_silence_is_for_its_code_and_its_namespace_alone(other: dict[str, str]) -> None:
    found = seen(**other)  # type: ignore[arg-type]
    assert found.silenced == ()
    assert found.snapshot.not_checked == ()


def test_a_silence_that_has_ended_hides_nothing_and_is_told() -> None:
    found = seen(hours=-1)
    assert found.silenced == ()
    assert Code.CRASH_LOOP in {one.code for one in found.findings}
    (said,) = found.snapshot.not_checked
    assert said.startswith("a silence has ended: pod.container.crash_loop in shop until ")
    assert WHY in said


def test_what_is_silenced_is_no_cause_either() -> None:
    until = START + timedelta(hours=1)
    silence = Silence(code=Code.CRASH_LOOP, namespace="shop", reason=WHY, until=until)
    loud, hushed = (survey(crashed().snapshot, extras=Extras(silences=some)) for some in ((), (silence,)))
    assert {one.code for one in loud.causes} - {one.code for one in hushed.causes}
    assert len(hushed.silenced) == 1


def test_a_day_is_silent_until_its_end(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "- {code: pod.container.crash_loop, namespace: shop, reason: known for long, until: 2026-12-31}",
    )
    (one,) = read_silences(path, OURS)
    assert one.until == datetime(2027, 1, 1, tzinfo=UTC)


def test_an_empty_file_silences_nothing(tmp_path: Path) -> None:
    assert read_silences(written(tmp_path, ""), OURS) == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{code: pod.container.crash_lop, namespace: a, reason: because, until: 2026-12-31}", "did you mean"),
        ("{code: pod.container.crash_loop, namespace: a, until: 2026-12-31}", "entry 0 (from 0), reason"),
        ("{code: pod.container.crash_loop, namespace: a, reason: because}", "entry 0 (from 0), until"),
        ("{code: pod.container.crash_loop, namespace: a, reason: '', until: 2026-12-31}", "reason"),
        ("{code: pod.container.crash_loop, reason: because, until: 2026-12-31}", "namespace"),
        ("{code: x, namespace: a, reason: because, until: 2026-12-31, extra: 1}", "extra"),
        ("{code: pod.container.crash_loop, namespace: a, reason: because, until: soon}", "until"),
        ("[", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_told_by_its_place(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(SilenceError) as refused:
        read_silences(written(tmp_path, f"- {line}"), OURS)
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SilenceError, match="cannot be read"):
        read_silences(tmp_path / "none.yaml", OURS)


def test_the_file_that_the_documentation_shows_can_be_used(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (one,) = read_silences(written(tmp_path, shown), OURS)
    assert (one.code, one.namespace) == (Code.CRASH_LOOP, "sandbox")
