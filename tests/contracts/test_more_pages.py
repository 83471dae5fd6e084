"""The pages of insights, runbooks, analyzers and the installation over a ledger with a past."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from agents.ledger import feedback, fired, stretches
from agents.ledger.feedback import Grade
from agents.ledger.insights import FIGURES, Facts, Life
from agents.ledger.migrate import upgrade
from agents.ledger.record import Wanted, page
from agents.ledger.store import Ledger
from agents.ledger.tags import Tag
from evals.bench.long_ledger import Size, write
from midwatch.check_kept import file_of, keep
from midwatch.check_result import Result
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.web.insights import written
from tests.support.door import Visitor
from tests.support.plans import ADA

SIZE = Size(incidents=120, events=4_000, open=3, now=datetime(2026, 11, 27, 3, 0, tzinfo=UTC))
MADE = {figure.key: figure.made for figure in FIGURES}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ledger]]:
    """Ten days of incidents, one every two hours."""
    folder = tmp_path_factory.mktemp("past")
    (folder / "keys").mkdir()
    (folder / "keys" / "login.sha256").write_text(hashlib.sha256(b"t").hexdigest(), encoding="ascii")
    ledger = Ledger(f"sqlite:///{folder / 'midwatch.db'}", clock=lambda: SIZE.now)
    upgrade(ledger.writer)
    ledger.queue.prepare(ledger.writer)
    write(ledger, SIZE)
    yield folder, ledger
    ledger.close()


@pytest.fixture
async def reader(past: tuple[Path, Ledger]) -> AsyncIterator[Visitor]:
    folder, ledger = past
    settings = Settings(state_dir=folder, silences_file=_silences(folder))
    app = application(settings, ledger)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        client.headers["Authorization"] = "Bearer t"
        yield Visitor(client=client, ledger=ledger, settings=settings, app=app)


def _silences(folder: Path) -> Path:
    file = folder / "silences.yaml"
    file.write_text(
        "- {code: pod.image.not_found, namespace: shop, reason: <b>known</b> since May, until: 2026-01-01}\n",
        encoding="utf-8",
    )
    return file


async def text_of(reader: Visitor, path: str) -> str:
    found = await reader.get(path)
    assert found.status_code == 200, found.text
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found.text).split()))


def facts(past: tuple[Path, Ledger], days: int) -> Facts:
    with past[1].read() as session:
        return stretches.facts(session, SIZE.now - timedelta(days=days), SIZE.now)


def test_each_moment_of_an_incident_is_its_own_and_the_gates_add_up(past: tuple[Path, Ledger]) -> None:
    found = facts(past, 7)
    assert 80 <= len(found.lives) <= 90
    for life in found.lives:
        if life.decided and life.changed and life.judged:
            assert life.opened < life.decided <= life.changed < life.judged
    decided = [life for life in found.lives if life.decided]
    assert MADE["mtta"](found).of == len(decided) > 20
    assert found.verdicts.total() == len(decided)


def test_shares_are_of_what_was_begun_and_watched(past: tuple[Path, Ledger]) -> None:
    found = facts(past, 7)
    assert found.begun == found.ends["SUCCEEDED"] + found.ends["FAILED"]
    assert found.failed == found.ends["FAILED"] + found.judged["not recovered"]
    assert found.judged.total() == found.ends["SUCCEEDED"]
    assert MADE["verified"](found).value == pytest.approx(found.judged["recovered"] / found.judged.total())
    assert MADE["reversal"](found).value == 0


def test_two_stretches_side_by_side_share_no_incident(past: tuple[Path, Ledger]) -> None:
    with past[1].read() as session:
        middle = SIZE.now - timedelta(days=4)
        before = stretches.facts(session, SIZE.now - timedelta(days=8), middle)
        after = stretches.facts(session, middle, SIZE.now)
    numbers = [{life.number for life in each.lives} for each in (before, after)]
    assert numbers[0]
    assert numbers[1]
    assert not numbers[0] & numbers[1]


def test_what_was_not_counted_is_not_known_and_never_nothing() -> None:
    empty = Facts(since=SIZE.now - timedelta(days=7), until=SIZE.now)
    shown = {figure.key: written(figure.made(empty).value, figure.unit) for figure in FIGURES}
    assert {key for key, said in shown.items() if said != "not known"} == {"incidents", "refused", "tokens"}
    moment = SIZE.now
    backwards = Life(number=1, opened=moment, decided=moment - timedelta(seconds=1))
    assert MADE["mtta"](Facts(since=moment, until=moment, lives=(backwards,))).of == 0


async def test_insights_tell_every_figure_with_its_definition_and_the_period_before(
    past: tuple[Path, Ledger], reader: Visitor
) -> None:
    feedback.judge(past[1], 110, ADA, Grade.PARTLY)
    said = await text_of(reader, "/insights?days=7")
    for figure in FIGURES:
        assert figure.title in said
        assert figure.says in said
    assert "Diagnosis accuracy 0.0 % of 1" in said
    assert "Money not known" in said
    assert "Noisy alerts" in said
    assert (await reader.get("/insights?days=91")).status_code == 422


async def test_a_runbook_is_found_by_words_shown_as_text_and_tells_when_it_helped(reader: Visitor) -> None:
    found = await text_of(reader, "/runbooks?q=image cannot be pulled")
    assert "Escalate to" in found
    assert "No runbook fits that" in await text_of(reader, "/runbooks?q=xyzzy")
    listed = await reader.get("/runbooks")
    names = re.findall(r'href="/runbooks/([a-z0-9-]+)"', listed.text)
    assert len(names) > 50
    for name in names:
        page_of = await reader.get(f"/runbooks/{name}")
        assert page_of.status_code == 200
    crash = await text_of(reader, "/runbooks?q=KubePodCrashLooping")
    assert "KubePodCrashLooping" in crash
    assert (await reader.get("/runbooks/nowhere")).status_code == 404
    assert (await reader.get("/runbooks/..%2f..%2fREADME")).status_code == 404


async def test_the_runbook_of_an_alert_that_recovered_names_the_incident(reader: Visitor) -> None:
    listed = await reader.get("/runbooks?q=HttpErrorRateHigh")
    name = re.findall(r'href="/runbooks/([a-z0-9-]+)"', listed.text)[0]
    assert "a change was done under one of its alerts" in await text_of(reader, f"/runbooks/{name}")


async def test_analyzers_are_those_of_the_registry_with_what_is_silenced(reader: Visitor) -> None:
    said = await text_of(reader, "/analyzers?q=pod.image")
    assert "pod.image.not_found in shop, ended 2026-01-02 00:00:00 : <b>known</b> since May" in said
    assert "service.selector" not in said
    assert "No code fits that" in await text_of(reader, "/analyzers?q=xyzzy")


async def test_the_installation_tells_origins_and_of_secrets_only_whether_they_are_set(
    reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Nothing was checked yet" in await text_of(reader, "/installation")
    keep(reader.settings, [Result(what="slack", ok=False, says="<i>token</i> is wrong")])
    monkeypatch.setenv("MIDWATCH_STATE_DIR", str(reader.settings.state_dir))
    raw = (await reader.get("/installation")).text
    assert "<i>token" not in raw
    assert "slack not ok" in await text_of(reader, "/installation")
    said = await text_of(reader, "/installation/settings")
    assert f"state_dir {reader.settings.state_dir} environment" in said
    assert "login_hours 12 default" in said
    assert re.search(r"silences_file \S+ file", said)
    assert "slack_bot_token not set default" in said
    file_of(reader.settings).write_bytes(b"{")
    assert "Nothing was checked yet" in await text_of(reader, "/installation")


@pytest.mark.parametrize("part", ["rights", "models"])
async def test_where_a_part_of_the_installation_was_before_leads_to_it(reader: Visitor, part: str) -> None:
    answer = await reader.get(f"/{part}")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/installation/{part}")
    assert (
        f'<a href="/installation/{part}" aria-current="page">'
        in (await reader.get(f"/installation/{part}")).text
    )


async def test_the_ledger_is_narrowed_by_kind_writer_incident_and_time_and_walked_to_its_end(
    past: tuple[Path, Ledger], reader: Visitor
) -> None:
    said = await text_of(reader, "/ledger?tag=gatekeeper:plan:decide&incident=INC-9")
    assert "investigator" not in said.partition("Events, newest first")[2]
    for wrong in ("incident=seven", "since=yesterday", "until=2026-13-01"):
        assert (await reader.get(f"/ledger?{wrong}")).status_code == 200
        assert 'role="alert"' in (await reader.get(f"/ledger?{wrong}")).text
    path, seen = "/ledger?actor=gatekeeper", []
    while path:
        found = (await reader.get(path)).text
        seen += [int(number) for number in re.findall(r'<tr id="event-(\d+)">', found)]
        older = re.search(r'href="([^"]+)" rel="next"', found)
        path = html.unescape(older.group(1)) if older else ""
    with past[1].read() as session:
        every = page(session, Wanted(), None, 10_000)
    assert seen == [row.seq for row in every if row.tag.startswith("gatekeeper:")]
    assert len(seen) > 50


@pytest.mark.parametrize("hours", [3, 30, 239, 500])
def test_a_time_cuts_the_record_where_the_events_themselves_say(
    past: tuple[Path, Ledger], hours: int
) -> None:
    cut = SIZE.now - timedelta(hours=hours)
    with past[1].read() as session:
        every = page(session, Wanted(), None, 10_000)
        first = min((row.seq for row in every if row.at >= cut), default=None)
        after = page(session, Wanted(since=cut), None, 10_000)
    assert (after[-1].seq if after else None) == first


def test_an_actor_that_there_is_not_wrote_nothing(past: tuple[Path, Ledger]) -> None:
    with past[1].read() as session:
        assert page(session, Wanted(actor="nobody"), None, 10) == []
        assert page(session, Wanted(tag=Tag.HALTED.value), None, 10) == []


async def test_a_diagnosis_is_graded_from_its_page_once_a_person_and_the_word_can_be_changed(
    past: tuple[Path, Ledger], reader: Visitor
) -> None:
    assert "Nobody has said yet" in await text_of(reader, "/incidents/100")
    for grade in ("wrong", "right", "right"):
        answer = await reader.client.post("/incidents/100/grade", data={"grade": grade})
        assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/100#graded")
    said = await text_of(reader, "/incidents/100")
    assert "token: Right cause and fix" in said
    assert "Wrong" in said, "the button is still there"
    assert len(reader.events(Tag.DIAGNOSIS_GRADED.value)) >= 2
    for number, grade, status in ((100, "splendid", 422), (9999, "right", 404)):
        answer = await reader.client.post(f"/incidents/{number}/grade", data={"grade": grade})
        assert answer.status_code == status


def test_what_a_ledger_of_either_kind_counts(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, clock=lambda: SIZE.now)
    upgrade(ledger.writer)
    write(ledger, replace(SIZE, incidents=24, events=600))
    with ledger.read() as session:
        counted = stretches.facts(session, SIZE.now - timedelta(days=3), SIZE.now)
        found = fired.found(session, SIZE.now - timedelta(days=3))
        well = fired.recovered(session, SIZE.now - timedelta(days=3))
    ledger.close()
    assert counted.causes.total() == counted.alerts.total() == len(counted.lives) == 24
    assert counted.verdicts.total() > 5
    assert all(life.card for life in counted.lives if life.decided)
    assert {code: one.incidents for code, one in found.items()} == {"pod.container.crash_loop": 24}
    assert {name for name, (number, _) in well.items() if number > 0} >= {"HttpErrorRateHigh"}
