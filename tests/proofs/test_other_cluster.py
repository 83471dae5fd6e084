"""Between the signature and the send the way leads to another cluster (P24): nothing is done there.

The other cluster has objects of the same names and takes the same tokens, which is the worst case: a
kubeconfig that was exchanged, or an address that leads elsewhere from one request to the next.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.ledger.protocol import PlanState
from evals.world.clock import RealClock
from evals.world.kubernetes.effects import Effect
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from evals.world.kubernetes.users import standard_users
from tests.support.act import MANIFESTS, Act, an_act
from tests.support.fault_proxy import FaultProxy, Upstream, connected, message
from tests.support.scale import lots
from tests.support.verb_targets import NAMESPACE, step_on
from tools.kubernetes.client import connect

LOT = 50
# No controller of the pretend cluster touches what these change.
VERBS = ("fix_port", "fix_selector", "network_policy", "quota", "resume", "webhook")
# More requests than one plan takes, so that some are through before the way turns.
MOST_REQUESTS = 9


@dataclass(kw_only=True)
class Switch(FaultProxy):
    """A way that leads to its upstream and, after so many requests, to another."""

    other: Upstream
    left: int = MOST_REQUESTS

    def _pass(self, request: bytes, client: socket.socket, server: socket.socket) -> bool:
        with self._lock:
            self.left -= 1
            turned = self.left < 0
        if not turned:
            return super()._pass(request, client, server)
        with connected(self.other) as elsewhere:
            elsewhere.sendall(request)
            client.sendall(message(elsewhere))
        return True


@contextmanager
def two_clusters(folder: Path) -> Iterator[tuple[Act, KubernetesServer, Switch]]:
    """An actor on one cluster, its twin, and the way between."""
    with ExitStack() as stack:
        act = stack.enter_context(an_act(folder / "one"))
        act.server.store.create("namespaces", {"metadata": {"name": NAMESPACE}})
        store = Store(RealClock())
        store.create("namespaces", {"metadata": {"name": NAMESPACE}})
        (folder / "two").mkdir()
        options = ServerOptions(state_dir=folder / "two", users=standard_users(files=MANIFESTS))
        twin = stack.enter_context(KubernetesServer(store, options))
        ends = [Upstream(url=one.url, certificates=one.ca_file.parent) for one in (act.server, twin)]
        switch = Switch(upstream=ends[0], other=ends[1])
        stack.callback(switch.stop)
        yield act, twin, switch


def of(server: KubernetesServer, name: str) -> list[Effect]:
    """What the actor changed there at objects of this name."""
    return [one for one in server.effects.all() if one.name == name and one.user.endswith(":actor")]


@pytest.mark.proof
@pytest.mark.parametrize(("lot", "size"), lots("swaps", LOT))
def test_p24_of_a_way_that_turns_to_another_cluster_nothing_is_done_there(
    tmp_path: Path, lot: int, size: int
) -> None:
    chance = random.Random(lot)
    ends = set()
    with two_clusters(tmp_path) as (act, twin, switch):
        for number in range(size):
            name, verb = f"twin-{number}", chance.choice(VERBS)
            step = step_on(act.server.store, verb, name, act.number + 1)
            assert step_on(twin.store, verb, name, act.number + 1).uid != step.uid
            plan = act.rehearsed([step])
            act.signed(plan)
            if chance.random() < 0.2:
                cluster = connect(twin.kubeconfig("actor"), "actor")
            else:
                cluster = replace(connect(act.server.kubeconfig("actor"), "actor"), server=switch.url)
                switch.left = chance.randrange(MOST_REQUESTS)
            moved = replace(act, hands=replace(act.hands, cluster=cluster))
            moved.advance(plan)
            cluster.close()
            state, why = act.stands(plan)
            ends.add(state)
            assert of(twin, name) == [], f"{verb}, {state}: {why}"
            assert len(of(act.server, name)) == (state is PlanState.SUCCEEDED), f"{verb}, {state}: {why}"
    # Some were through before the way turned, and of the others each ended without an effect.
    assert ends >= {PlanState.SUCCEEDED, PlanState.STALE}
    assert ends <= {PlanState.SUCCEEDED, PlanState.STALE, PlanState.FAILED}
