"""Telling the demo's story: each audit row in words, as it is written."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from agents.incident import IncidentState, Recovery
from agents.ledger.protocol import TERMINAL, PlanState
from agents.ledger.store import Ledger
from agents.ledger.story import PlanView, Story, story
from agents.ledger.watching import events
from midwatch.web.lines import Line, line_of

# True and in the ledger, but a dozen lines of it would hide the story.
_QUIET = frozenset({"investigator:evidence:store", "intake:delivery:accept", "gatekeeper:card:update"})


def _words(line: Line) -> str:
    return f"[dim]{line.at:%H:%M:%S}[/dim] [bold]{line.tag:28}[/bold] {escape(line.text[:150])}"


class Teller:
    """Reads the ledger only; what it says is what was committed."""

    def __init__(self, ledger: Ledger, console: Console) -> None:
        self.ledger, self.console, self._seen = ledger, console, 0

    def tell(self) -> None:
        """Print what was written since the last time."""
        with self.ledger.read() as session:
            rows = list(events(session, after=self._seen))
        for line in map(line_of, rows):
            self._seen = line.seq
            if line.tag not in _QUIET:
                self.console.print(_words(line))

    def _story(self) -> Story | None:
        return story(self.ledger, 1)

    def _plan(self) -> PlanView | None:
        told = self._story()
        return told.plan if told else None

    def opened(self) -> bool:
        """Whether an incident was opened."""
        return self._story() is not None

    def asking(self) -> bool:
        """Whether a plan waits for a signature."""
        plan = self._plan()
        return plan is not None and plan.state is PlanState.PENDING

    def closed(self) -> bool:
        """Whether the incident was closed."""
        told = self._story()
        return told is not None and told.incident.state is IncidentState.CLOSED

    def asking_or_closed(self) -> bool:
        """Whether somebody is asked, or nobody needs to be any more."""
        return self.asking() or self.closed()

    def decided_or_closed(self) -> bool:
        """Whether the plan left PENDING."""
        plan = self._plan()
        return self.closed() or (plan is not None and plan.state not in {PlanState.DRAFT, PlanState.PENDING})

    def refused(self) -> str:
        """How a plan ended that was not to be done, in words for the last line; else empty."""
        plan = self._plan()
        ended = {PlanState.DENIED: "rejected", PlanState.EXPIRED: "expired", PlanState.CANCELLED: "cancelled"}
        if plan is None or plan.state not in TERMINAL or plan.state not in ended:
            return ""
        return f"the plan was {ended[plan.state]} ({plan.reason}), nothing was changed"

    def recovered(self) -> bool:
        """Whether verification said recovered."""
        told = self._story()
        return bool(told and told.outcome and told.outcome.recovery is Recovery.RECOVERED)

    def outcome(self) -> str:
        """The outcome's sentence."""
        told = self._story()
        return told.outcome.sentence if told and told.outcome else "no outcome"
