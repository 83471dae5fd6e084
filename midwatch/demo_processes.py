"""The demo's processes: the data centre and the product, started and ended by pid."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson

from tools.kubernetes.objects import JsonObject

Data = JsonObject
READY_S = 60.0


class BrokenArrow(Exception):
    """A part of the way from alert to fix did not work; the message names it."""


class Child:
    """One process of ours with its log; ended on exit, and noticed when it ends by itself."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("wb") as file:
            self.process = subprocess.Popen(  # noqa: S603  (our own module, our own arguments)
                [sys.executable, "-m", *command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )

    def tell(self, order: str) -> None:
        """One line to its standard input."""
        if self.process.stdin is None:
            raise AssertionError("the child was started with a pipe")
        self.process.stdin.write(f"{order}\n".encode())
        self.process.stdin.flush()

    def still_running(self) -> None:
        """Raise BrokenArrow when it ended."""
        if self.process.poll() is not None:
            raise BrokenArrow(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def end(self) -> None:
        """SIGTERM, then SIGKILL after ten seconds.

        By process id: whatever else runs on this machine is not ours to end.
        """
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def start_world(stack: ExitStack, folder: Path, scenario: str, alerts: tuple[str, str]) -> tuple[Child, Data]:
    """The data centre of a scenario and what it says of itself."""
    command = ["evals.world", "--scenario", scenario, "--state-dir", str(folder / "world")]
    command += ["--alerts-to", alerts[0], "--alerts-token", alerts[1]]
    child = Child("the data centre", command, _plain(), folder / "world.log")
    stack.callback(child.end)
    line = child.process.stdout.readline() if child.process.stdout else b""
    if not line:
        raise BrokenArrow(f"the data centre did not start:\n{child.tail()}")
    data: Data = orjson.loads(line)
    return child, data


def start_serve(
    stack: ExitStack, folder: Path, place: tuple[Data, Path], door: tuple[str, str]
) -> tuple[Child, str]:
    """``midwatch serve`` against the data centre (and its roster), and the address to log in at."""
    data, roster = place
    environment = _plain() | _settings(folder, data, door) | {"MIDWATCH_ROSTER_FILE": str(roster)}
    child = Child("midwatch serve", ["midwatch", "serve"], environment, folder / "serve.log")
    stack.callback(child.end)
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        child.still_running()
        try:
            if httpx.get(f"{door[0]}/-/ready", timeout=1).is_success:
                found = re.search(r"http\S+/login\?token=\S+", child.tail())
                return child, found.group() if found else door[0]
        except httpx.HTTPError:
            time.sleep(0.05)
    raise BrokenArrow(f"midwatch serve was not ready in time:\n{child.tail()}")


def _plain() -> dict[str, str]:
    # Nothing else of whoever runs the demo: a setting or a proxy of theirs would change the story.
    names = ("PATH", "HOME", "LANG", "TZ", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}


def _settings(folder: Path, data: Data, door: tuple[str, str]) -> dict[str, str]:
    kubeconfigs, slack = data["kubernetes"]["kubeconfigs"], data["slack"]
    values = {
        "state_dir": folder / "state",
        "listen": door[0].removeprefix("http://"),
        "cluster_name": data["cluster"],
        "webhook_token": door[1],
        "reader_kubeconfig": kubeconfigs["reader"],
        "actor_kubeconfig": kubeconfigs["actor"],
        "prometheus_url": data["prometheus"]["url"],
        "slack_mode": "socket",
        "slack_api_url": slack["api_url"],
        "slack_bot_token": slack["bot_token"],
        "slack_app_token": slack["app_token"],
        "slack_channel": slack["channel"],
        # Somebody is watching: look often. Production's five seconds would only be waited for.
        "verify_poll_s": "0.5",
        "verify_window_s": "60",
    }
    return {f"MIDWATCH_{name.upper()}": str(value) for name, value in values.items()}
