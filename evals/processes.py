"""The data centre and the product as processes of their own, started and ended by pid.

The product is run as anybody runs it, ``python -m midwatch``; nothing of it is imported.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import yaml

from tools.kubernetes.objects import JsonObject

Data = JsonObject
READY_S = 60.0
_PORTS = range(20_000, 32_000)


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

    def children(self) -> list[int]:
        """The process ids it started; Linux only."""
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

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
    # With "=": a token is random and may begin as an option does.
    command += [f"--alerts-to={alerts[0]}", f"--alerts-token={alerts[1]}"]
    child = Child("the data centre", command, _plain(), folder / "world.log")
    stack.callback(child.end)
    line = child.process.stdout.readline() if child.process.stdout else b""
    if not line:
        raise BrokenArrow(f"the data centre did not start:\n{child.tail()}")
    data: Data = orjson.loads(line)
    return child, data


@dataclass(frozen=True, kw_only=True)
class Install:
    """One installation: its folder, the door it listens at, the data centre it watches, who may sign.

    ``more`` are settings by name that come on top of those for the data centre.
    """

    folder: Path
    url: str
    token: str
    data: Data
    roster: Path
    more: dict[str, str] = field(default_factory=dict)


def start_serve(stack: ExitStack, install: Install) -> tuple[Child, str]:
    """``midwatch serve`` with the actor as its child, and the address to log in at."""
    log = install.folder / "serve.log"
    child = Child("midwatch serve", ["midwatch", "serve"], _plain() | _settings(install), log)
    stack.callback(child.end)
    end = time.monotonic() + READY_S
    # One client: to make one reads the machine's certificates, for which the child would have to wait.
    with httpx.Client(timeout=1, trust_env=False) as client:
        while time.monotonic() < end:
            child.still_running()
            with suppress(httpx.HTTPError):
                if client.get(f"{install.url}/-/ready").is_success:
                    found = re.search(r"http\S+/login\?token=\S+", child.tail())
                    return child, found.group() if found else install.url
            time.sleep(0.05)
    raise BrokenArrow(f"midwatch serve was not ready in time:\n{child.tail()}")


def free_port() -> int:
    """A loopback port that is free and likely stays so: below those that outgoing connections get."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _plain() -> dict[str, str]:
    # Nothing else of whoever runs the demo: a setting or a proxy of theirs would change the story.
    names = ("PATH", "HOME", "LANG", "TZ", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}


def _settings(install: Install) -> dict[str, str]:
    kubeconfigs, slack = install.data["kubernetes"]["kubeconfigs"], install.data["slack"]
    values = {
        "state_dir": install.folder / "state",
        "listen": install.url.removeprefix("http://"),
        "cluster_name": install.data["cluster"],
        "webhook_token": install.token,
        "reader_kubeconfig": kubeconfigs["reader"],
        "actor_kubeconfig": kubeconfigs["actor"],
        "prometheus_url": install.data["prometheus"]["url"],
        "slack_mode": "socket",
        "slack_api_url": slack["api_url"],
        "slack_bot_token": slack["bot_token"],
        "slack_app_token": slack["app_token"],
        "slack_channel": slack["channel"],
        "roster_file": install.roster,
        **install.more,
    }
    return {f"MIDWATCH_{name.upper()}": str(value) for name, value in values.items()}


def roster_file(folder: Path, slack: Data) -> Path:
    """A roster that lets the two on-call engineers of the pretend workspace sign everything."""
    everywhere = {"team_id": slack["team_id"], "namespaces": ["*"], "tiers": [1, 2, 3]}
    names = {"oncall": "Ada Okafor", "second": "Ben Ito"}
    people = [{"user_id": slack["users"][who], "name": name, **everywhere} for who, name in names.items()]
    path = folder / "roster.yaml"
    path.write_text(yaml.safe_dump({"approvers": people}), encoding="utf-8")
    return path
