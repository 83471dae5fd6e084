"""What whoever is refused is told: why, that nothing was changed, and what to do next.

The record keeps the reason alone. The rest is for a person who is awake at three in the morning and wants
to know whether anything happened, and who or what comes next.
"""

from __future__ import annotations

from agents.gatekeeper.clicks import Refusal
from agents.incident import Value
from agents.ledger.protocol import Objection

NOTHING = "Nothing was changed by this."
ELSEWHERE = "Look at the card: it says where the plan stands now."
_CARD = "Use the buttons of the card in the incident's channel; if this was one, tell whoever runs Midwatch."
_SOMEBODY = "Somebody on the roster has to do it, with an account of their own in this workspace."
_OVER = "It will not be done; the incident's page keeps what it was to do."
NEXT: dict[Refusal | Objection, str] = {
    Refusal.FORGED: _CARD,
    Refusal.WRONG_APP: _CARD,
    Refusal.WRONG_PLACE: _CARD,
    Refusal.FOREIGN_WORKSPACE: _SOMEBODY,
    Refusal.NOT_HUMAN: _SOMEBODY,
    Refusal.GUEST: _SOMEBODY,
    Refusal.DEACTIVATED: _SOMEBODY,
    Refusal.UNKNOWN_PERSON: "Try again in a moment; somebody else on the roster can do it meanwhile.",
    Refusal.OWN_REQUEST: "Somebody else on the roster has to sign it; you may reject it.",
    Refusal.WRONG_DIGITS: "Look at the plan again, and type the digits that its digest begins with.",
    Refusal.NOT_ON_ROSTER: "Ask somebody who may; whoever keeps the roster can add you.",
    Refusal.NOTHING_TO_EDIT: "Reject it, and say what you want instead.",
    Refusal.DECIDED: "The card says what became of it.",
    Refusal.TOO_LATE: _OVER,
    Refusal.OTHER_BYTES: "Look at the plan again, and sign what is shown then.",
    Refusal.NOT_LATELY: "Sign again; if that is refused as well, your machine's clock is wrong.",
    Refusal.UNFIT_BEFORE: "Somebody else on the roster can sign, or you when Slack answers again.",
    Objection.NO_SUCH_PLAN: "Look at the newest card of the incident.",
    Objection.NO_SUCH_EDGE: "It moved on while you decided; the card says what became of it.",
    Objection.EXPIRED: _OVER,
    Objection.TAMPERED: "The plan is set aside and will not be done: tell whoever runs Midwatch at once.",
    Objection.DUPLICATE: "Your signature stands; the next one has to be another person's.",
    Objection.REPLAYED: "It counts once; the incident's page says where the plan stands.",
    Objection.NOT_CONFIRMED: "Type the six digits that the digest above begins with.",
    Objection.SAME_HUMAN: "The next signature has to be another person's.",
}
"""What to do next. Whatever else the ledger may object is answered with a look at the card."""


class Against(Value):
    """Why a word does not count. ``facts`` are for the record too, ``aside`` only for whoever asked."""

    why: Refusal | Objection
    facts: str = ""
    aside: str = ""

    @property
    def recorded(self) -> str:
        """What the record keeps: no names of people."""
        return self.why.value + self.facts

    @property
    def words(self) -> str:
        """What its person is told, in whole sentences."""
        return f"Not counted: {self.recorded}{self.aside}. {NOTHING} {NEXT.get(self.why, ELSEWHERE)}"
