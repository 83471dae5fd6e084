"""`python -m evals.world.slack`: the workspace as a process of its own, for apps in any language.

Prints one line of JSON with every address, token and person, then serves until SIGTERM or SIGINT.
"""

import argparse
import json
import signal
import sys
import threading

from evals.world.slack.options import Credentials, SlackOptions
from evals.world.slack.server import SlackServer
from evals.world.slack.wire import JsonObject


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 0 on a clean end, 2 for a port that is taken."""
    asked = _parser().parse_args(arguments)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    options = SlackOptions(
        credentials=Credentials(app_name=asked.app_name),
        port=asked.port,
        mode="http" if asked.request_url else "socket",
        request_url=asked.request_url,
    )
    try:
        with SlackServer(options) as slack:
            sys.stdout.write(json.dumps(_addresses(slack)) + "\n")
            sys.stdout.flush()
            told.wait()
    except OSError as error:
        sys.stderr.write(f"port {asked.port}: {error.strerror}\n")
        return 2
    return 0


def _addresses(slack: SlackServer) -> JsonObject:
    ours, directory = slack.credentials, slack.workspace.directory
    secrets = {
        "bot_token": ours.bot_token,
        "app_token": ours.app_token,
        "signing_secret": ours.signing_secret,
    }
    people = {key: user["profile"]["title"] for key, user in directory.users.items() if not user["is_bot"]}
    channels = {key: channel.name for key, channel in directory.channels.items() if not channel.partner}
    return {
        "page_url": slack.page_url,
        "api_url": slack.url,
        **secrets,
        "people": people,
        "channels": channels,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.world.slack", description="A pretend Slack.")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port of loopback")
    parser.add_argument("--app-name", default="Midwatch", help="what the installed app is called")
    parser.add_argument("--request-url", help="HTTP mode: where signed callbacks go; without it Socket Mode")
    return parser


if __name__ == "__main__":
    sys.exit(main())
