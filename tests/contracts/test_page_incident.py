"""One incident's pages over a real socket: evidence, draft, wrong addresses, and how our files are served."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.ledger import cards
from agents.ledger.previews import Posted
from agents.ledger.store import set_halt
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS
from midwatch.web.static import FOLDER, KEPT
from tests.support.pages import Site, settings_in, site, some_years
from tests.support.patience import patient
from tests.support.slack_world import web_client

VENDORED = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "htmx-sse.js": "3b5992a541619babefc4c169505af474df5c3039da51e59b96ccf9241ecd61d2",
}


@pytest.fixture
async def years(tmp_path: Path) -> AsyncIterator[Site]:
    async with some_years(tmp_path) as opened:
        yield opened


async def test_wrong_addresses_are_told_in_words(years: Site) -> None:
    for path in ("/incidents/999", "/incidents/999/postmortem", "/incidents/999/postmortem.md"):
        found = await years.get(path)
        assert found.status_code == 404
        assert "There is no INC-999." in found.text
    assert (await years.get("/incidents/1/evidence/E99")).status_code == 404
    assert (await years.get("/incidents/1/evidence/E0")).status_code == 422
    assert (await years.get("/incidents/1/evidence/..%2f..%2fkeys")).status_code in {404, 422}
    missing = await years.get("/nothing", Accept="text/html")
    assert missing.status_code == 404
    assert "There is no such page." in missing.text


async def test_the_story_leads_to_its_card_where_there_is_a_chat(years: Site, tmp_path: Path) -> None:
    assert "Card in Slack" not in (await years.get("/incidents/49")).text
    with SlackServer(patient()) as slack:
        client = web_client(slack)
        posted = await client.chat_postMessage(channel=INCIDENTS, text="card")
        link = (await client.chat_getPermalink(channel=INCIDENTS, message_ts=posted["ts"]))["permalink"]
    at = Posted(channel_id=INCIDENTS, message_ts=posted["ts"], card_digest="d")
    cards.record_card(years.ledger, 49, at)
    tokens = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1", "slack_channel": INCIDENTS}
    chat = settings_in(tmp_path, slack_mode="socket", slack_api_url=slack.url, **tokens)
    async with site(chat, years.ledger) as pages:
        said = (await pages.get("/incidents/49")).text
    assert f'<a href="{link}" rel="noreferrer">Card in Slack</a>' in said


async def test_evidence_and_draft_lead_to_one_another(years: Site) -> None:
    text = (await years.get("/incidents/49/postmortem.md")).text
    assert text.startswith("# Postmortem of INC-49")
    links = set(re.findall(r"\((http[^)\s]+)\)", text))
    assert any("/evidence/E1#E1-c1" in link for link in links)
    for link in links:
        found = await years.get(link.removeprefix(years.url))
        assert found.status_code == 200, link
        anchor = link.partition("#")[2]
        assert not anchor or f'id="{anchor}"' in found.text, link


async def test_the_story_tells_plan_decision_receipt_and_outcome(years: Site) -> None:
    page = (await years.get("/incidents/49")).text
    for words in (
        "Set the image",
        "T2",
        "U04 of T0",
        "<strong>approve",
        "applied 200",
        "recovered",
        "digest",
    ):
        assert words in page, words
    assert '<span class="del">-  image: r/app:9</span>' in page
    assert '<span class="add">+  image: r/app:8</span>' in page
    assert " style=" not in page
    assert "<script>" not in page


async def test_a_halt_stands_on_every_page(years: Site) -> None:
    set_halt(years.ledger, halted=True, by="<b>ada", reason="a storm")
    for path in ("/incidents", "/incidents/49", "/plans", "/incidents/49/postmortem"):
        page = (await years.get(path)).text
        assert "Halted by &lt;b&gt;ada: a storm." in page, path


async def test_a_ledger_that_cannot_be_read_is_said_and_is_no_crash(years: Site) -> None:
    with years.ledger.writer.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE evidence RENAME TO gone")
    found = await years.get("/incidents/49")
    assert found.status_code == 503
    assert "Load the page again" in found.text


async def test_only_what_is_asked_for_by_its_digest_is_kept_by_a_browser(years: Site) -> None:
    page = await years.get("/incidents")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "script-src 'self';" in page.headers["content-security-policy"]
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(addresses) == 5
    for address in addresses:
        found = await years.get(address)
        assert found.status_code == 200
        assert found.headers["cache-control"] == KEPT
        assert (await years.get(f"{address}x")).headers["cache-control"] == "no-cache"


def test_other_people_s_scripts_are_what_they_published() -> None:
    for name, digest in VENDORED.items():
        assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == digest
        assert name in (FOLDER / "vendor" / "README.md").read_text(encoding="utf-8")
