"""One Chromium a session, one window a test: real pages in a real browser, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.browser import PHONE, Window, chromium, window


@pytest.fixture(scope="session")
def browser() -> Iterator[str]:
    with chromium() as address:
        yield address


@pytest.fixture
async def desk(browser: str) -> AsyncIterator[Window]:
    """A window of a desk's screen."""
    async with window(browser) as opened:
        yield opened


@pytest.fixture
async def phone(browser: str) -> AsyncIterator[Window]:
    """A narrow window, as on a phone at three in the morning."""
    async with window(browser, PHONE) as opened:
        yield opened
