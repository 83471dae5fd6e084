"""The ConfigMap of sealed mode: under a target's uid, what may be written to it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import NotFound

NAMESPACE, NAME = "midwatch", "midwatch-approvals"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}"


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """It, by an account that may get and patch it."""

    cluster: Connection

    def write(self, entries: Mapping[str, str]) -> None:
        """Write an entry for each uid, over an older one. Raises the KubernetesError tree."""
        if entries:
            self._patch(dict(entries))

    def take_away(self, entries: Mapping[str, str]) -> None:
        """Remove these entries, but none that was written for another plan since."""
        try:
            there = self.cluster.get(PATH).get("data") or {}
        except NotFound:
            return
        ours: dict[str, str | None] = {uid: None for uid, text in entries.items() if there.get(uid) == text}
        if ours:
            self._patch(ours)

    def look(self) -> None:
        """A rehearsal that writes nothing. Raises the KubernetesError tree when it could not be written."""
        self._patch({}, ("dryRun", "All"))

    def _patch(self, data: Mapping[str, str | None], *query: tuple[str, str]) -> None:
        # A merge patch: null takes a key away, and what is not named stays.
        body = orjson.dumps({"data": data})
        kind = "application/merge-patch+json"
        self.cluster.send(Request(method="PATCH", path=PATH, query=query, body=body, content_type=kind))

    def close(self) -> None:
        """Give the sockets back."""
        self.cluster.close()
