"""The admission policies of ``deploy/admission``, written from the catalogue by ``make manifests``.

The second wall: whoever holds the actor's token changes what the catalogue's verbs change, and nothing else.
Needs Kubernetes 1.30, the first with ``admissionregistration.k8s.io/v1`` policies.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from midwatch import admission_sealed
from midwatch.admission_cel import PLACES, grown, unchanged
from midwatch.manifests import HOME, text
from midwatch.rights import APPROVALS
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.verb import Verb
from tools.kubernetes.actions.whole import WholeVerb
from tools.kubernetes.actions.wire import MARK, MARK_POINTER, RESOURCES
from tools.kubernetes.objects import JsonObject

GROUP = "admissionregistration.k8s.io"
ACTOR = f"system:serviceaccount:{HOME}:actor"
WALL = "midwatch-actor"
SEAL = "midwatch-sealed"
EXEMPT = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
"""Kinds whose writes no API server shows to a policy, lest a policy lock everybody out."""

# What a server writes by itself with every update, and our mark; a status has a door of its own.
_SERVERS = ("/metadata/generation", "/metadata/managedFields", "/metadata/resourceVersion", "/status/**")
_ASKED = (
    "request.operation + ' ' + "
    "[request.resource.group, request.resource.version, request.resource.resource].join('/') + "
    "(has(request.subResource) && request.subResource != '' ? '/' + request.subResource : '')"
)
_NEEDS = "# Needs Kubernetes 1.30 or newer.\n"
_SEALED = (
    "# Optional, beside actor.yaml: sealed mode (docs/second-wall.md); goes with rbac/gatekeeper.yaml.\n"
)
# A rehearsal comes before the signature. The one exception is there so that it can be tried whether the
# policy is in force, without changing anything.
PROBE = "midwatch-check"
_EARNEST = (
    "!(has(request.dryRun) && request.dryRun) || (object != null && "
    f"dyn(object)[?'metadata'][?'annotations'][?'{MARK}'].orValue('') == '{PROBE}')"
)
_EVICTION = "CREATE /v1/pods/eviction"
_NEEDS_UID = "variables.now[?'deleteOptions'][?'preconditions'][?'uid'].orValue('') != ''"
# A shorter grace period would take from the pod what its owner gave it.
_NO_OTHER_OPTION = (
    "variables.now[?'deleteOptions'].orValue({}).all(k, "
    "k in ['apiVersion', 'kind', 'dryRun', 'preconditions'])"
)
_MARKED = f"variables.now[?'metadata'][?'annotations'][?'{MARK}'].orValue('') != ''"
_BARE = "!variables.now.metadata.exists(k, k in ['ownerReferences', 'finalizers', 'generateName'])"


def changed_kinds() -> dict[str, tuple[str, ...]]:
    """Every kind of which a verb changes fields, and all the fields that may be changed of it."""
    found: dict[str, list[str]] = {}
    for verb in CATALOGUE.values():
        for kind in verb.kinds if verb.fields else ():
            found.setdefault(kind, []).extend(verb.fields_on(kind))
    return {kind: tuple(dict.fromkeys(fields)) for kind, fields in found.items() if kind not in EXEMPT}


def made_kinds() -> tuple[str, ...]:
    """The kinds that a verb creates in the cluster."""
    return tuple(kind for verb in CATALOGUE.values() if _creates(verb) for kind in verb.kinds)


def _creates(verb: Verb) -> bool:
    makes = any("create" in rule.verbs and "/" not in rule.resource for rule in verb.rules)
    return isinstance(verb, WholeVerb) and makes


def asked(kind: str, operation: str = "UPDATE") -> str:
    """How the variable ``asked`` says that this is done to an object of this kind."""
    version, resource = RESOURCES[kind]
    return f"{operation} {version if '/' in version else f'/{version}'}/{resource}"


def is_actor() -> list[JsonObject]:
    """The conditions for a policy to look at a request at all: what others do is none of its business."""
    # To ask what one may do is a create as well, and changes nothing.
    question = "request.resource.group in ['authentication.k8s.io', 'authorization.k8s.io']"
    return [
        {"name": "the-actor", "expression": f"request.userInfo.username == '{ACTOR}'"},
        {"name": "not-a-question", "expression": f"!({question})"},
    ]


def variables() -> list[JsonObject]:
    """The names that both policies use."""
    return [
        # Without dyn() a server would type the objects and complain of loops over their fields.
        {"name": "now", "expression": "dyn(object)"},
        {"name": "before", "expression": "dyn(oldObject)"},
        {"name": "places", "expression": PLACES},
        {"name": "asked", "expression": _ASKED},
    ]


def refused_unless(expression: str, message: str) -> JsonObject:
    """One validation. It is a 403: to the actor a 422 is a precondition that failed."""
    return {"expression": expression, "message": message, "reason": "Forbidden"}


def _validations() -> Iterator[JsonObject]:
    kinds = changed_kinds()
    known = [*map(asked, kinds), *(asked(kind, "CREATE") for kind in made_kinds()), _EVICTION]
    listed = ", ".join(f"'{each}'" for each in known)
    yield refused_unless(f"variables.asked in [{listed}]", "the catalogue holds no such change")
    yield refused_unless(_MARKED, f"it names no plan in {MARK}")
    for kind, fields in kinds.items():
        same = unchanged(grown((*fields, *_SERVERS, MARK_POINTER)))
        yield refused_unless(
            f"variables.asked != '{asked(kind)}' || {same}",
            f"it changes a field of a {kind} that no verb of the catalogue changes",
        )
    yield refused_unless(
        f"variables.asked != '{_EVICTION}' || ({_NEEDS_UID} && {_NO_OTHER_OPTION})",
        "an eviction names the pod's uid and no other option",
    )
    yield refused_unless(
        f"!variables.asked.startsWith('CREATE ') || {_BARE}",
        "what is created has no owner, no finalizer and a name of its own",
    )


def policy(name: str, spec: JsonObject) -> JsonObject:
    """A policy that refuses what it cannot judge."""
    body = {"failurePolicy": "Fail", **spec}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": body,
    }


def binding(name: str, spec: JsonObject | None = None) -> JsonObject:
    """The binding that puts a policy of the same name in force."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, **(spec or {}), "validationActions": ["Deny"]},
    }


