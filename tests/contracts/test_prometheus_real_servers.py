"""The helpers that start real servers: ready when handed over, on a port of their own, gone afterwards."""

from __future__ import annotations

import os

import httpx
import psycopg
import pytest

from tests.support.patience import PATIENCE_S
from tests.support.real_servers import fresh_database, real_alertmanager, real_postgresql, real_prometheus

ROUTE = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.alertmanager
def test_two_alertmanagers_and_a_prometheus_live_side_by_side_and_leave_nothing() -> None:
    with real_alertmanager(ROUTE) as one, real_alertmanager(ROUTE) as other, real_prometheus() as prometheus:
        servers = (one, other, prometheus)
        assert len({server.url for server in servers}) == 3
        assert not {":9090", ":9093"} & {server.url[-5:] for server in servers}
        assert all(_alive(server.pid) for server in servers)
        assert httpx.get(f"{one.url}/api/v2/alerts", trust_env=False, timeout=PATIENCE_S).json() == []
    for server in servers:
        assert not _alive(server.pid)
        assert not server.home.exists()


@pytest.mark.alertmanager
def test_a_wrong_configuration_is_told_in_the_servers_own_words() -> None:
    with pytest.raises(RuntimeError, match="did not get ready"), real_alertmanager({"route": {}}):
        raise AssertionError("it must not start")


@pytest.mark.postgresql
def test_every_fresh_database_is_empty_and_its_own() -> None:
    with real_postgresql() as server, fresh_database(server) as first, fresh_database(server) as second:
        assert first != second
        for url in (first, second):
            with psycopg.connect(url.replace("+psycopg", "")) as connection:
                connection.execute("CREATE TABLE t (n int)")
