"""Real Prometheus and Alertmanager from Debian's packages, and PostgreSQL: found, started, stopped by pid.

Each is a context manager on a free loopback port with a folder of its own. When a program is missing and
this is root on a Debian machine, its package is installed once; otherwise the test is skipped and says why.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import pytest
import yaml

from evals.processes import free_port
from tests.support import postgres
from tests.support.patience import PATIENCE_S

JsonObject = dict[str, object]
_PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "spin": "spin",
    "gcc": "gcc",
    "chromium": "chromium",
}
_INSTALL_WITHIN_S = 180.0


@dataclass(frozen=True)
class RealServer:
    """A running server: its address, its folder (with ``log``) and its process id."""

    url: str
    home: Path
    pid: int

    @property
    def log(self) -> str:
        """What the server has said so far."""
        return (self.home / "log").read_text(errors="replace")


@dataclass(frozen=True, kw_only=True)
class PrometheusConfig:
    """``config`` is prometheus.yml, ``rules`` a rule file's groups, ``tsdb`` a folder of blocks."""

    config: JsonObject = field(default_factory=dict)
    rules: Sequence[JsonObject] = ()
    tsdb: Path | None = None
    flags: Sequence[str] = ()


@cache
def program(name: str) -> str:
    """The path of a program, installing its package if need be; skips the test when that is impossible."""
    if shutil.which(name) is None and name in _PACKAGES:
        _install(_PACKAGES[name])
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed and cannot be: needs root and apt-get")
    return found


@contextlib.contextmanager
def real_prometheus(settings: PrometheusConfig | None = None) -> Iterator[RealServer]:
    """A Prometheus server that is ready. Its alerts name its own loopback address."""
    settings = settings or PrometheusConfig()
    command = program("prometheus")
    with _home("prometheus") as home:
        if settings.tsdb is not None:
            shutil.copytree(settings.tsdb, home / "data")
        config = dict(settings.config)
        if settings.rules:
            # YAML without escapes: JSON's surrogate pairs are refused by Prometheus' loader.
            rules = yaml.safe_dump({"groups": list(settings.rules)}, allow_unicode=True)
            (home / "rules.yml").write_text(rules, encoding="utf-8")
            config["rule_files"] = ["rules.yml"]
        (home / "prometheus.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        flags = [
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'data'}",
            "--storage.tsdb.retention.time=50y",
            f"--web.listen-address={address}",
            f"--web.external-url=http://{address}",
            "--rules.alert.resend-delay=1s",
            *settings.flags,
        ]
        with _running([command, *flags], home, f"http://{address}") as server:
            yield server


@contextlib.contextmanager
def real_alertmanager(config: JsonObject, flags: Sequence[str] = ()) -> Iterator[RealServer]:
    """An Alertmanager that is ready, alone: its gossip port stays closed."""
    command = program("prometheus-alertmanager")
    with _home("alertmanager") as home:
        (home / "alertmanager.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        own = [
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'data'}",
            f"--web.listen-address={address}",
            f"--web.external-url=http://{address}",
            "--cluster.listen-address=",
        ]
        with _running([command, *own, *flags], home, f"http://{address}") as server:
            yield server


@contextlib.contextmanager
def real_postgresql() -> Iterator[str]:
    """A PostgreSQL server; yields an address for :func:`fresh_database`. Start one per session."""
    if postgres.missing():
        _install("postgresql")
    if postgres.missing():
        pytest.skip(postgres.missing())
    with postgres.postgresql_server() as server:
        yield server


@contextlib.contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """An empty database with a name nobody has used; yields its SQLAlchemy URL, drops it afterwards."""
    with postgres.database(server, f"test_{uuid.uuid4().hex}") as url:
        yield url


@cache
def _install(package: str) -> None:
    """Try once; whether it worked shows in what is found afterwards."""
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        return
    # The package's own server would start on its default port: run level 1 says that none should.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    # The processes of one test run would refuse one another the package manager's lock.
    with open(Path(tempfile.gettempdir()) / "midwatch-apt.lock", "w", encoding="ascii") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    ["apt-get", *words],
                    env=quiet,
                    capture_output=True,
                    timeout=_INSTALL_WITHIN_S,
                    check=False,
                )


@contextlib.contextmanager
def _home(kind: str) -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix=f"midwatch-{kind}-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _running(command: Sequence[str], home: Path, url: str) -> Iterator[RealServer]:
    with open(home / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
    try:
        server = RealServer(url, home, process.pid)
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: RealServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with httpx.Client(trust_env=False, timeout=2) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{server.url}/-/ready").status_code == 200:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} did not get ready:\n{server.log[-2000:]}")
            time.sleep(0.03)
