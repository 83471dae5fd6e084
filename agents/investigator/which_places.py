"""Where else to look: the namespaces of what the API server asks on behalf of what is here, in vain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.investigator.analyzers.fields import condition, dig, items
from agents.investigator.analyzers.hpa import metrics_api
from agents.investigator.analyzers.webhook import KINDS, calls_that_failed
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import JsonObject

MOST = 2
"""Each of them is a look of its own."""


def answering(inventory: Inventory, looked: Iterable[str]) -> list[str]:
    """The namespaces, not looked at yet, of the Services behind webhooks and APIs that do not answer.

    An event names the webhook, and a configuration has to know it: text alone sends nobody anywhere.
    """
    seen = set(looked)
    services = (*_hooks(inventory), *_metrics(inventory))
    found = {str(place): None for service in services if (place := service.get("namespace"))}
    return [place for place in found if place not in seen][:MOST]


def _hooks(inventory: Inventory) -> Iterator[JsonObject]:
    """Behind the webhooks whose calls fail."""
    failed = calls_that_failed(inventory.objects("Event"))
    for configuration in (one for kind in KINDS for one in inventory.objects(kind)):
        for hook in items(configuration, "webhooks"):
            if hook.get("name") in failed:
                yield dig(hook, "clientConfig", "service") or {}


def _metrics(inventory: Inventory) -> Iterator[JsonObject]:
    """Behind the APIs that autoscalers ask for metrics and get none."""
    active = (condition(one, "ScalingActive") for one in inventory.objects("HorizontalPodAutoscaler"))
    asked = {metrics_api(one.get("message") or "") for one in active if one.get("status") == "False"}
    for api in inventory.objects("APIService"):
        silent = condition(api, "Available").get("status") == "False"
        if silent and dig(api, "spec", "group") in asked:
            yield dig(api, "spec", "service") or {}
