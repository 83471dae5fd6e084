"""A street of shops that all broke at once, and one Midwatch that watches them.

Each shop is a namespace with its own Deployment, rolled out to an image tag that does not exist:
its alert group is an incident of its own, and no plan stands in another's way.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from evals.processes import BrokenArrow, Child, Install, free_port, roster_file, start_serve
from evals.world.alerting import Alert, Origin, webhook_body
from evals.world.datacentre import DataCentre, DataCentreOptions
from evals.world.kubernetes.objects import JsonObject, copied
from evals.world.scenario import Scenario, load
from evals.world.slack.journal import Call
from evals.world.steps import Step

PATIENCE_S = 60.0
QUIET_S = 0.3
LOOK_EVERY_S = 0.01
# The controllers of a whole street share this process with the API server, as they do nowhere else:
# at the pace of the demo they, and not Midwatch, would be what is measured.
TICK_EVERY_S, SCRAPE_EVERY_S = 1.0, 10.0
_POSTS = frozenset({"chat.postMessage", "chat.update"})
_KINDS = frozenset({"Namespace", "Deployment", "Service"})


@dataclass(kw_only=True)
class Street:
    """The running street: tell Midwatch of a shop's alert, and see what comes of it."""

    centre: DataCentre
    install: Install
    serve: Child
    client: httpx.Client
    login: str = ""
    """The address that opens the pages."""
    fired: dict[str, Alert] = field(default_factory=dict)
    _heard: list[tuple[Call, str]] = field(default_factory=list)

    def post(self, shop: str) -> float:
        """Send the shop's alert as Alertmanager would; the Unix time right before it was sent."""
        self.fired[shop] = self._alert(shop)
        return self._send(shop, self.fired[shop])

    def over(self, shop: str) -> None:
        """The shop's alert ends, and its card gives its place in the channel to the next one's."""
        self._send(shop, replace(self.fired.pop(shop), ends_at=datetime.now(UTC)))
        self.wait(lambda: self._gave_way(shop))

    def _gave_way(self, shop: str) -> bool:
        *_, newest = self.about(shop)
        return not self.asks(newest)

    def _listen(self) -> list[tuple[Call, str]]:
        """Every call so far, and its arguments as text."""
        # Each is written out once: this is asked a hundred times a second, in the process and at the cost of
        # the pretend data centre, whose answers are waited for meanwhile.
        self._heard += [
            (call, json.dumps(call.arguments)) for call in self.centre.slack.calls[len(self._heard) :]
        ]
        return self._heard

    def _send(self, shop: str, alert: Alert) -> float:
        body = json.dumps(webhook_body([alert], self._origin(), self._expression(shop)))
        headers = {"Authorization": f"Bearer {self.install.token}", "Content-Type": "application/json"}
        at = time.time()
        self.client.post(f"{self.install.url}/alertmanager", content=body, headers=headers).raise_for_status()
        return at

    def asking(self, shop: str) -> Call | None:
        """The first accepted message about the shop that can be approved."""
        return next((call for call in self.about(shop) if self.asks(call)), None)

    def about(self, *words: str) -> Iterator[Call]:
        """The accepted messages with one of these words in them, outside threads."""
        posted = (each for each in self._listen() if each[0].method in _POSTS and each[0].error is None)
        shown = (each for each in posted if not each[0].arguments.get("thread_ts"))
        return (call for call, told in shown if any(word in told for word in words))

    @staticmethod
    def asks(call: Call) -> bool:
        """Whether that message can be approved."""
        return '"approve"' in json.dumps(call.arguments)

    def wait(self, what: Callable[[], object]) -> None:
        """Until it is true; BrokenArrow with the product's log when it does not come."""
        end = time.monotonic() + PATIENCE_S
        while not what():
            self.serve.still_running()
            if time.monotonic() > end:
                raise BrokenArrow(f"it did not come within {PATIENCE_S:.0f} s:\n{self.serve.tail()}")
            time.sleep(LOOK_EVERY_S)

    def settle(self) -> None:
        """Until the chat has been quiet for a moment: the next sample begins at rest."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_S:
            now = len(self.centre.slack.calls)
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(LOOK_EVERY_S)

    def _origin(self) -> Origin:
        return Origin(
            prometheus_url=self.centre.prometheus.url,
            alertmanager_url="http://alertmanager.example",
            external_labels={},
            receiver="midwatch",
        )

    def _expression(self, shop: str) -> str:
        return self.centre.scenario.alert.expr.replace('"shop"', f'"{shop}"')

    def _alert(self, shop: str) -> Alert:
        now, rule = datetime.now(UTC), self.centre.scenario.alert
        where = {"namespace": shop, "deployment": "checkout", "job": "kube-state-metrics"}
        labels = {"alertname": rule.name, **where, **rule.labels}
        return Alert(labels=labels, annotations=rule.annotations, active_since=now, starts_at=now)


def shops(count: int) -> list[str]:
    """The names of the street's shops."""
    return [f"shop-{number:03d}" for number in range(1, count + 1)]


