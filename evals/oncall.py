"""What the engineer on call does at the keyboard: signs, types what has to be typed, says no.

Used by the demo, the bench and the stories; the product does not know that nobody sits there.
"""

from __future__ import annotations

import json
import re

from evals.world.slack.person import Outcome, Person
from evals.world.slack.wire import JsonObject

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
TYPED = 6


def approve(person: Person, timeout: float) -> Outcome:
    """Click Approve on the newest card that offers it and, if a form asks for it, type the digits."""
    clicked = person.click(person.wait_for_button("approve", timeout=timeout))
    # The app opens its form before it acknowledges the click, so by now it is there or will not come.
    form = next((view for view in person.open_views() if view["callback_id"] == "approve"), None)
    if not clicked.ok or form is None:
        return clicked
    return person.submit(form["id"], {"typed": digits(form)})


def digits(form: JsonObject) -> str:
    """What has to be typed into the form: the beginning of the digest that it shows."""
    shown: list[str] = [part for block in form["blocks"] for part in _DIGEST.findall(json.dumps(block))]
    # The last one: a long diff is named by a digest, too, and stands above that of the plan.
    return shown[-1][:TYPED]


def reject(person: Person, reason: str, timeout: float) -> Outcome:
    """Click Reject and say why."""
    clicked = person.click(person.wait_for_button("reject", timeout=timeout))
    if not clicked.ok:
        return clicked
    return person.submit(person.wait_for_view("reject", timeout=timeout)["id"], {"reason": reason})
