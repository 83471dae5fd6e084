"""The pretend Slack's page as a browser meets it: self-contained, live, and closed to other sites."""

import asyncio
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from evals.world.slack import Person, SlackServer
from evals.world.slack.page import STATIC
from evals.world.slack.people import ADA, INCIDENTS, MIA
from tests.support.patience import PATIENCE_S, patient
from tests.support.slack_world import web_client


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


def get(slack: SlackServer, path: str) -> tuple[int, dict[str, str], str]:
    with closing(
        http.client.HTTPConnection(urlsplit(slack.page_url).netloc, timeout=PATIENCE_S)
    ) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()


def test_the_page_and_all_it_names_come_from_this_server(slack: SlackServer) -> None:
    status, headers, html = get(slack, "/page")
    named = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert named
    assert all(name.startswith("/page/static/") and get(slack, name)[0] == 200 for name in named)


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.iterdir() if path.suffix != ".svg"))
def test_no_asset_asks_another_server_or_builds_markup_from_text(name: str) -> None:
    text = (STATIC / name).read_text()
    assert not re.search(r"""(?:src|href|url\(|fetch\(|import)\s*[=(]?\s*["'`]?https?://""", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_only_files_of_the_page_are_served(slack: SlackServer) -> None:
    for path in ("/page/static/..%2fpage.py", "/page/static/page.py", "/page/static/none.css"):
        assert get(slack, path)[0] == 404


def test_another_site_cannot_click_for_the_person(slack: SlackServer) -> None:
    with closing(
        http.client.HTTPConnection(urlsplit(slack.page_url).netloc, timeout=PATIENCE_S)
    ) as connection:
        body = json.dumps({"user": ADA, "channel": INCIDENTS, "text": "hello"})
        connection.request("POST", "/page/api/say", body, {"Content-Type": "text/plain"})
        assert connection.getresponse().status == 415
    assert not Person(slack.page_url, ADA).messages(INCIDENTS)


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"user": 7, "channel": [], "text": null}'])
def test_a_malformed_act_is_a_400_and_changes_nothing(slack: SlackServer, body: str) -> None:
    with closing(
        http.client.HTTPConnection(urlsplit(slack.page_url).netloc, timeout=PATIENCE_S)
    ) as connection:
        connection.request("POST", "/page/api/say", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 400


def test_every_viewer_is_told_of_a_change_at_once(slack: SlackServer) -> None:
    at = urlsplit(slack.page_url).netloc
    viewers = [http.client.HTTPConnection(at, timeout=PATIENCE_S) for _ in range(3)]
    streams = []
    for viewer in viewers:
        viewer.request("GET", "/page/api/events")
        streams.append(viewer.getresponse())
    first = [stream.readline() for stream in streams]
    Person(slack.page_url, MIA).say(INCIDENTS, "is anybody looking?")
    versions = []
    for stream in streams:
        stream.readline()
        versions.append(int(stream.readline().removeprefix(b"data: ")))
    for stream, viewer in zip(streams, viewers, strict=True):
        stream.close()
        viewer.close()
    assert all(line.startswith(b"data: ") for line in first)
    assert len(set(versions)) == 1
    assert versions[0] > int(first[0].removeprefix(b"data: "))


async def test_a_permalink_opens_the_page_at_the_message_and_its_thread(slack: SlackServer) -> None:
    client = web_client(slack)
    parent = await client.chat_postMessage(channel=INCIDENTS, text="card")
    reply = await client.chat_postMessage(channel=INCIDENTS, text="more", thread_ts=parent["ts"])
    link = (await client.chat_getPermalink(channel=INCIDENTS, message_ts=reply["ts"]))["permalink"]
    target = urlsplit(link)
    status, headers, _ = await asyncio.to_thread(get, slack, f"{target.path}?{target.query}")
    assert status == 307
    assert headers["location"] == f"/page?channel={INCIDENTS}&ts={reply['ts']}&thread={parent['ts']}"


async def test_a_shared_file_is_served_as_plain_text(slack: SlackServer) -> None:
    content = "<script>alert(1)</script>"
    answer = await web_client(slack).files_upload_v2(channel=INCIDENTS, content=content, filename="a.html")
    link = urlsplit(answer["file"]["permalink"])
    status, headers, body = await asyncio.to_thread(get, slack, link.path)
    assert (status, body) == (200, content)
    assert headers["content-type"].startswith("text/plain")
    assert headers["x-content-type-options"] == "nosniff"
