"""Who deploys an object, and the change as a patch to commit there.

A change made in the cluster to what Argo CD or Flux keep as Git says would be taken back by them, so
for such an object there is advice and no plan. Source: threats T35; design, actions.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from agents.investigator.analyzers.fields import dig, items, labels_of
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.wire import changes
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import tokens

# Labels and annotations that these controllers put on what they keep.
_MARKS = (
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
)
_MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}
_FLUX_PAUSED = "kustomize.toolkit.fluxcd.io/reconcile"
_RELEASE = "meta.helm.sh/release-name"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_BY_NAME = frozenset(("containers", "initContainers", "env", "volumes"))
"""Lists that a strategic merge patch joins by name."""


def gitops_owner(obj: JsonObject) -> str:
    """The GitOps controller that would take a change back, empty when none says so."""
    marks = _marks(obj)
    writers = (str(entry.get("manager")) for entry in items(obj, "metadata", "managedFields"))
    owners = [owner for key, owner in _MARKS if key in marks]
    owners += [_MANAGERS[name] for name in writers if name in _MANAGERS]
    # Flux says of an object that it leaves it alone; that says nothing of anybody else.
    paused = str(marks.get(_FLUX_PAUSED)).lower() == "disabled"
    return next((owner for owner in owners if not (paused and owner == "Flux")), "")


def helm_release(obj: JsonObject) -> str:
    """The Helm release an object belongs to, empty when it belongs to none.

    Helm changes nothing by itself, but its next upgrade puts back what the chart says.
    """
    marks = _marks(obj)
    by_helm = marks.get(_MANAGED_BY) == "Helm" or _RELEASE in marks
    return (marks.get(_RELEASE) or marks.get("app.kubernetes.io/instance") or "unnamed") if by_helm else ""


def _marks(obj: JsonObject) -> Mapping[str, str]:
    return {**labels_of(obj), **(dig(obj, "metadata", "annotations") or {})}


class _NotMergeable(Exception):
    """A strategic merge patch would say something else than the step."""


def patch_to_commit(step: Step, target: JsonObject) -> str:
    """The step's change as YAML for the repository the object comes from.

    A strategic merge patch where that says exactly this change; else the operations of a JSON
    patch, with the object they are for above them. Kustomize takes both.
    """
    meta = {"name": step.name} | ({"namespace": step.namespace} if step.namespace else {})
    patch: JsonObject = {"apiVersion": step.api_version, "kind": step.kind, "metadata": meta}
    try:
        for pointer, value in step.set.items():
            patch = _joined(patch, _part(target, tokens(pointer), value))
    except _NotMergeable:
        return f"# JSON patch for {step.target}\n{_dumped(changes(step))}"
    return _dumped(patch)


def _part(live: object, keys: list[str], value: object) -> object:
    if not keys:
        return _leaf(value, live)
    key, *rest = keys
    inner = live.get(key) if isinstance(live, dict) else None
    if not isinstance(inner, list):
        return {key: _part(inner, rest, value)}
    item = next(iter(inner[int(rest[0]) :]), None) if rest and rest[0].isdecimal() else None
    # Other lists have another merge key, or none and are replaced as a whole.
    if key not in _BY_NAME or len(rest) < 2 or not isinstance(item, dict) or "name" not in item:
        raise _NotMergeable
    below = _part(item, rest[1:], value)
    return {key: [{"name": item["name"], **(below if isinstance(below, dict) else {})}]}


def _leaf(value: object, live: object) -> object:
    if isinstance(value, dict) and all(isinstance(one, str | int | float) for one in value.values()):
        before = live if isinstance(live, dict) else {}
        # A merge keeps what it does not name: what goes away has to be named as null.
        return {**{key: None for key in before if key not in value}, **value}
    if isinstance(value, str | int | float):
        return value
    raise _NotMergeable


def _joined(one: object, other: object) -> JsonObject:
    if not isinstance(one, dict) or not isinstance(other, dict):
        raise _NotMergeable
    found = dict(one)
    for key, value in other.items():
        present = found.get(key)
        if isinstance(present, list) and isinstance(value, list):
            found[key] = _by_name(present, value[0])
        else:
            found[key] = _joined(present, value) if isinstance(present, dict) else value
    return found


def _by_name(items_: list[JsonObject], more: JsonObject) -> list[JsonObject]:
    same = next((one for one in items_ if one["name"] == more["name"]), None)
    if same is None:
        return [*items_, more]
    return [_joined(one, more) if one is same else one for one in items_]


def _dumped(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
