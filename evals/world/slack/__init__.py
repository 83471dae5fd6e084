"""A pretend Slack workspace on loopback: Web API, Socket Mode, signed callbacks, and a page to click on.

It answers the real, unmodified ``slack_sdk`` and ``slack_bolt`` with the words, limits and time-outs of the
real service, so that a program under test differs from production in its base URL only. It keeps everything
in memory, serves one workspace with one installed app, and reaches nothing beyond loopback.

Start with :class:`~evals.world.slack.server.SlackServer`; act as a human with
:class:`~evals.world.slack.person.Person`; let calls go wrong with
:class:`~evals.world.slack.faults.Fault`; deliver what no honest client would send with
:class:`~evals.world.slack.forge.Forge`. Alone: ``python -m evals.world.slack``. How to test an app with it:
``docs/testing-kit.md``.

What may never enter: knowledge of the program under test. No plan, no incident, no import of ours: a button
is a button here. A rule belongs in this folder only if Slack has it.
"""

from evals.world.slack.faults import Fault
from evals.world.slack.forge import FalseClick, Forge
from evals.world.slack.options import Credentials, Mode, SlackOptions
from evals.world.slack.people import Channel, user
from evals.world.slack.person import NothingAppearedError, Outcome, Person, PersonError
from evals.world.slack.server import SlackServer

__all__ = [
    "Channel",
    "Credentials",
    "FalseClick",
    "Fault",
    "Forge",
    "Mode",
    "NothingAppearedError",
    "Outcome",
    "Person",
    "PersonError",
    "SlackOptions",
    "SlackServer",
    "user",
]
