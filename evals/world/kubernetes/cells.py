"""The contents of printed columns, each a function of the object and the present moment.

The moment is handed in because ages are computed by the server: a client with a wrong clock still shows
the right ones, and a test need not wait to see one change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from evals.world.kubernetes.objects import JsonObject, dig, meta
from evals.world.kubernetes.pod_columns import ago
from evals.world.kubernetes.selectors import selector_text

Cell = Callable[[JsonObject, datetime], object]


def at(*path: str, default: object = "") -> Cell:
    """The value at a path, or ``default``."""

    def cell(obj: JsonObject, _: datetime) -> object:
        value = dig(obj, *path)
        return default if value is None else value

    return cell


def number(*path: str) -> Cell:
    """The number at a path, or 0."""
    return at(*path, default=0)


def text(*path: str) -> Cell:
    """A value, or ``<none>`` when it is missing or empty."""

    def cell(obj: JsonObject, _: datetime) -> str:
        return str(dig(obj, *path) or "<none>")

    return cell


def of(number: tuple[str, ...], total: tuple[str, ...]) -> Cell:
    """Two numbers as ``1/3``."""

    def cell(obj: JsonObject, _: datetime) -> str:
        return f"{dig(obj, *number) or 0}/{dig(obj, *total) or 0}"

    return cell


def age(obj: JsonObject, now: datetime) -> str:
    """The time since the object was created."""
    return ago(meta(obj).get("creationTimestamp"), now)


def size(*path: str) -> Cell:
    """How many entries a map or list has."""

    def cell(obj: JsonObject, _: datetime) -> int:
        return len(dig(obj, *path) or ())

    return cell


def containers(part: str, *path: str) -> Cell:
    """One part of every container, joined by commas."""

    def cell(obj: JsonObject, _: datetime) -> str:
        return ",".join(str(each.get(part, "")) for each in dig(obj, *path, "containers") or [])

    return cell


def selector(obj: JsonObject, _: datetime) -> str:
    """The selector as a query string."""
    selector = dig(obj, "spec", "selector")
    # A Service selects by a plain map, workloads by matchLabels: both are printed alike.
    return selector_text(
        selector if selector and "matchLabels" in selector else {"matchLabels": selector or {}}
    )


def service_ports(obj: JsonObject, _: datetime) -> str:
    """Ports as ``80:30080/TCP``."""
    words = []
    for port in dig(obj, "spec", "ports") or []:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        words.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(words) or "<none>"


def service_address(obj: JsonObject, _: datetime) -> str:
    """The external address of a Service."""
    if dig(obj, "spec", "type") == "LoadBalancer":
        found = dig(obj, "status", "loadBalancer", "ingress") or []
        return ",".join(each.get("ip") or each.get("hostname", "") for each in found) or "<pending>"
    return ",".join(dig(obj, "spec", "externalIPs") or []) or str(
        dig(obj, "spec", "externalName") or "<none>"
    )


def node_status(obj: JsonObject, _: datetime) -> str:
    """Ready, NotReady or Unknown, and whether the node takes pods."""
    ready = next((c for c in dig(obj, "status", "conditions") or [] if c.get("type") == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    # A cordoned node is ready all the same; who reads only the first word would miss why nothing lands there.
    return f"{state},SchedulingDisabled" if dig(obj, "spec", "unschedulable") else state


def node_roles(obj: JsonObject, _: datetime) -> str:
    """The roles a node is labelled with."""
    prefix = "node-role.kubernetes.io/"
    return (
        ",".join(
            sorted(k.removeprefix(prefix) for k in meta(obj).get("labels") or {} if k.startswith(prefix))
        )
        or "<none>"
    )


def node_address(obj: JsonObject, _: datetime) -> str:
    """The internal address of a node."""
    found = dig(obj, "status", "addresses") or []
    return next((each["address"] for each in found if each.get("type") == "InternalIP"), "<none>")


def namespace_status(obj: JsonObject, _: datetime) -> str:
    """Active or Terminating."""
    return (
        "Terminating" if meta(obj).get("deletionTimestamp") else str(dig(obj, "status", "phase") or "Active")
    )


def event_object(obj: JsonObject, _: datetime) -> str:
    """What an event is about, ``pod/web-1``."""
    about = obj.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def event_seen(obj: JsonObject, now: datetime) -> str:
    """The time since an event was last seen."""
    latest = obj.get("lastTimestamp") or dig(obj, "series", "lastObservedTime") or obj.get("eventTime")
    return ago(latest or meta(obj).get("creationTimestamp"), now)


def endpoints(obj: JsonObject, _: datetime) -> str:
    """The first three addresses of an Endpoints object."""
    words = []
    for subset in obj.get("subsets") or []:
        for port in subset.get("ports") or [{}]:
            number = f":{port['port']}" if port.get("port") else ""
            words += [f"{address['ip']}{number}" for address in subset.get("addresses") or []]
    # Three, so that a Service with hundreds of pods does not fill the terminal.
    extra = f" + {len(words) - 3} more..." if len(words) > 3 else ""
    return ",".join(words[:3]) + extra or "<none>"


def slice_ports(obj: JsonObject, _: datetime) -> str:
    """The ports of an EndpointSlice."""
    return ",".join(str(port.get("port", "*")) for port in obj.get("ports") or []) or "<unset>"


def slice_addresses(obj: JsonObject, _: datetime) -> str:
    """The first three addresses of an EndpointSlice.

    Ready or not: this is why a Service without one ready pod looks well in ``kubectl get endpointslices``.
    """
    found = [address for each in obj.get("endpoints") or [] for address in each.get("addresses") or []]
    extra = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + extra or "<unset>"


def hpa_target(obj: JsonObject, _: datetime) -> str:
    """What an autoscaler scales."""
    target = dig(obj, "spec", "scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def job_status(obj: JsonObject, _: datetime) -> str:
    """Running, Complete, Failed or Suspended."""
    held = {c.get("type") for c in dig(obj, "status", "conditions") or [] if c.get("status") == "True"}
    return next((name for name in ("Complete", "Failed", "Suspended") if name in held), "Running")
