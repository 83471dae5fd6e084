"""Kubernetes objects as the API server sends them, as small as a test needs them. Namespace ``shop``."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
CREATED = "2026-11-24T01:55:00Z"
GOOD, BAD = "registry.example/shop/web:1.0", "registry.example/shop/web:9.9"
NOT_FOUND = (
    f'Failed to pull image "{BAD}": rpc error: code = NotFound desc = failed to pull and unpack image '
    f'"{BAD}": failed to resolve reference "{BAD}": {BAD}: not found'
)


def meta(kind: str, name: str, **more: Any) -> Json:
    """Metadata with a uid that says what it belongs to."""
    namespace = more.pop("namespace", "shop")
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{kind}-{namespace}-{name}",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": CREATED,
        **more,
    }


def owned_by(kind: str, name: str, namespace: str = "shop") -> list[Json]:
    """An owner reference to an object made by these builders."""
    return [{"kind": kind, "name": name, "uid": f"uid-{kind}-{namespace}-{name}", "controller": True}]


def container(**more: Any) -> Json:
    """Container ``web`` of a template."""
    return {"name": "web", "image": GOOD, **more}


def template(app: str = "web", **more: Any) -> Json:
    """A pod template with label ``app``; keywords go to its container."""
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container(**more)]}}


def deployment(name: str = "web", *, replicas: int | None = 2, available: int = 2, **more: Any) -> Json:
    """A Deployment; ``template``, ``conditions`` and metadata by keyword."""
    spec = {
        "selector": {"matchLabels": {"app": name}},
        "template": more.pop("template", template(name)),
        **({} if replicas is None else {"replicas": replicas}),
    }
    status = {
        "availableReplicas": available,
        "updatedReplicas": more.pop("updated", available),
        "conditions": more.pop("conditions", []),
    }
    return {
        "kind": "Deployment",
        "metadata": meta("Deployment", name, **more),
        "spec": spec,
        "status": status,
    }


def replicaset(revision: int, *, owner: str = "web", ready: int = 0, **more: Any) -> Json:
    """The ReplicaSet of one revision, named ``owner-revision``."""
    name = f"{owner}-r{revision}"
    marks = {"deployment.kubernetes.io/revision": str(revision), **more.pop("annotations", {})}
    namespace = more.get("namespace", "shop")
    return {
        "kind": "ReplicaSet",
        "metadata": meta("ReplicaSet", name, annotations=marks,
                         ownerReferences=owned_by("Deployment", owner, namespace), **more.pop("meta", {})),
        "spec": {"replicas": ready, "template": more.pop("template", template(owner))},
        "status": {"readyReplicas": ready},
    }  # fmt: skip


def pod(name: str = "web-r2-abcde", **more: Any) -> Json:
    """A pod of container ``web``: healthy unless ``state``, ``last``, ``restarts`` say otherwise."""
    ready = more.pop("ready", True)
    owner = more.pop("owner", name.rpartition("-")[0])
    status: Json = {
        "name": "web",
        "image": more.get("image", GOOD),
        "ready": ready,
        "restartCount": more.pop("restarts", 0),
        "state": more.pop("state", {"running": {"startedAt": CREATED}}),
        "lastState": more.pop("last", {}),
    }
    spec = {"containers": [container(image=more.pop("image", GOOD), **more.pop("container", {}))]}
    found = {
        "kind": "Pod",
        "metadata": meta("Pod", name, labels=more.pop("labels", {"app": "web"}),
                         ownerReferences=owned_by("ReplicaSet", owner)),
        "spec": {**spec, **more.pop("spec", {})},
        "status": {"phase": more.pop("phase", "Running"), "containerStatuses": [status],
                   "conditions": [{"type": "Ready", "status": "True" if ready else "False",
                                   "lastTransitionTime": CREATED}]},
    }  # fmt: skip
    found["metadata"] |= more
    return found


def waiting(reason: str, message: str = "") -> Json:
    """A container state: waiting for this reason."""
    return {"waiting": {"reason": reason, "message": message}}


def ended(reason: str, code: int, at: str = "2026-11-24T02:09:00Z", message: str = "") -> Json:
    """A container state: ended so, a minute before the scene is looked at."""
    return {"terminated": {"reason": reason, "exitCode": code, "finishedAt": at, "message": message}}


def pulling(name: str, image: str = BAD, message: str = NOT_FOUND, **more: Any) -> Json:
    """A pod whose image does not arrive."""
    state = waiting("ErrImagePull", message)
    return pod(name, image=image, state=state, ready=False, phase="Pending", **more)


def crashing(name: str, code: int = 1, reason: str = "Error", **more: Any) -> Json:
    """A pod in a crash loop."""
    kept = {"restarts": 5, "ready": False, "last": ended(reason, code), **more}
    return pod(name, state=waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"), **kept)


def service(name: str = "web", selector: Json | None = None, **spec: Any) -> Json:
    """A Service; its selector is ``app=name`` unless one is given ({} for none)."""
    chosen = {"app": name} if selector is None else selector
    return {"kind": "Service", "metadata": meta("Service", name), "spec": {"selector": chosen, **spec}}


def event(about: Json, reason: str, message: str, **more: Any) -> Json:
    """A core/v1 Event about an object."""
    named = {"kind": about["kind"], "namespace": "shop", "name": about["metadata"]["name"]}
    times = {"firstTimestamp": "2026-11-24T01:58:00Z", "lastTimestamp": "2026-11-24T02:08:00Z", **more}
    label = f"{about['metadata']['name']}.{len(reason) * 1000 + len(message)}"
    return {"kind": "Event", "metadata": meta("Event", label), "involvedObject": named, "reason": reason,
            "message": message, "type": "Warning", **times}  # fmt: skip


def rolled_out(**more: Any) -> list[Json]:
    """Deployment ``web``, revision 1 still serving with one pod, revision 2 with a bad image and one pod."""
    new = more.pop("new", template(image=BAD))
    pods = more.pop("pods", [pulling("web-r2-aaaaa")])
    return [
        deployment(template=new, available=1, **more),
        replicaset(1, ready=1),
        replicaset(2, template=new),
        pod("web-r1-zzzzz"),
        *pods,
    ]
