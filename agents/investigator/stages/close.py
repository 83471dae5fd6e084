"""Close: say how it ended, once."""

from __future__ import annotations

import asyncio

from langgraph.runtime import Runtime

from agents.incident import Outcome, Recovery
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from agents.ledger import investigations, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import PlanState

CHECKS = {"alert quiet": True, "workloads well": True}
"""What ``verify`` saw in one and the same look before it let an incident be closed as recovered."""


async def close(state: State, runtime: Runtime[Toolbox]) -> State:
    """Write the outcome and end the thread."""
    box = runtime.context
    helped = await asyncio.to_thread(_changed_something, box, state["incident"])
    at = await asyncio.to_thread(box.ledger.now)
    if state.get("not_recovered"):
        sentence = "The change did not help within its time; the alert resolved later."
        outcome = Outcome(recovery=Recovery.NOT_RECOVERED, at=at, sentence=sentence)
    elif helped:
        sentence = "The alert's own signal is quiet and the workload is healthy."
        outcome = Outcome(recovery=Recovery.RECOVERED, at=at, sentence=sentence, checks=CHECKS)
    else:
        sentence = "The alert resolved without a change by Midwatch."
        outcome = Outcome(recovery=Recovery.NOTHING_DONE, at=at, sentence=sentence)
    await box.write(investigations.close, outcome)
    return {"finished": True}


def _changed_something(box: Toolbox, incident: int) -> bool:
    with box.ledger.read() as session:
        found = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, incident)]
    return any(isinstance(one, Standing) and one.state is PlanState.SUCCEEDED for one in found)
