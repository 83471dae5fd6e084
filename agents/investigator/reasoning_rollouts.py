"""What a workload rolled out: its revisions and how their templates differ.

A roll-back gives the old revision the highest number again, so the newest one is always the current
template. Env values are dropped by the reader: of a changed one only the tag is another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.investigator.analyzers.fields import template_containers
from agents.investigator.targets_radius import Relations
from tools.kubernetes.history import KEPT_BY, Revision, history, is_of
from tools.kubernetes.objects import JsonObject, ObjectRef

# The ReplicaSet's own stamp and the trace of a restart: they differ between revisions and change nothing.
_NOT_A_CHANGE = frozenset(
    (
        "/metadata/labels/pod-template-hash",
        "/metadata/annotations/kubectl.kubernetes.io/restartedAt",
        "/metadata/annotations/midwatch.dev/restarted-by",
        "/metadata/creationTimestamp",
    )
)


def revisions(workload: ObjectRef, relations: Relations) -> tuple[Revision, ...]:
    """Every revision of a workload that is still kept, newest first; empty for what keeps none."""
    owner = relations.find(workload)
    if owner is None or workload.kind not in KEPT_BY:
        return ()
    pods = (relations.find(ref) for ref in relations.offspring(workload) if ref.kind == "Pod")
    # A ReplicaSet says itself how many of its pods are ready.
    own = () if workload.kind == "Deployment" else tuple(pod for pod in pods if pod is not None)
    return history(owner, relations.kept(workload), own)


def container_of(revision: Revision, name: str) -> JsonObject:
    """The container of that name in a revision, empty when it had none."""
    return template_containers(revision.template).get(name, {})


def changes(before: JsonObject, after: JsonObject) -> tuple[str, ...]:
    """Paths at which two pod templates differ; containers are compared by name, not by position."""
    return tuple(path for path, _, _ in changed_values(before, after))


def changed_values(before: JsonObject, after: JsonObject) -> tuple[tuple[str, object, object], ...]:
    """Each path at which two pod templates differ, with what stood and what stands there (None: nothing)."""
    left, right = dict(_leaves(before, "")), dict(_leaves(after, ""))
    paths = sorted(left.keys() | right.keys())
    pairs = ((path, left.get(path), right.get(path)) for path in paths if path not in _NOT_A_CHANGE)
    return tuple((path, old, new) for path, old, new in pairs if old != new)


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    elif (
        isinstance(value, list) and value and all(isinstance(one, Mapping) and "name" in one for one in value)
    ):
        for one in value:
            yield from _leaves(
                {key: inner for key, inner in one.items() if key != "name"}, f"{path}/{one['name']}"
            )
    # An absent field and an empty one mean the same to the API server.
    elif value not in (None, [], ""):
        yield path, value


def from_newest(pods: tuple[JsonObject, ...], found: tuple[Revision, ...], owner: str) -> bool:
    """Whether all these pods of ``owner`` were made from the newest revision: then it is a suspect."""
    return bool(found and pods) and all(is_of(pod, found[0], owner) for pod in pods)
