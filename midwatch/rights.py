"""What the reader and the actor may do in a cluster: made from what is read and from the catalogue.

The manifests in ``deploy/rbac`` are written from this, and ``midwatch check`` asks for the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.verb import RESOURCES, Rule, Verb
from tools.kubernetes.actions.wire import CLUSTER_SCOPED
from tools.kubernetes.reading import CLUSTER, NAMESPACED

IDENTITY = Rule(group="", resource="namespaces", verbs=("get",))
"""The uid of one namespace, kube-system, tells clusters apart; the actor needs no other namespace."""
IDENTITY_NAMES = ("kube-system",)

APPROVALS = "midwatch-approvals"
"""The ConfigMap of sealed mode: what was signed and may be written now."""

_LOOK = ("get", "list")
# Their values would be in the answer, whatever is kept of it.
_NEVER_READ = ("Secret",)
WALLS = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
# Read beside the lists: logs of one pod, what the draft of a volume's expansion must know, and whether the
# second wall stands.
_BESIDE = (
    Rule(group="", resource="pods/log", verbs=("get",)),
    Rule(group="storage.k8s.io", resource="storageclasses", verbs=_LOOK),
    *(Rule(group="admissionregistration.k8s.io", resource=each, verbs=("get",)) for each in WALLS),
)


def reader_rules() -> tuple[Rule, ...]:
    """Everything the investigator looks at; nothing here changes anything."""
    listed = [_of_path(path) for kind, path in (*NAMESPACED, *CLUSTER) if kind not in _NEVER_READ]
    targets = [rule for verb in CATALOGUE.values() for rule in verb.rules if "/" not in rule.resource]
    looks = (Rule(group=rule.group, resource=rule.resource, verbs=_LOOK) for rule in (*listed, *targets))
    return merged((*looks, *_BESIDE))


def actor_rules() -> tuple[Rule, ...]:
    """Everything the verbs need that every installation has, and nothing else."""
    return merged(rule for verb in CATALOGUE.values() if not verb.optional for rule in verb.rules)


def optional_verbs() -> tuple[Verb, ...]:
    """The verbs whose rights stand in a role of their own."""
    return tuple(verb for verb in CATALOGUE.values() if verb.optional)


def in_no_namespace(rule: Rule) -> bool:
    """Whether the resource is cluster-scoped, so that no Role can give a right to it."""
    known = {RESOURCES[kind][1] for kind in CLUSTER_SCOPED}
    return rule.resource in known | {"namespaces", "storageclasses", *WALLS}


def merged(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """One rule a resource, with all its verbs, in a fixed order."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in rules:
        found.setdefault((rule.group, rule.resource), set()).update(rule.verbs)
    return tuple(
        Rule(group=group, resource=resource, verbs=tuple(sorted(verbs)))
        for (group, resource), verbs in sorted(found.items())
    )


def _of_path(path: str) -> Rule:
    parts = path.strip("/").split("/")
    return Rule(group=parts[1] if parts[0] == "apis" else "", resource=parts[-1], verbs=_LOOK)
