"""The investigation as a graph: it reads as a drawing, and it only ever writes to the ledger.

    receive → triage → gather → diagnose → propose → wait → verify → close
                                               ▲        │       │
                                               └── undo ┴── watch

``wait`` and ``watch`` hold nothing but an interrupt: langgraph runs them again from the top on
resume. The interrupt is how the graph waits; the lock is the ledger's compare-and-set.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from agents.investigator.stages.close import close
from agents.investigator.stages.diagnose import diagnose
from agents.investigator.stages.gather import gather
from agents.investigator.stages.propose import propose, undo
from agents.investigator.stages.triage import receive, triage
from agents.investigator.stages.verify import after_wait, verify
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from tools.crash import crash

P = ParamSpec("P")


async def wait(state: State) -> State:
    """Wait until a person decided, the actor finished, the alert resolved or another one joined."""
    if state.get("again"):
        interrupt({"for": "look"})
        return {}
    interrupt({"for": "plan", "plan": state.get("plan_id", ""), "seen": state.get("seen", [])})
    return {}


async def watch(state: State) -> State:
    """Wait for the next look at the workload."""
    interrupt({"for": "look"})
    return {}


def _next(state: State) -> str:
    return state["next"]


def _mortal(stage: Callable[P, Awaitable[State]]) -> Callable[P, Awaitable[State]]:
    """The stage, and where it hurts most to die: its work is in the ledger, its checkpoint is not."""

    @wraps(stage)
    async def run(*args: P.args, **kwargs: P.kwargs) -> State:
        done = await stage(*args, **kwargs)
        crash(f"i-{stage.__name__}")
        return done

    return run


def build(checkpointer: Any) -> Any:
    """The compiled graph over a durable checkpointer."""
    graph: Any = StateGraph(State, context_schema=Toolbox)
    stages = (receive, triage, gather, diagnose, propose, wait, after_wait, undo, verify, watch, close)
    for stage in stages:
        graph.add_node(stage.__name__, _mortal(stage))
    graph.add_edge(START, "receive")
    graph.add_edge("receive", "triage")
    graph.add_conditional_edges("triage", _next, ["gather", "close"])
    graph.add_edge("gather", "diagnose")
    graph.add_edge("diagnose", "propose")
    graph.add_edge("propose", "wait")
    graph.add_edge("wait", "after_wait")
    graph.add_conditional_edges("after_wait", _next, ["wait", "verify", "triage", "close"])
    graph.add_conditional_edges("verify", _next, ["watch", "undo", "wait", "triage", "close"])
    graph.add_edge("watch", "verify")
    graph.add_edge("undo", "wait")
    graph.add_edge("close", END)
    return graph.compile(checkpointer=checkpointer)
