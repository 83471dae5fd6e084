"""A small pretend cluster under a clock that is moved by hand: three nodes, one namespace, no sockets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from evals.world.clock import VirtualClock
from evals.world.kubernetes.controllers.manager import ControllerManager
from evals.world.kubernetes.kubelet.images import ImageBehaviour, Library, Registry
from evals.world.kubernetes.kubelet.kubelet import Kubelet
from evals.world.kubernetes.store import Store

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
GOOD = "registry.example/shop/web:1.0"


class Bench:
    """Store, controllers and kubelet with a clock; `later` lets seconds pass."""

    def __init__(self, *images: ImageBehaviour, registries: dict[str, Registry] | None = None) -> None:
        self.clock = VirtualClock(START)
        self.store = Store(self.clock, seed=11)
        good = ImageBehaviour(image="registry.example/shop/web:1.*", port=8080)
        library = Library(behaviours=(*images, good), registries=registries or {})
        self.kubelet = Kubelet(self.store, library)
        self.manager = ControllerManager(self.store, self.kubelet.tick)
        for number in (1, 2, 3):
            self.store.create("nodes", node(f"worker-{number}"))
        self.store.create("namespaces", {"metadata": {"name": "shop"}})

    def later(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass in steps, the controllers at work."""
        passed = 0.0
        while passed < seconds:
            self.clock.advance(step)
            passed += step
            self.manager.settle()

    def deployment(self, **spec: Any) -> dict[str, Any]:
        """Create Deployment `web` and return it."""
        return self.store.create("deployments", deployment(**spec))

    def change(self, resource: str, name: str, edit: Any) -> dict[str, Any]:
        """Apply `edit(object)` to an object of namespace `shop`."""
        obj = self.store.get(resource, "shop", name)
        edit(obj)
        return self.store.update(resource, obj)

    def set_image(self, image: str) -> None:
        """Roll `web` out to another image."""
        self.change("deployments", "web", lambda obj: _container(obj).update(image=image))

    def get(self, resource: str, name: str = "web") -> dict[str, Any]:
        """An object of namespace `shop`."""
        return self.store.get(resource, "shop", name)

    def pods(self) -> list[dict[str, Any]]:
        """The pods of namespace `shop`."""
        return self.store.list("pods", "shop")

    def pod(self) -> dict[str, Any]:
        """The only pod."""
        (only,) = self.pods()
        return only

    def state(self) -> dict[str, Any]:
        """The container status of the only pod."""
        return self.pod()["status"]["containerStatuses"][0]

    def events(self, reason: str) -> list[dict[str, Any]]:
        """Events with this reason."""
        return [each for each in self.store.list("events") if each["reason"] == reason]


def node(name: str, **spec: Any) -> dict[str, Any]:
    """A node with 4 cores and 8 GiB."""
    capacity = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": spec,
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def deployment(**spec: Any) -> dict[str, Any]:
    """Deployment `web`; keywords replace fields of its spec, `container` those of its container."""
    container = {
        "name": "web",
        "image": GOOD,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
        **spec.pop("container", {}),
    }
    pod_spec = {"containers": [container], **spec.pop("pod", {})}
    return {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec},
            **spec,
        },
    }


def condition(obj: dict[str, Any], kind: str) -> dict[str, Any]:
    """One condition of an object's status."""
    return next(each for each in obj["status"]["conditions"] if each["type"] == kind)


def _container(obj: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = obj["spec"]["template"]["spec"]["containers"][0]
    return found
