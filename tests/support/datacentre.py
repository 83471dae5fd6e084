"""The pretend data centre for tests: started in this process or in one of its own, with a receiver for its
alerts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from evals.world.alertmanager import AlertmanagerOptions
from evals.world.datacentre import DataCentre, DataCentreOptions
from evals.world.scenario import load
from evals.world.slack.options import SlackOptions
from tests.support.patience import PATIENCE_S, patient

TOKEN = "alerts-token"


class Receiver:
    """A webhook receiver that answers with the codes it is told to, 200 when none are left."""

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.codes: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.headers.append(dict(self.headers))
                receiver.bodies.append(json.loads(body))
                self.send_response(receiver.codes.pop(0) if receiver.codes else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """The address to send alerts to."""
        return f"http://127.0.0.1:{self.port}/alertmanager"

    def statuses(self) -> list[str]:
        """The outer status of every body so far."""
        return [body["status"] for body in self.bodies]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition()` is true; AssertionError when it never becomes so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {PATIENCE_S:g} s: {condition}")
        time.sleep(0.02)


@contextmanager
def data_centre(
    name: str, state_dir: Path, alerts_to: str | None = None, slack: SlackOptions | None = None
) -> Iterator[DataCentre]:
    """A running data centre in this process, not yet broken."""
    alerts = AlertmanagerOptions(receiver_url=alerts_to, token=TOKEN)
    options = DataCentreOptions(state_dir=state_dir, alerts=alerts, slack=slack or patient())
    with DataCentre(load(name), options) as centre:
        yield centre


@dataclass(frozen=True, kw_only=True)
class WorldProcess:
    """`python -m evals.world` and the line it printed."""

    process: subprocess.Popen[str]
    addresses: dict[str, Any]

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@contextmanager
def world_process(name: str, state_dir: Path, *more: str) -> Iterator[WorldProcess]:
    """A data centre as a process of its own; killed at the end if it still runs."""
    command = [sys.executable, "-m", "evals.world", "--scenario", name, "--state-dir", str(state_dir), *more]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    ) as process:
        try:
            assert process.stdout is not None
            yield WorldProcess(process=process, addresses=json.loads(process.stdout.readline()))
        finally:
            if process.poll() is None:
                process.kill()
