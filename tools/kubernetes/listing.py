"""One list, page by page, cleaned as it comes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.kubernetes.cleaning import cleaned
from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import Forbidden, Interrupted, KubernetesError, NotFound, Unreachable
from tools.kubernetes.inventory import METADATA_ONLY
from tools.kubernetes.objects import JsonObject

PAGE = 500
MOST_PER_KIND = 10_000
AS_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(kw_only=True)
class Found:
    """What came: the objects, the token of what was left, and why it ended early."""

    objects: list[JsonObject] = field(default_factory=list)
    token: str = ""
    problem: KubernetesError | None = None

    @property
    def silent(self) -> bool:
        """Whether the server gave no answer."""
        return isinstance(self.problem, Unreachable | Interrupted)

    @property
    def refused(self) -> bool:
        """Whether this account may not ask."""
        return isinstance(self.problem, Forbidden)

    @property
    def absent(self) -> bool:
        """Whether the server has no such list."""
        return isinstance(self.problem, NotFound)


def listed(cluster: Connection, kind: str, path: str) -> Found:
    """All objects of a list, up to ``MOST_PER_KIND``. A failure is told, not raised."""
    found = Found()
    try:
        while True:
            page = cluster.send(_page(kind, path, found.token))
            # A list leaves out what its items are: put it back, everything later relies on it.
            items = (item for item in page.get("items") or [] if isinstance(item, dict))
            found.objects += [cleaned({**item, "kind": kind}) for item in items]
            found.token = (page.get("metadata") or {}).get("continue") or ""
            if not found.token or len(found.objects) >= MOST_PER_KIND:
                return found
    except KubernetesError as problem:
        # What came before a page that expired is true, and the token left over says: cut short.
        found.problem = problem
        return found


def _page(kind: str, path: str, token: str) -> Request:
    # A continue token pins its own version; the cache answers only the first page.
    position = ("continue", token) if token else ("resourceVersion", "0")
    accept = AS_METADATA if kind in METADATA_ONLY else "application/json"
    return Request(method="GET", path=path, query=(("limit", str(PAGE)), position), accept=accept)
