"""The ledger on both databases and a clock that is moved by hand, as the contracts have them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.conftest import clock, ledger, ledger_server, ledger_url
from tests.support.ground import a_ground
from tests.support.killing import Ground
from tests.support.real_servers import fresh_database

__all__ = ["clock", "ledger", "ledger_server", "ledger_url"]


@pytest.fixture(scope="session")
def sqlite_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Where actors are killed, stopped and cut off; once a session, because it takes seconds to set up."""
    folder = tmp_path_factory.mktemp("ground")
    with a_ground(folder, f"sqlite:///{folder / 'ledger.db'}") as made:
        yield made


@pytest.fixture(scope="session")
def postgresql_ground(ledger_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The same on the other database."""
    folder = tmp_path_factory.mktemp("ground")
    with fresh_database(ledger_server) as url, a_ground(folder, url) as made:
        yield made


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The ground of the store that the test names; what happened on it is forgotten afterwards."""
    made: Ground = request.getfixturevalue(f"{request.param}_ground")
    yield made
    made.server.effects.clear()
