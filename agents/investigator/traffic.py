"""How much traffic the Services of a namespace have, if the metrics tell: one question a namespace."""

from __future__ import annotations

from datetime import datetime

from agents.ledger.investigations import Look
from tools.kubernetes.objects import is_namespace
from tools.prometheus import Prometheus, PrometheusError
from tools.redaction import redact

METRIC = "http_requests_total"
"""The usual counter of requests; with the labels ``namespace`` and ``service`` it says whose they are."""
_WINDOW = "5m"


def expression(namespace: str) -> str:
    """Requests per second of each Service of the namespace. Raises ValueError for what is no namespace."""
    # From an alert's label: nothing but a name may become part of a query (threat T29).
    if not is_namespace(namespace):
        raise ValueError(f"no namespace has the name {namespace!r}")
    return f'sum by (namespace, service) (rate({METRIC}{{namespace="{namespace}"}}[{_WINDOW}]))'


def looked(prometheus: Prometheus, asked_for: tuple[str, datetime], key: str) -> Look:
    """The answer for a namespace at a time, as a look to be stored; a failure is one as well."""
    namespace, at = asked_for
    asked = expression(namespace)
    try:
        found = prometheus.instant(asked, at)
        lines = [f"{one.labels.get('service', '')} {one.value:g}" for one in found.samples]
        text, ok = "\n".join(sorted(lines)) or "no request is counted here", True
    except PrometheusError as problem:
        text, ok = str(problem), False
    return Look(
        key=f"{key}:traffic:{namespace}",
        tool="prometheus.query",
        query=asked,
        excerpt=redact(text),
        ok=ok,
    )


def rates(namespace: str, excerpt: str) -> dict[tuple[str, str], float]:
    """Requests per second by namespace and Service, from the stored answer."""
    pairs = (line.rpartition(" ") for line in excerpt.splitlines())
    # The line that says that nothing is counted has words where a number would be.
    return {(namespace, service): float(value) for service, _, value in pairs if service and _is_rate(value)}


def _is_rate(value: str) -> bool:
    try:
        return 0 <= float(value) < float("inf")
    except ValueError:
        return False
