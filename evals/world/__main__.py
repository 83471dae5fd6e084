"""`python -m evals.world`: one scenario's data centre as a process of its own.

Prints exactly one line of JSON with every address, file and credential, then takes `break` on standard input
or `POST /control/break`. Ends on SIGTERM, SIGINT or the end of standard input.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from evals.world.alertmanager import AlertmanagerOptions
from evals.world.datacentre import DataCentre, DataCentreOptions
from evals.world.scenario import ScenarioError, load, names
from evals.world.slack.options import SlackOptions

_LOOK_EVERY = 0.2


class _Stop(Exception):
    """A signal asked the process to end."""


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 0 on a clean end, 2 for a scenario that cannot be loaded."""
    asked = _parser().parse_args(arguments)
    try:
        scenario = load(asked.scenario)
    except ScenarioError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _raise_stop)
    try:
        with DataCentre(scenario, _options(asked)) as centre:
            _say(centre.addresses())
            if asked.break_now:
                centre.break_it()
            _serve(centre, stay=asked.hold)
    except _Stop:
        return 0
    return 0


def _serve(centre: DataCentre, *, stay: bool) -> None:
    """Obey lines on standard input until it ends; with `stay` only a signal ends it."""
    orders: dict[str, Callable[[], None]] = {
        "break": lambda: None if centre.cluster.broken_at else centre.break_it(),
    }
    source, rest = sys.stdin.fileno(), b""
    while True:
        # Reading the descriptor itself: a thread blocked in a buffered read could not be ended.
        ready, _, _ = select.select([source], [], [], _LOOK_EVERY)
        if not ready:
            continue
        read = os.read(source, 4096)
        if not read:
            break
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            order = orders.get(line.decode(errors="replace").strip())
            if order is not None:
                order()
    # Started in the background without an input, only a signal can be meant to end it.
    while stay:
        signal.pause()


def _say(body: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()


def _options(asked: argparse.Namespace) -> DataCentreOptions:
    return DataCentreOptions(
        state_dir=asked.state_dir,
        alerts=AlertmanagerOptions(receiver_url=asked.alerts_to, token=asked.alerts_token),
        slack=SlackOptions(port=asked.slack_port),
        speed=asked.speed,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.world", description="A pretend data centre.")
    parser.add_argument("--scenario", default="bad-image", help=f"one of: {', '.join(names())}")
    parser.add_argument("--state-dir", type=Path, required=True, help="where certificates and kubeconfigs go")
    parser.add_argument("--alerts-to", help="the webhook receiver; none: alerts are only shown by the API")
    parser.add_argument("--alerts-token", help="the bearer token sent with every webhook")
    parser.add_argument("--speed", type=float, default=10.0, help="how many times faster pods live")
    parser.add_argument("--slack-port", type=int, default=0, help="port of the pretend Slack; 0 takes any")
    parser.add_argument("--break-now", action="store_true", help="apply the fault at once")
    parser.add_argument("--hold", action="store_true", help="stay when standard input ends")
    return parser


def _raise_stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


if __name__ == "__main__":
    sys.exit(main())
