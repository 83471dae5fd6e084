"""Let a node take no new pods, or take them again."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import read

_POINTER = "/spec/unschedulable"


class _OfNode(Verb):
    kinds = ("Node",)
    tier = 2
    fields = (_POINTER,)
    sets = pattern(*fields)
    adds = True
    verify = ("node_as_set",)

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The node's whole spec: its version moves with every heartbeat and can pin nothing."""
        del target, changes
        return ("/spec",)


class Cordon(_OfNode):
    """Parameters: ``others``, how many other nodes are ready and take pods."""

    name = "cordon"
    risks = "Pods that are made from now on need room on the other nodes; those that run here stay."
    when_not = "No other node takes pods, or the trouble is not the node's."
    undo = "An uncordon of the same node."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses the last node that takes pods, and one that takes none already."""
        del context
        if not isinstance(params["others"], int) or params["others"] < 1:
            return Refused(reason="no other node takes pods")
        if read(target, _POINTER) is True:
            return Refused(reason=f"node {target['metadata']['name']} takes no new pods already")
        return step_for(self, target, {_POINTER: True})

    def bounds(self, step: Step) -> Refused | None:
        """From taking pods to taking none, nothing else."""
        if step.set[_POINTER] is True and step.expect[_POINTER] in (None, False):
            return None
        return Refused(reason="a cordon makes a node unschedulable that is not")

    def sentence(self, step: Step) -> str:
        """Names the node."""
        return f"Cordon node {step.name}: it takes no new pods; those that run on it stay"

    def undo_words(self, step: Step) -> str:
        """An uncordon's."""
        return Uncordon().sentence(step)

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """An uncordon."""
        del step
        return _freed(live)


class Uncordon(_OfNode):
    """Parameters: none."""

    name = "uncordon"
    risks = "New pods come to the node at once; if it is still ill they fail there."
    when_not = "The node is not ready, or a person cordoned it for work that goes on."
    undo = "A cordon of the same node."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a node that is not ready, and one that takes pods already."""
        del params, context
        conditions = read(target, "/status/conditions") or []
        ready = isinstance(conditions, list) and any(
            each.get("type") == "Ready" and each.get("status") == "True" for each in conditions
        )
        if not ready:
            return Refused(reason=f"node {target['metadata']['name']} is not ready")
        return _freed(target)

    def bounds(self, step: Step) -> Refused | None:
        """From taking no pods to taking them, nothing else."""
        # The API server keeps no "false" there, so to free a node is to take the field away.
        if step.set[_POINTER] is None and step.expect[_POINTER] is True:
            return None
        return Refused(reason="an uncordon frees a node that is unschedulable")

    def sentence(self, step: Step) -> str:
        """Names the node."""
        return f"Uncordon node {step.name}: it takes new pods again"

    def undo_words(self, step: Step) -> str:
        """A cordon's."""
        return Cordon().sentence(step)

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """A cordon."""
        del step
        if read(live, _POINTER) is True:
            return Refused(reason="it was cordoned again since")
        return step_for(Cordon(), live, {_POINTER: True})


def _freed(node: JsonObject) -> Step | Refused:
    if read(node, _POINTER) is not True:
        return Refused(reason=f"node {node['metadata']['name']} takes new pods already")
    return step_for(Uncordon(), node, {_POINTER: None})
