"""Point an env, a source of envs or a volume at a ConfigMap or Secret, or a key of it, that exists."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import CONTAINER, CONTAINERS, TEMPLATE, WORKLOADS, name_in, names_of
from tools.kubernetes.actions.references import Reference, known_keys, references
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject, is_name

_ENV = rf"(?P<env>{CONTAINER}/env/(?:0|[1-9]\d*))/valueFrom/(?:configMap|secret)KeyRef/(?:name|key)"
_FROM = rf"{CONTAINER}/envFrom/(?:0|[1-9]\d*)/(?:configMap|secret)Ref/name"
_VOLUME = rf"(?P<volume>{TEMPLATE}/spec/volumes/(?:0|[1-9]\d*))/(?:configMap/name|secret/secretName)"
_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}")


class SetEnvReference(Verb):
    """Parameters: ``container`` with ``env`` (its name) or ``env_from`` (the name of the present source),
    or ``volume`` (its name); ``to``, the ConfigMap or Secret it shall name; ``key`` for an env.
    """

    name = "set_env_reference"
    kinds = WORKLOADS
    tier = 1
    fields = (
        f"{CONTAINERS}/env/[]/valueFrom/{{configMap,secret}}KeyRef/{{name,key}}",
        f"{CONTAINERS}/envFrom/[]/{{configMap,secret}}Ref/name",
        f"{TEMPLATE}/spec/volumes/[]/{{configMap/name,secret/secretName}}",
    )
    sets = re.compile(rf"{_ENV}|{_FROM}|{_VOLUME}")
    risks = "Pods are replaced and start with what the other object holds, which may be wrong in its own way."
    when_not = "The object or key was not seen to exist, or the value itself is what is wrong."
    verify = ("rollout_complete", "config_found")
    undo = "The name and key that stood there before, so containers wait again if those are still missing."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses an object that was not seen, and a key that it was not seen to have."""
        found = references(target, params)
        if len(found) != 1:
            return Refused(reason=f"{len(found)} references are meant by that, not one")
        (reference,) = found
        key = params.get("key") or reference.key
        if bool(key) != bool(reference.key_at):
            return Refused(reason="an env takes one key, everything else the whole object")
        against = _missing(reference, str(params["to"]), key, (context, target))
        if against is not None:
            return against
        wanted = {reference.name_at: (params["to"], reference.name), reference.key_at: (key, reference.key)}
        changes = {pointer: new for pointer, (new, old) in wanted.items() if pointer and new != old}
        if not changes:
            return Refused(reason=f"it already names {params['to']}")
        return step_for(self, target, changes)

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The names of container, env and volume, and the half of the reference that stays."""
        del target
        places = [self.sets.fullmatch(pointer) for pointer in changes]
        owners = [match.group("env") or match.group("volume") for match in places if match]
        beside = [f"{owner}/name" for owner in owners if owner]
        halves = [half for pointer in changes for half in _halves(pointer)]
        return tuple(dict.fromkeys([*names_of(changes), *beside, *halves]))

    def bounds(self, step: Step) -> Refused | None:
        """One reference: the name an object can have and, for an env, a key."""
        if len({pointer.rpartition("/")[0] for pointer in step.set}) != 1:
            return Refused(reason="set_env_reference changes one reference")
        for pointer, value in step.set.items():
            a_key = pointer.endswith("/key")
            if not isinstance(value, str) or not (_KEY.fullmatch(value) if a_key else is_name(value)):
                return Refused(reason=f"{value!r} is no {'key' if a_key else 'name'} that can be referred to")
        return None

    def sentence(self, step: Step) -> str:
        """Names the place, and what it takes before and after."""
        pointer = next(iter(step.set))
        match = self.sets.fullmatch(pointer)
        owner = (match and (match.group("env") or match.group("volume"))) or ""
        what = "volume" if "/volumes/" in pointer else "env"
        place = f"{what} {step.expect.get(f'{owner}/name')}" if owner else "the envs"
        inside = "" if what == "volume" else f" of {name_in(step.expect, pointer)}"
        kind = "Secret" if "/secret" in pointer else "ConfigMap"
        before, after = (_words(kind, pointer, values) for values in (step.expect, step.expect | step.set))
        return f"Take {place}{inside} in {step.target} from {after} instead of {before}"


def _missing(reference: Reference, to: str, key: str, where: tuple[Context, JsonObject]) -> Refused | None:
    context, target = where
    namespace = target["metadata"].get("namespace", "")
    keys = known_keys(context.seen, reference, (namespace, to))
    if keys is None:
        return Refused(reason=f"no {reference.kind} {namespace}/{to} was seen")
    lacking = [each for each in ([key] if key else reference.needed) if each not in keys]
    if lacking:
        return Refused(reason=f"{reference.kind} {namespace}/{to} was not seen to have {', '.join(lacking)}")
    return None


def _halves(pointer: Pointer) -> tuple[Pointer, ...]:
    parent, _, last = pointer.rpartition("/")
    if not parent.endswith("KeyRef"):
        return ()
    return (f"{parent}/{'key' if last == 'name' else 'name'}",)


def _words(kind: str, pointer: Pointer, values: JsonObject) -> str:
    parent = pointer.rpartition("/")[0]
    if parent.endswith("KeyRef"):
        return f"key {values.get(f'{parent}/key')} of {kind} {values.get(f'{parent}/name')}"
    return f"{kind} {values.get(pointer)}"
