"""The RBAC manifests of ``deploy/rbac``, written from the catalogue by ``make manifests``.

Two ServiceAccounts that share no right to change anything: the reader looks, the actor does what its verbs
need. A test compares the files with what is rendered here, and another what an API server makes of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from midwatch.rights import (
    APPROVALS,
    IDENTITY,
    IDENTITY_NAMES,
    actor_rules,
    in_no_namespace,
    merged,
    optional_verbs,
    reader_rules,
)
from tools.kubernetes.actions.verb import Rule
from tools.kubernetes.objects import JsonObject

HOME = "midwatch"
"""The namespace of the accounts."""

_RBAC = "rbac.authorization.k8s.io"
_GENERATED = (
    "# Generated from tools/kubernetes/actions/ by `make manifests`; change the catalogue, not this file.\n"
)
_OPTIONAL = "# Optional: without it the actor cannot {}, and nothing else is missing.\n"
_SEALED = (
    "# For sealed mode only (docs/second-wall.md): otherwise the gatekeeper has no account in the cluster.\n"
)
_NAMESPACED = "# Apply it once for each namespace: kubectl -n NAMESPACE apply -f this-file\n"


def account(name: str) -> JsonObject:
    """A ServiceAccount."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": HOME}}


def granted(name: str, who: str, rules: Iterable[JsonObject], *, everywhere: bool = True) -> list[JsonObject]:
    """A role and its binding to one account, for the cluster or the namespace it is applied to."""
    prefix = "Cluster" if everywhere else ""
    full = f"midwatch-{name}"
    subject = {"kind": "ServiceAccount", "name": who, "namespace": HOME}
    return [
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{prefix}Role",
            "metadata": {"name": full},
            "rules": list(rules),
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{prefix}RoleBinding",
            "metadata": {"name": full},
            "roleRef": {"apiGroup": _RBAC, "kind": f"{prefix}Role", "name": full},
            "subjects": [subject],
        },
    ]


def _rules(rules: Iterable[Rule]) -> list[JsonObject]:
    return [
        {"apiGroups": [rule.group], "resources": [rule.resource], "verbs": list(rule.verbs)} for rule in rules
    ]


def _identity() -> JsonObject:
    (rule,) = _rules([IDENTITY])
    return {**rule, "resourceNames": list(IDENTITY_NAMES)}


def _inside(rules: Iterable[Rule]) -> list[JsonObject]:
    return _rules(rule for rule in rules if not in_no_namespace(rule))


def _optional_rules() -> tuple[Rule, ...]:
    return merged(rule for verb in optional_verbs() for rule in verb.rules)


def reader() -> list[JsonObject]:
    """The account that looks, for the whole cluster."""
    return [account("reader"), *granted("reader", "reader", _rules(reader_rules()))]


def actor() -> list[JsonObject]:
    """The account that changes, for the whole cluster."""
    return [account("actor"), *granted("actor", "actor", [_identity(), *_rules(actor_rules())])]


def actor_optional() -> list[JsonObject]:
    """What the actor needs for the verbs that an installation may leave out."""
    return granted("actor-optional", "actor", _rules(_optional_rules()))


def gatekeeper() -> list[JsonObject]:
    """For sealed mode: the account that writes what was signed into the one ConfigMap it may touch."""
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [APPROVALS]}
    documents = granted("gatekeeper", "gatekeeper", [{**rule, "verbs": ["get", "patch"]}], everywhere=False)
    for each in documents:
        each["metadata"]["namespace"] = HOME
    return [account("gatekeeper"), *documents]


def namespaced_cluster() -> list[JsonObject]:
    """For an installation bound to namespaces: both accounts, and the little that no Role can give.

    The actor gets no right to nodes and webhooks here, so those verbs are refused.
    """
    outside = [rule for rule in reader_rules() if in_no_namespace(rule)]
    return [
        account("reader"),
        account("actor"),
        *granted("reader-cluster", "reader", _rules(outside)),
        *granted("actor-cluster", "actor", [_identity()]),
    ]


def namespaced() -> list[JsonObject]:
    """For one namespace: what both accounts may do in it."""
    return [
        *granted("reader", "reader", _inside(reader_rules()), everywhere=False),
        *granted("actor", "actor", _inside(actor_rules()), everywhere=False),
    ]


def namespaced_optional() -> list[JsonObject]:
    """For one namespace: the verbs that an installation may leave out."""
    return granted("actor-optional", "actor", _inside(_optional_rules()), everywhere=False)


def text(documents: list[JsonObject], *notes: str) -> str:
    """Documents as a generated file."""
    bodies = [yaml.safe_dump(document, sort_keys=False, width=100) for document in documents]
    return _GENERATED + "".join(notes) + "---\n".join(bodies)


def _optional_note() -> str:
    return _OPTIONAL.format(", ".join(verb.name for verb in optional_verbs()))


FILES: dict[str, Callable[[], str]] = {
    "reader.yaml": lambda: text(reader()),
    "actor.yaml": lambda: text(actor()),
    "actor-optional.yaml": lambda: text(actor_optional(), _optional_note()),
    "gatekeeper.yaml": lambda: text(gatekeeper(), _SEALED),
    "namespaced/cluster.yaml": lambda: text(namespaced_cluster()),
    "namespaced/namespace.yaml": lambda: text(namespaced(), _NAMESPACED),
    "namespaced/namespace-optional.yaml": lambda: text(namespaced_optional(), _optional_note(), _NAMESPACED),
}
"""Every generated file of ``deploy/rbac`` and what renders it."""


def main(folder: Path) -> None:
    """Write every manifest into ``folder``."""
    for name, render in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
