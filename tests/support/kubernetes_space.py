"""A namespace of a cluster under contract, and short ways to address what is in it."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes_world import JSON_PATCH, ContractCluster, eventually


class Space:
    """A namespace and short ways to address what is in it."""

    def __init__(self, cluster: ContractCluster) -> None:
        self.cluster, self.name = cluster, cluster.namespace()

    def path(self, resource: str, name: str = "") -> str:
        prefix = "/apis/apps/v1" if resource == "deployments" else "/api/v1"
        if resource == "poddisruptionbudgets":
            prefix = "/apis/policy/v1"
        return f"{prefix}/namespaces/{self.name}/{resource}" + (f"/{name}" if name else "")

    def make(self, resource: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        reply = self.cluster.call("POST", self.path(resource), body, **more)
        assert reply.status == 201, reply.body
        return reply.body

    def get(self, resource: str, name: str) -> dict[str, Any]:
        reply = self.cluster.call("GET", self.path(resource, name))
        assert reply.status == 200, reply.body
        return reply.body

    def patch(self, resource: str, name: str, patch: Any, kind: str = JSON_PATCH, **more: Any) -> Any:
        return self.cluster.call("PATCH", self.path(resource, name), patch, type=kind, **more)

    def settled(self, name: str) -> dict[str, Any]:
        """A deployment once its controller has caught up with it."""

        def caught_up() -> dict[str, Any] | None:
            found = self.get("deployments", name)
            seen = found["status"].get("observedGeneration")
            return found if seen == found["metadata"]["generation"] else None

        found: dict[str, Any] = eventually(caught_up)
        return found

    def names(self, resource: str, **params: str) -> list[str]:
        reply = self.cluster.call("GET", self.path(resource), params=params)
        assert reply.status == 200, reply.body
        return [
            each["metadata"]["name"]
            for each in reply.body["items"]
            if each["metadata"]["name"] != "kube-root-ca.crt"
        ]
