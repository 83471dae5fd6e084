"""Whether traffic through a Service arrives: a ready address, and somebody who answers on its port."""

from __future__ import annotations

from collections.abc import Callable

from evals.world.kubernetes.objects import JsonObject, namespace_of

Answers = Callable[[str, str, int], bool]
"""Whether anything in a pod (namespace, name) answers on a port now: the kubelet knows."""


def reachable(endpoints: JsonObject, answers: Answers) -> int:
    """How many ready addresses of an Endpoints object lead to a process that answers there.

    A subset without ports, as a named port that no pod has leaves it, leads nowhere.
    """
    return sum(
        any(answers(namespace_of(endpoints), address["targetRef"]["name"], port["port"]) for port in ports)
        for subset in endpoints.get("subsets") or []
        for ports in [subset.get("ports") or []]
        for address in subset.get("addresses") or []
    )
