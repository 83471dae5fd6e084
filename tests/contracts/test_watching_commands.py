"""``midwatch incidents``, ``show``, ``tail``, ``plans``: what people see of the ledger, on both databases."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from midwatch.cli import app
from tests.support.patience import PATIENCE_S
from tests.support.pretend_queue import RememberingQueue
from tests.support.real_servers import fresh_database
from tests.support.record import small_events, told_whole
from tests.support.watching import HOSTILE, SECRET, environment, opened


@pytest.fixture
def asked(ledger: Ledger, ledger_url: str, tmp_path: Path) -> Callable[..., Result]:
    """A command over this ledger."""

    def run(*words: str) -> Result:
        found = CliRunner().invoke(app, list(words), env=environment(ledger_url, tmp_path))
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return found

    return run


def told(found: Result) -> Any:
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def ids(found: Result) -> list[str]:
    return [one["id"] for one in told(found)]


def test_incidents_are_chosen_by_state_severity_namespace_and_time(
    ledger: Ledger, asked: Callable[..., Result]
) -> None:
    told_whole(ledger)
    opened(ledger, 2, namespace="cart", severity="critical")
    assert ids(asked("incidents", "-o", "json")) == ["INC-2", "INC-1"]
    assert ids(asked("incidents", "-o", "json", "--limit", "1")) == ["INC-2"]
    assert ids(asked("incidents", "-o", "json", "-n", "shop")) == ["INC-1"]
    assert ids(asked("incidents", "-o", "json", "--severity", "critical")) == ["INC-2"]
    assert ids(asked("incidents", "-o", "json", "--state", "closed")) == []
    assert ids(asked("incidents", "-o", "json", "--search", "NotReady cart")) == ["INC-2"]
    assert ids(asked("incidents", "-o", "json", "--since", "2026-11-24")) == ["INC-2", "INC-1"]
    assert ids(asked("incidents", "-o", "json", "--since", "2026-11-25")) == []
    said = asked("incidents", "-n", "cart").stdout.splitlines()
    assert said[0].split()[:2] == ["incident", "state"]
    assert re.match(
        r"INC-2 +received +critical +2026-11-24 00:30 +1/1 +PENDING +KubePodNotReady cart", said[1]
    )
    wrong = asked("incidents", "--since", "yesterday")
    assert (wrong.exit_code, "next: write 2026-11-27" in wrong.stderr) == (2, True)
    assert asked("incidents", "-n", "nowhere").stdout == "no incident fits that\n"


def test_an_incident_is_shown_whole(ledger: Ledger, asked: Callable[..., Result]) -> None:
    plan = told_whole(ledger)
    said = asked("show", "inc-1").stdout
    for words in (
        f"Plan {plan.id}  SUCCEEDED",
        plan.digest,
        "    +b",
        "approve by U0ADA of T0OURS",
        "step 1: applied",
    ):
        assert words in said
    assert "from EXECUTING, reason done, to SUCCEEDED" in said
    assert "cause: not looked for yet" in said
    whole = told(asked("show", "1", "-o", "json"))
    assert (whole["id"], whole["signed"][0]["digest"]) == ("INC-1", plan.digest)
    assert whole["record"][0]["tag"] == "intake:incident:open"


def test_what_cannot_be_taken_away_is_told_with_what_helps(
    ledger: Ledger, asked: Callable[..., Result], tmp_path: Path
) -> None:
    told_whole(ledger)
    for words in (("export", "--incident", "INC-9"), ("evidence", "INC-9")):
        absent = asked(*words, "-o", str(tmp_path / "absent"))
        assert (absent.exit_code, absent.stdout) == (2, "")
        assert "there is no INC-9" in absent.stderr
        assert "next: `midwatch incidents` lists those there are" in absent.stderr
    nowhere = asked("export", "-o", str(tmp_path / "no" / "file"))
    assert nowhere.exit_code == 2
    assert f"midwatch: {tmp_path}/no/file: No such file or directory" in nowhere.stderr


def test_plans_that_wait_are_listed_with_what_they_change(
    ledger: Ledger, asked: Callable[..., Result]
) -> None:
    assert asked("plans").stdout == "no plan is under way\n"
    plan = opened(ledger, 1)
    (one,) = told(asked("plans", "-o", "json"))
    assert (one["plan"], one["digest"], one["tier"]) == (plan.id, plan.digest, 1)
    row = asked("plans").stdout.splitlines()[1]
    assert row.startswith(f"{plan.id}  INC-1")
    assert "over" in row, "this ledger's clock stands in the past"
    assert "Deployment shop/checkout" in row


def test_the_tail_is_the_newest_events_in_their_order(ledger: Ledger, asked: Callable[..., Result]) -> None:
    told_whole(ledger)
    small_events(ledger, 30)
    rows = [json.loads(line) for line in asked("tail", "-o", "json").stdout.splitlines()]
    assert len(rows) == 20
    assert [row["seq"] for row in rows] == list(range(rows[0]["seq"], rows[0]["seq"] + 20))
    own = [
        json.loads(line)
        for line in asked("tail", "--incident", "INC-1", "--lines", "3", "-o", "json").stdout.splitlines()
    ]
    assert [row["incident"] for row in own] == [1, 1, 1]
    assert all(set(row) == {"seq", "at", "tag", "incident", "plan", "body", "hash"} for row in own)
    assert asked("tail", "--lines", "0").stdout == ""


def hostile(ledger: Ledger) -> None:
    """An alert with such a name, and somebody who writes the database and puts it there as it is."""
    opened(ledger, 1, alertname=HOSTILE)
    with ledger.writer.begin() as connection:
        connection.execute(text("UPDATE incident SET title = :title"), {"title": HOSTILE})


COMMANDS = (("incidents",), ("show", "INC-1"), ("plans",), ("tail",))


def test_nothing_a_stranger_wrote_reaches_the_terminal_as_more_than_text(
    ledger: Ledger, asked: Callable[..., Result]
) -> None:
    hostile(ledger)
    for command, form in itertools.product(COMMANDS, ("table", "json")):
        said = asked(*command, "-o", form).stdout
        assert "Bad" in said, command
        assert {char for char in said if unicodedata.category(char).startswith("C")} <= {"\n"}, command
        assert SECRET not in said, command
        assert "INC-9 all is well" not in said.splitlines(), command


def test_on_a_real_terminal_only_our_own_colours_are_escapes(
    ledger: Ledger, ledger_url: str, tmp_path: Path
) -> None:
    hostile(ledger)
    shown = on_a_terminal(["incidents"], environment(ledger_url, tmp_path))
    assert "Bad" in shown
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not {"\x07", "\x9b", "\u202e"} & set(shown)


def on_a_terminal(words: list[str], more: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    environ = {**os.environ, **more, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-m", "midwatch", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
    )
    os.close(theirs)
    shown = b""
    try:
        while True:
            assert select.select([ours], [], [], PATIENCE_S)[0], shown
            # Linux says EIO when the other side has closed.
            with contextlib.suppress(OSError):
                part = os.read(ours, 65536)
                shown += part
                continue
            break
    finally:
        process.wait(PATIENCE_S)
        os.close(ours)
    return shown.decode()


class Following:
    """``midwatch tail -f`` as a process; its lines are read as they come."""

    def __init__(self, url: str, folder: Path) -> None:
        # Whoever starts the tests in the background has them ignore what Ctrl-C sends.
        command = [
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "midwatch",
            "tail",
            "-f",
            "--lines",
            "5",
            "-o",
            "json",
        ]
        environ = os.environ | environment(url, folder)
        with (folder / "said").open("wb") as said:
            self.process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=said)
        self.said = folder / "said"
        self._rest = b""

    def rows(self, count: int) -> list[int]:
        """The numbers of the next so many events."""
        assert self.process.stdout is not None
        until = time.monotonic() + PATIENCE_S
        while self._rest.count(b"\n") < count:
            assert time.monotonic() < until, (self._rest, self.said.read_text())
            if select.select([self.process.stdout], [], [], 0.5)[0]:
                self._rest += os.read(self.process.stdout.fileno(), 65536)
        *lines, self._rest = self._rest.split(b"\n", count)
        return [json.loads(line)["seq"] for line in lines]

    def until_said(self, words: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while words not in self.said.read_text():
            assert time.monotonic() < until, self.said.read_text()
            time.sleep(0.05)

    def end(self) -> int:
        """As somebody who watches ends it."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def following(url: str, folder: Path) -> Iterator[Following]:
    started = Following(url, folder)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait()
        if started.process.stdout is not None:
            started.process.stdout.close()


@pytest.mark.postgresql
def test_a_tail_that_is_followed_outlives_its_database_and_misses_nothing(
    ledger_server: str, tmp_path: Path
) -> None:
    with fresh_database(ledger_server) as url:
        ledger = Ledger(url, RememberingQueue())
        upgrade(ledger.writer)
        small_events(ledger, 7)
        with following(url, tmp_path) as tail:
            seen = tail.rows(5)
            small_events(ledger, 2)
            seen += tail.rows(2)
            ledger.close()
            with away(ledger_server, url):
                tail.until_said("goes on where it stopped")
            small_events(ledger, 3)
            seen += tail.rows(3)
            tail.until_said("the ledger is back")
            assert seen == list(range(seen[0], seen[0] + 10)), "none twice, none missed"
            assert tail.end() == 0
        ledger.close()


@contextlib.contextmanager
def away(server: str, url: str) -> Iterator[None]:
    """The database lets nobody in, and whoever was in is out."""
    name = url.rpartition("/")[2]
    with psycopg.connect(server.replace("+psycopg", "") + "postgres", autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
