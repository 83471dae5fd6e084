"""What the gatekeeper has without the chat: the ledger, the seal, and the files that say who may sign what.

All that counts a signature, lets plans expire or opens one without a card works with this alone, so that
it goes on while Slack is away. ``office`` adds the chat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agents.incident import Incident
from agents.ledger import cards, groups
from agents.ledger.accounts import CLAIM_MAY_RELY_ON
from agents.ledger.lines import NOWHERE
from agents.ledger.roster import Roster, roster_or_nobody
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from tools.kubernetes.approvals import Approvals
from tools.policy.load import PolicyFile


@dataclass(kw_only=True)
class Bench:
    """One gatekeeper, as far as it needs no chat."""

    ledger: Ledger
    seal: SealKey
    roster_file: Path
    halt_file: Path
    channel_id: str
    public_url: str
    policy_file: PolicyFile = field(default_factory=PolicyFile)
    approvals: Approvals | None = None
    """Where what was signed is written in sealed mode; None when it is off."""

    def roster(self) -> Roster:
        """The roster with its groups as they were last seen, minutes ago at most.

        Blocking. Raises LedgerUnavailable.
        """
        return groups.resolved(roster_or_nobody(self.roster_file), self.ledger, self.seal, CLAIM_MAY_RELY_ON)

    def channel_of(self, incident: Incident) -> str:
        """Where the incident's card is, or will be: one that is up stays, whatever the routes say by then.

        With a roster that cannot be read a new one goes to the usual place. Blocking. Raises
        LedgerUnavailable.
        """
        with self.ledger.read() as session:
            row = cards.card_of(session, incident.number)
        if row is not None:
            return row.channel_id
        return roster_or_nobody(self.roster_file).channel_of(incident) or self.channel_id or NOWHERE
