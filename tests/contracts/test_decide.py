"""``midwatch decide`` against the pages' own server: what is shown, handed in, and turned away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from agents.auditor.verify import verify
from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.explaining import NEXT, NOTHING
from agents.gatekeeper.whole import whole_text
from agents.incident import Verdict
from agents.ledger.protocol import PlanState
from agents.ledger.signing import public_of
from agents.ledger.statements import Envelope, Look
from evals.processes import free_port
from evals.world.wire import BackgroundServer, Listen
from midwatch.cli import app
from midwatch.decide import Answer, decided
from midwatch.decide_desk import Counter, DecideProblem
from midwatch.decide_key import KeyFileProblem, Signer, make, read
from midwatch.settings import Settings
from midwatch.web import decide
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.by_key import KEYS, TEAM, ByKey, by_key, entry
from tests.support.pages import BEARER, settings_in
from tests.support.patience import PATIENCE_S

ADA = Signer(team_id=TEAM, user_id="U0ADA", private=KEYS["U0ADA"])


@pytest.fixture
def at(tmp_path: Path, empty: Path) -> Iterator[ByKey]:
    shutil.copy(empty, tmp_path / "midwatch.db")
    ledger = ledger_of(Settings(state_dir=tmp_path))
    yield by_key(tmp_path, ledger, tier=2)
    ledger.close()


@pytest.fixture
def url(at: ByKey) -> Iterator[str]:
    settings, port = settings_in(at.folder), free_port()
    server = BackgroundServer(application(settings, at.ledger, decide.router(at.desk)), Listen(port=port))
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def post(url: str, body: bytes, path: str = decide.PATH) -> httpx.Response:
    return httpx.post(url + path, content=body, trust_env=False, timeout=PATIENCE_S)


def test_the_whole_change_is_shown_and_the_typed_digits_sign_it(
    at: ByKey, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counter = Counter(url=url, signer=ADA)
    assert [one.plan for one in counter.waiting()] == [at.plan]
    asked = []

    def types(words: str) -> str:
        asked.append(capsys.readouterr().out + words)
        return at.plan.digest[:6].upper()

    assert decided(counter, (at.plan.id, Answer.APPROVE), "as agreed", types)
    shown = counter.plan(at.plan.id).shown
    for part in (
        whole_text(at.plan, shown.preview),
        at.plan.digest,
        "T2",
        "c1a5",
        "What can go wrong",
        "Undo",
    ):
        assert part.strip() in asked[0]
    assert at.state() is PlanState.APPROVED
    assert capsys.readouterr().out.strip() == "Counted. The plan is APPROVED now."
    assert not decided(counter, (at.plan.id, Answer.APPROVE), "", types)
    told = capsys.readouterr().out
    assert told.startswith(f"Not counted: {Refusal.DECIDED.value}: APPROVED at ")
    assert told.strip().endswith(f"{NOTHING} {NEXT[Refusal.DECIDED]}")
    assert verify(at.ledger).ok


def test_without_the_digits_nothing_is_signed(at: ByKey, url: str) -> None:
    before = verify(at.ledger).events
    typed = iter(["", "000000", "yes"])
    for _ in range(3):
        counter = Counter(url=url, signer=ADA)
        assert not decided(counter, (at.plan.id, Answer.APPROVE), "", lambda _: next(typed))
    assert at.state() is PlanState.PENDING
    assert verify(at.ledger).events == before


def test_page_and_terminal_say_that_it_was_made_by_midwatch_decide(at: ByKey, url: str) -> None:
    counter, digits = Counter(url=url, signer=ADA), at.plan.digest[:6]
    assert decided(counter, (at.plan.id, Answer.REJECT), "not at night", lambda _: digits)
    assert at.state() is PlanState.DENIED
    page = httpx.get(f"{url}/incidents/1", headers=BEARER, trust_env=False, timeout=PATIENCE_S).text
    assert "<strong>deny</strong> by <code>midwatch decide</code> not at night" in page
    shown = CliRunner().invoke(app, ["show", "INC-1"], env={"MIDWATCH_STATE_DIR": str(at.folder)})
    assert "deny by U0ADA of T0OURS, by midwatch decide not at night" in shown.output


def test_whoever_has_no_key_of_the_roster_is_shown_nothing(at: ByKey, url: str) -> None:
    at.roster(entry("U0BEN"))
    counter = Counter(url=url, signer=ADA)
    with pytest.raises(DecideProblem, match="no key of the roster"):
        counter.plan(at.plan.id)
    with pytest.raises(DecideProblem, match="no key of the roster"):
        counter.waiting()


def test_as_many_digits_as_a_card_shows_name_a_plan(at: ByKey, url: str) -> None:
    counter = Counter(url=url, signer=ADA)
    for digits in (at.plan.digest[:4], at.plan.digest[:12], at.plan.id, at.plan.digest):
        assert counter.plan(digits).plan.digest == at.plan.digest


def test_what_begins_no_plan_is_told_in_a_sentence(at: ByKey, url: str) -> None:
    counter = Counter(url=url, signer=ADA)
    for digits in ("nosuch", "INC-1", "abc", "0" * 65, "", "0000"):
        with pytest.raises(DecideProblem, match=r"beginning of a plan|no plans that wait"):
            counter.plan(digits)


def test_a_plan_that_is_not_there_is_told(at: ByKey, url: str) -> None:
    with pytest.raises(DecideProblem, match="there is no plan"):
        Counter(url=url, signer=ADA).plan("0" * 16)


def signed(at: ByKey, **differs: object) -> dict[str, str]:
    return orjson.loads(Envelope.of(at.said(), KEYS["U0ADA"]).wire()) | differs


HOSTILE = [
    (b"", 400),
    (b"{}", 400),
    (b"null", 400),
    (b"\xff\xfe", 400),
    (b"[" * 10_000, 400),
    (b'{"text":NaN,"signature":""}', 400),
    (b'{"text":"\\ud800","signature":"","reason":"","reason_salt":""}', 400),
    (b'{"text":"{}","signature":1}', 400),
    (b'{"text":"{}","signature":"","more":1}', 400),
    (b'{"text":"{}","text":"{}","signature":""}', 400),
    (b'{"text":"{}","signature":"' + "Ѕ".encode() * 80 + b'"}', 401),
    (b'{"text":"{}","signature":""}', 401),
    (b'{"text":"' + b"x" * 5000 + b'","signature":""}', 400),
    (b" " * (decide.LARGEST_BYTES + 1), 413),
]


def test_t32_what_midwatch_decide_does_not_send_is_turned_away_and_forgotten(at: ByKey, url: str) -> None:
    before = verify(at.ledger).events
    tries = [(decide.PATH, *one) for one in HOSTILE] + [(decide.LOOK, *one) for one in HOSTILE[-4:]]
    for path, body, status in tries:
        answer = post(url, body, path)
        assert (answer.status_code, answer.json()["counted"]) == (status, False), body[:60]
    assert verify(at.ledger).events == before


def test_a_look_hands_in_no_decision_and_a_decision_shows_nothing(at: ByKey, url: str) -> None:
    look = Look(team_id=TEAM, user_id="U0ADA", at=at.ledger.now(), nonce="0" * 32, plan=at.plan.id)
    assert post(url, Envelope.of(look, KEYS["U0ADA"]).wire()).status_code == 401
    assert post(url, orjson.dumps(signed(at)), decide.LOOK).status_code == 401
    assert at.state() is PlanState.PENDING


def test_an_altered_envelope_counts_for_nothing(at: ByKey, url: str) -> None:
    text = signed(at)["text"]
    for differs in (
        {"text": text.replace('"approve"', '"deny"')},
        {"text": text + " "},
        {"signature": signed(at)["signature"][:-4] + "AAA="},
        {"reason": "words that were not signed"},
    ):
        assert post(url, orjson.dumps(signed(at, **differs))).status_code == 401
    assert at.decided() == []


def test_a_source_that_keeps_trying_waits(at: ByKey, url: str) -> None:
    for _ in range(20):
        post(url, b"{}")
    held = post(url, orjson.dumps(signed(at)))
    assert held.status_code == 429
    assert 0 < int(held.headers["Retry-After"]) <= 61
    assert at.state() is PlanState.PENDING


def test_what_counts_never_makes_anybody_wait(at: ByKey, url: str) -> None:
    counter = Counter(url=url, signer=ADA)
    for _ in range(21):
        counter.waiting()
    offered = counter.plan(at.plan.id)
    assert counter.decide(offered, Verdict.APPROVE, (at.plan.digest[:6], "")).counted


@pytest.mark.parametrize(
    "url", ["http://midwatch.example", "ftp://127.0.0.1", "midwatch.example", "http://10.0.0.1"]
)
def test_nothing_is_asked_for_where_somebody_on_the_way_could_read_it(url: str) -> None:
    with pytest.raises(DecideProblem, match="not https"):
        Counter(url=url, signer=ADA)


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(DecideProblem, match="no answer") as away:
        Counter(url="http://127.0.0.1:9", signer=ADA).waiting()
    # Nothing was handed in, so there is nothing to be in doubt about.
    assert "counted" not in str(away.value)
    assert "can it be reached" in away.value.then


def test_keygen_makes_one_file_for_its_owner_and_prints_the_line_of_the_roster(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "own"
    run = CliRunner()
    made = run.invoke(app, ["decide", "keygen", "--as", "T0OURS/U0ADA", "--key", str(path)])
    assert made.exit_code == 0, made.output
    signer = read(path)
    assert f"key: {public_of(signer.private)}" in made.output
    assert (signer.team_id, signer.user_id) == ("T0OURS", "U0ADA")
    assert path.stat().st_mode & 0o777 == 0o600
    assert signer.private.hex() not in made.output
    assert repr(signer.private) not in repr(signer)
    again = run.invoke(app, ["decide", "keygen", "--as", "T0OURS/U0ADA", "--key", str(path)])
    assert again.exit_code == 2
    assert read(path) == signer, "a key that is there is never written over"
    assert run.invoke(app, ["decide", "keygen", "--key", str(tmp_path / "b")]).exit_code == 2


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    make(tmp_path / "own", "T0OURS", "U0ADA")
    (tmp_path / "own").chmod(0o640)
    with pytest.raises(KeyFileProblem, match="not yours alone"):
        read(tmp_path / "own")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"team_id":"T","user_id":"U","private":"AAAA"}', '{"private":1}']
)
def test_what_is_no_key_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "own").write_text(text)
    (tmp_path / "own").chmod(0o600)
    with pytest.raises(KeyFileProblem, match="no key of midwatch decide"):
        read(tmp_path / "own")


def test_the_digits_are_typed_on_a_terminal_or_not_at_all(at: ByKey, url: str, tmp_path: Path) -> None:
    made = make(tmp_path / "own", TEAM, "U0ADA")
    at.roster(entry("U0ADA", key=made.public))
    words = ["decide", at.plan.id, "approve", "--key", str(tmp_path / "own"), "--url", url]
    piped = CliRunner().invoke(app, words, input=f"{at.plan.digest[:6]}\n")
    assert piped.exit_code == 2
    assert "a person has to read the change" in piped.output
    assert at.state() is PlanState.PENDING
    listed = CliRunner().invoke(app, ["decide", *words[3:]])
    assert listed.exit_code == 0
    assert at.plan.id in listed.output
