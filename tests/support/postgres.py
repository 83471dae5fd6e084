"""A real PostgreSQL server on loopback for tests: its own directory, a free port, no durability."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import psycopg

from evals.processes import free_port
from tests.support.patience import PATIENCE_S

# Smart shutdown waits for whoever is connected still: not worth waiting for.
GRACE_S = 10.0


def _program(name: str) -> str | None:
    found = [*glob(f"/usr/lib/postgresql/*/bin/{name}"), shutil.which(name) or ""]
    return next((path for path in found if path), None)


def missing() -> str:
    """Why no server can be started here, or an empty string."""
    return "" if _program("initdb") and _program("postgres") else "no PostgreSQL server is installed"


@contextlib.contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server; yields a SQLAlchemy URL without a database name at its end."""
    # PostgreSQL refuses root: there it runs as the system user its package brought.
    user = "postgres" if os.getuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="midwatch-pg-"))
    try:
        if user:
            shutil.chown(home, user)
        data = home / "data"
        initdb = [_program("initdb"), "-D", data, "-A", "trust", "-U", "midwatch", "--no-sync", "-E", "UTF8"]
        subprocess.run([str(part) for part in initdb], check=True, capture_output=True, user=user, cwd=home)
        port = free_port()
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
        }
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        with open(home / "log", "wb") as log:
            command = [str(_program("postgres")), "-D", str(data), *settings]
            server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home)
        try:
            _wait_until_up(port)
            yield f"postgresql+psycopg://midwatch@127.0.0.1:{port}/"
        finally:
            server.terminate()
            try:
                server.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def database(server: str, name: str, template: str = "template1") -> Iterator[str]:
    """A fresh database on the server, a copy of ``template``, dropped afterwards; yields its URL."""
    admin = server.replace("+psycopg", "") + "postgres"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[call-overload]
    try:
        yield server + name
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


def _wait_until_up(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=midwatch dbname=postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