@contextmanager
def street(folder: Path, count: int, more: dict[str, str] | None = None) -> Iterator[Street]:
    """The broken street with ``count`` shops and a Midwatch, with ``more`` settings, yet to hear of it."""
    options = DataCentreOptions(
        state_dir=folder / "world", tick_every=TICK_EVERY_S, scrape_every=SCRAPE_EVERY_S, known_minutes=1.0
    )
    with ExitStack() as stack:
        centre = stack.enter_context(DataCentre(scenario_of(count), options))
        # The fault only: the bench is its own Alertmanager, and decides when Midwatch hears of it.
        centre.cluster.break_it()
        data = centre.addresses()
        install = Install(
            folder=folder,
            url=f"http://127.0.0.1:{free_port()}",
            token=secrets.token_urlsafe(16),
            data=data,
            roster=roster_file(folder, data["slack"]),
            # One shop after the other would be at the pace of one channel, a message a second: what is
            # measured is how long a channel waits that had nothing to say for a while.
            more={"slack_pace": "1000", **(more or {})},
        )
        serve, login = start_serve(stack, install)
        client = stack.enter_context(httpx.Client(timeout=10, trust_env=False))
        at = Street(centre=centre, install=install, serve=serve, client=client, login=login)
        at.wait(lambda: serve.children() and _pulling_in_vain(centre) >= count)
        yield at


def _pulling_in_vain(centre: DataCentre) -> int:
    """How many containers of the cluster wait for an image that does not come."""
    pods = (pod.get("status", {}).get("containerStatuses", []) for pod in centre.cluster.store.peek("pods"))
    reasons = [one.get("state", {}).get("waiting", {}).get("reason", "") for each in pods for one in each]
    return sum(reason in {"ErrImagePull", "ImagePullBackOff"} for reason in reasons)


def scenario_of(count: int) -> Scenario:
    """The bad image of the demo, once for each of ``count`` shops."""
    one = load("bad-image")
    names = shops(count)
    return one.model_copy(
        update={
            "history": tuple(_moved(step, names) for step in one.world.history if _about_shop(step)),
            "fault": tuple(_moved(step, names) for step in one.fault),
        }
    )


def _about_shop(step: Step) -> bool:
    """Whether the step is about the checkout: the other shops of the world stay as they are."""
    return any(_is_checkout(m) for m in step.create) or any(p.object.name == "checkout" for p in step.patch)


def _is_checkout(manifest: JsonObject) -> bool:
    return manifest["kind"] in _KINDS and manifest["metadata"]["name"] in {"shop", "checkout"}


def _moved(step: Step, names: list[str]) -> Step:
    """The step once for each shop, in that shop's namespace."""
    create = [_in(m, name) for name in names for m in step.create if _is_checkout(m)]
    patch = [
        p.model_copy(update={"object": p.object.model_copy(update={"namespace": name})})
        for name in names
        for p in step.patch
        if p.object.name == "checkout"
    ]
    return step.model_copy(update={"create": tuple(create), "patch": tuple(patch)})


def _in(manifest: JsonObject, name: str) -> JsonObject:
    moved = copied(manifest)
    if moved["kind"] == "Namespace":
        moved["metadata"]["name"] = name
        return moved
    moved["metadata"]["namespace"] = name
    if moved["kind"] == "Deployment":
        # Small pods: a whole street has to fit on the three nodes of the world.
        moved["spec"]["replicas"] = 2
        moved["spec"]["template"]["spec"]["containers"][0]["resources"] = {
            "requests": {"cpu": "20m", "memory": "32Mi"},
            "limits": {"memory": "256Mi"},
        }
    return moved
