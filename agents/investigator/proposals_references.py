"""Changes for what a pod template names and nobody made: the name it had, or the one that is meant.

A name that is nearly the same is offered only when it is the only one that is near: two that are as near
would be a guess.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from agents.investigator.analyzers.fields import dig, items, name_of, template_containers
from agents.investigator.proposals_desk import Desk, Wish, roll_back
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.objects import JsonObject

_LIKENESS = 0.85
"""From here on one name is taken for a misspelling of another; and only where it is the only such one."""

_KEY = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
_WHOLE = {"ConfigMap": "configMapRef", "Secret": "secretRef"}
_VOLUME = {"ConfigMap": ("configMap", "name"), "Secret": ("secret", "secretName")}


@dataclass(frozen=True, kw_only=True)
class _Place:
    """One place in a template that takes something: how the verb calls it, and what it takes."""

    params: JsonObject
    name: str
    key: str = ""


def reference(desk: Desk) -> Iterator[Wish]:
    """The object and key that stood there in the revision before, or the only one of nearly that name."""
    facts = desk.facts
    kind, name, key = (str(facts.get(f"missing_{part}") or "") for part in ("kind", "name", "key"))
    template = dig(desk.target, "spec", "template") or {}
    asked = [one for one in _places(template, kind) if one.name == name and key in ("", one.key)]
    if len(asked) == 1:
        chosen = _before(desk, kind, asked[0]) or _alike(desk, kind, asked[0])
        if chosen:
            to, of_it, why = chosen
            params = {**asked[0].params, "to": to, **({"key": of_it} if of_it else {})}
            yield Wish(verb="set_env_reference", params=params, why=why, context=Context(seen=desk.seen))
    earlier = desk.earlier
    if (
        earlier is not None
        and desk.lately
        and not any(one.name == name and key in ("", one.key) for one in _places(earlier.template, kind))
    ):
        yield from roll_back(desk, earlier, "the last rollout brought the name of what is missing")


def _places(template: JsonObject, kind: str) -> Iterator[_Place]:
    for called, container in template_containers(template).items():
        for env in items(container, "env"):
            if said := dig(env, "valueFrom", _KEY.get(kind, "")):
                params = {"container": called, "env": env.get("name")}
                yield _Place(params=params, name=said.get("name") or "", key=said.get("key") or "")
        for source in items(container, "envFrom"):
            if said := source.get(_WHOLE.get(kind, "")):
                named = said.get("name") or ""
                yield _Place(params={"container": called, "env_from": named}, name=named)
    field, inner = _VOLUME.get(kind, ("", ""))
    for volume in items(template, "spec", "volumes"):
        if said := volume.get(field):
            yield _Place(params={"volume": volume.get("name")}, name=said.get(inner) or "")


def _before(desk: Desk, kind: str, asked: _Place) -> tuple[str, str, str] | None:
    """What the same place took in the revision before."""
    earlier = desk.earlier
    if earlier is None:
        return None
    same = [one for one in _places(earlier.template, kind) if _is_same(one, asked)]
    now = {one.name for one in _places(dig(desk.target, "spec", "template") or {}, kind)}
    # Sources of envs have no name of their own: the one that went away is the one that was replaced.
    found = same if "env_from" not in asked.params else [one for one in same if one.name not in now]
    if len(found) != 1 or not _exists(desk, kind, found[0].name):
        return None
    return found[0].name, found[0].key, f"so it was in revision {earlier.number}, and that one exists"


def _is_same(one: _Place, asked: _Place) -> bool:
    if "env_from" in asked.params:
        return "env_from" in one.params and one.params["container"] == asked.params["container"]
    return one.params == asked.params


def _alike(desk: Desk, kind: str, asked: _Place) -> tuple[str, str, str] | None:
    """The only object, or key of the object that is there, with nearly the name that is asked for."""
    home = desk.cause.object.namespace
    if not _exists(desk, kind, asked.name):
        names = [name_of(obj) for obj in desk.case.snapshot.within(home, kind)]
        near = difflib.get_close_matches(asked.name, names, n=2, cutoff=_LIKENESS)
        return (
            (near[0], asked.key, f"{near[0]} is the only {kind} of nearly that name")
            if len(near) == 1
            else None
        )
    obj = desk.case.snapshot.find(kind, home, asked.name) or {}
    near = difflib.get_close_matches(asked.key, obj.get("keys") or (), n=2, cutoff=_LIKENESS)
    return (asked.name, near[0], f"{near[0]} is its only key of nearly that name") if len(near) == 1 else None


def _exists(desk: Desk, kind: str, name: str) -> bool:
    return desk.case.snapshot.find(kind, desk.cause.object.namespace, name) is not None
