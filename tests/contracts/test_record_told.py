"""The record as people meet it: in the chat, on the incident's page, and through the commands."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from agents.auditor.watch import Rhythm, watch
from agents.ledger.checkpoints import Pace
from evals.world.slack.people import ADA
from midwatch.channel import Channel
from midwatch.cli import app
from midwatch.wiring import auditor_of
from tests.support.datacentre import wait_until
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.patience import PATIENCE_S

TOKEN = "the-token-of-the-first-start"
NOW = Pace(hourly=timedelta(0), closed=timedelta(0))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "login.sha256").write_text(hashlib.sha256(TOKEN.encode()).hexdigest())
    with front_desk(tmp_path) as made:
        yield made


def anchors(desk: FrontDesk) -> list[str]:
    """What the channel shows of the record, as somebody copies it."""
    said = []
    for message in desk.person().messages():
        for block in message.get("blocks", []):
            for part in block.get("elements", []):
                if part.get("type") == "rich_text_preformatted" and "\nhead " in json.dumps(part).replace(
                    "\\n", "\n"
                ):
                    said.append("".join(piece["text"] for piece in part["elements"]))
    return said


async def tell(desk: FrontDesk) -> None:
    """The auditor at work until the channel has heard of the record."""
    auditor = auditor_of(desk.settings, desk.ledger)
    auditor.rhythm = Rhythm(look_s=0.05, sign_s=0.0, tell_s=0.0, anchors=NOW)
    stop = asyncio.Event()
    watching = asyncio.create_task(watch(auditor, Channel(ledger=desk.ledger, office=desk.office), stop))
    try:
        await asyncio.to_thread(wait_until, lambda: anchors(desk))
    finally:
        stop.set()
        await watching


def get(address: str, **headers: str) -> httpx.Response:
    return httpx.get(address, headers=headers, trust_env=False, timeout=PATIENCE_S)


def run(*words: str) -> str:
    found = CliRunner().invoke(app, list(words))
    assert found.exit_code == 0, found.output
    return found.output


def test_what_the_chat_heard_verifies_and_everything_can_be_taken_away(
    desk: FrontDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run_coroutine_threadsafe(tell(desk), desk.loop).result(PATIENCE_S)
    monkeypatch.setenv("MIDWATCH_STATE_DIR", str(desk.settings.state_dir))
    (told, *_) = anchors(desk)
    assert "whole" in run("verify", "--anchor", told)
    bent = CliRunner().invoke(app, ["verify", "--anchor", told.replace("\nhead ", "\nhead 0", 1)])
    assert bent.exit_code == 2, "what is no anchor says nothing of the record"
    assert "not a checkpoint" in bent.output

    key = run("audit", "rotate-key").removeprefix("new key: ").strip()
    assert key in (desk.settings.state_dir / "keys" / "audit.trust").read_text()
    ada = desk.person()
    assert ada.click(ada.wait_for_button("reject")).ok
    assert ada.submit(ada.wait_for_view("reject")["id"], {"reason": "not tonight"}).ok
    assert run("audit", "erase", "--user", ADA).count("erased: ") == 1
    assert "NOT" not in run("verify", "--anchor", told)

    assert "rows 1 to" in run("export", "-o", str(tmp_path / "record.jsonl"))
    run("evidence", "INC-1", "-o", str(tmp_path / "one.zip"))
    page = desk.url.partition("/slack")[0] + "/incidents/1"
    assert get(f"{page}/evidence.zip").status_code == 401
    login = {"Authorization": f"Bearer {TOKEN}"}
    assert 'href="/incidents/1/evidence.zip"' in get(page, **login).text
    got = get(f"{page}/evidence.zip", **login)
    assert got.headers["content-type"] == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(got.content)).namelist()
    assert names == zipfile.ZipFile(tmp_path / "one.zip").namelist()
    assert get(f"{page}7/evidence.zip", **login).status_code == 404
