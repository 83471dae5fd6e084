"""What the browser's fixtures promise to every test beside them."""

from __future__ import annotations

import asyncio

import pytest

from evals.world.slack import SlackServer
from tests.support.browser import Window, window
from tests.support.patience import PATIENCE_S, patient


async def test_a_page_that_works_is_no_trouble(desk: Window) -> None:
    with SlackServer(patient()) as slack:
        await desk.page.goto(slack.page_url)
        await desk.page.get_by_text("incidents").first.wait_for()


@pytest.mark.parametrize(
    "page",
    [
        "<script>console.error('broken')</script>",
        "<script>throw new Error('broken')</script>",
        "<img src='http://192.0.2.1/pixel.png' alt=''>",
    ],
)
async def test_what_a_reader_would_call_broken_fails_its_test(browser: str, page: str) -> None:
    with pytest.raises(AssertionError, match=r"broken|192\.0\.2\.1"):
        await _shown(browser, page)


async def _shown(browser: str, page: str) -> None:
    async with window(browser) as opened:
        await opened.page.set_content(page, wait_until="commit")
        await asyncio.wait_for(opened.met.wait(), PATIENCE_S)