def wall() -> list[JsonObject]:
    """The policy that holds the actor to the catalogue, and its binding."""
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    spec = {
        "matchConstraints": {"resourceRules": [everything]},
        "matchConditions": is_actor(),
        "variables": variables(),
        "validations": list(_validations()),
    }
    return [policy(WALL, spec), binding(WALL)]


def sealed() -> list[JsonObject]:
    """Sealed mode: the ConfigMap that the gatekeeper writes to, and the policy that reads it."""
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    earnest = {"name": "in-earnest", "expression": _EARNEST}
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [everything]},
        "matchConditions": [*is_actor(), earnest],
        "variables": [*variables(), *admission_sealed.variables()],
        "validations": [refused_unless(*each) for each in admission_sealed.signed()],
    }
    # "Deny" would turn away everybody's writes, and not the actor's alone, once the ConfigMap is gone: a
    # server looks for it before it looks at any condition. Nobody but an administrator can take it away.
    found = {"name": APPROVALS, "namespace": HOME, "parameterNotFoundAction": "Allow"}
    approvals = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": APPROVALS, "namespace": HOME},
    }
    return [approvals, policy(SEAL, spec), binding(SEAL, {"paramRef": found})]


FILES: dict[str, Callable[[], str]] = {
    "actor.yaml": lambda: text(wall(), _NEEDS),
    "sealed.yaml": lambda: text(sealed(), _NEEDS, _SEALED),
}
"""Every generated file of ``deploy/admission`` and what renders it."""


def main(folder: Path) -> None:
    """Write every manifest into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, render in FILES.items():
        (folder / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
