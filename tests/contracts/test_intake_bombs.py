"""Poison of every kind against the real intake on both databases: answered once, and nothing is wedged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from subprocess import Popen

import httpx
import pytest

from evals.bench.bombs import Bomb, alert, body, bombs, crowds, giants
from evals.bench.flood import Door
from evals.bench.throw import throw
from tests.support.intake_server import intake_process
from tests.support.patience import PATIENCE_S
from tests.support.real_servers import fresh_database

# Three of the corpus last as long as this; the product itself waits for ten seconds.
DEADLINE_S = 4.0
CORPUS = [*bombs(), *giants(), *crowds()]


@dataclass(kw_only=True)
class Victim:
    """The intake that all bombs of this module are thrown at."""

    process: Popen[bytes]
    port: int
    client: httpx.Client
    good: Iterator[int] = field(default_factory=count)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def victim(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('bombs') / 'ledger.db'}"
        else:
            url = stack.enter_context(fresh_database(request.getfixturevalue("ledger_server")))
        process, port = stack.enter_context(intake_process(url, DEADLINE_S))
        # One for all, and each time another connection: only to make one takes longer than most bombs.
        alone = httpx.Limits(max_keepalive_connections=0)
        client = stack.enter_context(httpx.Client(timeout=PATIENCE_S, limits=alone, trust_env=False))
        yield Victim(process=process, port=port, client=client)


@pytest.mark.parametrize("bomb", CORPUS, ids=[bomb.name for bomb in CORPUS])
async def test_p16_a_bomb_is_answered_once_and_the_next_good_alert_is_taken_in(
    victim: Victim, bomb: Bomb
) -> None:
    status, _ = await throw(Door(url=victim.url, token="none"), bomb)
    if status == 503 and bomb.end:
        # A slow machine may not have committed in time. What is promised is that this ends.
        status, _ = await throw(Door(url=victim.url, token="none"), bomb)
    assert status in bomb.answers
    number = next(victim.good)
    good = body(alert(fingerprint=f"good{number}"), groupKey=f"good{number}")
    answer = victim.client.post(f"{victim.url}/alertmanager", content=good)
    assert (answer.status_code, answer.json()["disposition"]) == (200, "new")
    assert victim.process.poll() is None


def test_p16_the_corpus_is_large_and_its_names_tell_the_bombs_apart() -> None:
    assert len(CORPUS) >= 60
    assert len({bomb.name for bomb in CORPUS}) == len(CORPUS)
    assert all(bomb.answers <= {200, 400, 413, 415} for bomb in CORPUS if bomb.end)
