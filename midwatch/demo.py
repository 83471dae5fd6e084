"""``midwatch demo``: one incident from alert to verified fix, in a pretend data centre.

Starts the data centre and ``midwatch serve`` as processes of their own, exactly as production
runs them but for the addresses, and tells the story from the ledger as it happens.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from agents.auditor.verify import verify
from agents.ledger.store import Ledger
from evals import oncall
from evals.processes import BrokenArrow, Install, free_port, roster_file, start_serve, start_world
from evals.world.slack.person import Person
from midwatch.demo_keys import Keys
from midwatch.demo_story import Teller
from midwatch.terminal import screen

if TYPE_CHECKING:
    from rich.console import Console

# A machine that runs the demo for the first time compiles and imports everything meanwhile.
WAIT_S = 90.0
# The dead man's switch: long enough to be sure that an incident would have been opened by now.
QUIET_S = 4.0
# As long as a plan waits for a signature; then it expires and the demo says so.
PERSON_S = 1800.0
# Somebody is watching: look often. Production's five seconds would only be waited for.
QUICK = {"verify_poll_s": "0.5", "verify_window_s": "60"}


def run(scenario: str) -> int:
    """Show the scenario; 0 when it ended as it should, 1 with the broken arrow's name."""
    console = screen(markup=True)
    try:
        with ExitStack() as stack:
            console.print("[dim]starting a pretend data centre and Midwatch …[/dim]")
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="midwatch-demo-")))
            demo = _Demo(stack, console, folder, scenario)
            console.print(demo.play())
            demo.stay()
    except BrokenArrow as broken:
        console.print(f"[red]demo: broken arrow: {broken}[/red]")
        return 1
    except KeyboardInterrupt:
        console.print("demo: stopped")
    return 0


class _Demo:
    def __init__(self, stack: ExitStack, console: Console, folder: Path, scenario: str) -> None:
        self.console = console
        self.hands_free = os.environ.get("HANDS_FREE") == "1" or not sys.stdin.isatty()
        # Both sides need the address before either runs: Alertmanager sends to it, `serve` listens on it.
        url, token = f"http://127.0.0.1:{free_port()}", secrets.token_urlsafe(16)
        self.world, self.data = start_world(stack, folder, scenario, (f"{url}/alertmanager", token))
        install = Install(
            folder=folder,
            url=url,
            token=token,
            data=self.data,
            roster=roster_file(folder, self.data["slack"]),
            more=QUICK,
        )
        self.serve, self.login = start_serve(stack, install)
        self.ledger = Ledger(f"sqlite:///{folder / 'state' / 'midwatch.db'}")
        stack.callback(self.ledger.close)
        self.teller = Teller(self.ledger, console)
        self.keys = stack.enter_context(Keys())

    def play(self) -> str:
        """The story; returns the last line."""
        self.console.print(f"[bold]{self.data['title']}[/bold]\n{self.data['story']}\n")
        self.console.print(f"Slack page     {self.data['slack']['page_url']}")
        # An address that is broken in two cannot be clicked.
        self.console.print(f"Incident page  {self.login}\n", soft_wrap=True)
        began = time.monotonic()
        self.world.tell("break")
        if not self._until(self.teller.opened, QUIET_S if self._silent() else WAIT_S):
            if self._silent():
                return self._end("nothing to do: no incident opened, 0 changes made", began)
            raise BrokenArrow("Alertmanager → intake: no incident was opened")
        if not self._until(self.teller.asking_or_closed, WAIT_S):
            raise BrokenArrow("investigator → gatekeeper: no card was posted for signing")
        if self.teller.asking():
            self._sign()
        if not self._until(self._decided, PERSON_S):
            raise BrokenArrow("gatekeeper: the plan was neither signed, rejected nor expired")
        ending = self.teller.refused()
        if ending:
            return self._end(ending, began)
        if not self._until(self.teller.closed, WAIT_S):
            raise BrokenArrow("actor → verify: the incident did not recover")
        if not self.teller.recovered():
            raise BrokenArrow(f"verify: {self.teller.outcome()}")
        return self._end("INC-1 verified", began)

    def stay(self) -> None:
        """Leave all of it standing until a key is pressed: whoever signed wants to see what became of it."""
        if self.hands_free:
            return
        self.console.print("The card and the pages stay until you press [bold]q[/bold] here.")
        self._until(lambda: self.keys.pressed() == "q", PERSON_S)

    def _silent(self) -> bool:
        return bool(self.data.get("scenario") == "watchdog")

    def _sign(self) -> None:
        if self.hands_free:
            self._approve()
            return
        self.console.print(
            "[bold]Your turn:[/bold] open the Slack page and press Approve or Reject, "
            "or press [bold]a[/bold] or [bold]r[/bold] here to click there as Ada, who is on call."
        )

    def _decided(self) -> bool:
        key = self.keys.pressed()
        if key and self.teller.asking():
            {"a": self._approve, "r": self._reject}.get(key, _nothing)()
        return self.teller.decided_or_closed()

    def _ada(self) -> Person:
        slack = self.data["slack"]
        return Person(slack["page_url"].rsplit("/", 1)[0], slack["users"]["oncall"])

    def _approve(self) -> None:
        oncall.approve(self._ada(), WAIT_S)

    def _reject(self) -> None:
        oncall.reject(self._ada(), "rejected in the demo's terminal", WAIT_S)

    def _until(self, good: object, seconds: float) -> bool:
        if not callable(good):
            raise TypeError("a condition is called")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.teller.tell()
            if good():
                return True
            # Waiting for what a dead process would have done helps nobody: its end is named at once.
            for child in (self.world, self.serve):
                child.still_running()
            time.sleep(0.05)
        return False

    def _end(self, what: str, began: float) -> str:
        seconds = time.monotonic() - began
        self.teller.tell()
        found = verify(self.ledger)
        if not found.ok:
            raise BrokenArrow(f"ledger: {found.problems[0]}")
        self.console.print(f"ledger: {found.events} events, chain whole")
        return f"demo: {what} in {seconds:.1f} s"


def _nothing() -> None:
    """Any other key."""
