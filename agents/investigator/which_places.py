"""Where else to look: the namespaces of what the API server must ask before anything may be made here."""

from __future__ import annotations

from collections.abc import Iterable

from agents.investigator.analyzers.fields import dig, items
from agents.investigator.analyzers.webhook import KINDS, calls_that_failed
from tools.kubernetes.inventory import Inventory

MOST = 2
"""Each of them is a look of its own."""


def answering(inventory: Inventory, looked: Iterable[str]) -> list[str]:
    """The namespaces, not looked at yet, of the Services behind webhooks whose calls fail.

    An event names the webhook, and a configuration has to know it: text alone sends nobody anywhere.
    """
    failed, seen = calls_that_failed(inventory.objects("Event")), set(looked)
    found = {
        str(place): None
        for kind in KINDS
        for configuration in inventory.objects(kind)
        for hook in items(configuration, "webhooks")
        if hook.get("name") in failed
        and (place := dig(hook, "clientConfig", "service", "namespace"))
        and place not in seen
    }
    return list(found)[:MOST]
