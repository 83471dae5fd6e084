"""Empty ledgers by the dozen: brought up by the migrations once, and copied for whoever needs one."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

import psycopg

from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from tests.support.postgres import database
from tests.support.pretend_queue import RememberingQueue

# Alembic keeps its context in a module: stories of several threads would share it.
_ONE_AT_A_TIME = Lock()


def empty_ledger(path: Path) -> str:
    """An empty ledger in a file of its own, unless there is a ledger already; its address."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _ONE_AT_A_TIME:
            path.write_bytes(_sqlite())
    return f"sqlite:///{path}"


@contextmanager
def empty_ledger_on(server: str) -> Iterator[str]:
    """An empty ledger in a database of its own, dropped afterwards; its address."""
    with database(server, f"test_{uuid.uuid4().hex}", _template(server)) as url:
        yield url


@cache
def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory(prefix="midwatch-empty-") as folder:
        path = Path(folder) / "ledger.db"
        _brought_up(f"sqlite:///{path}")
        return path.read_bytes()


@cache
def _template(server: str) -> str:
    name = f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server.replace('+psycopg', '')}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    _brought_up(server + name)
    return name


def _brought_up(url: str) -> None:
    made = Ledger(url, RememberingQueue())
    upgrade(made.writer)
    made.close()
