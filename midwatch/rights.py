"""What the reader and the actor may do in a cluster: made from what is read and from the catalogue.

The manifests in ``deploy/rbac`` are written from this, and ``midwatch check`` asks for the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.verb import RESOURCES, Rule, Verb
from tools.kubernetes.actions.wire import CLUSTER_SCOPED
from tools.kubernetes.inventory import WITHHELD
from tools.kubernetes.kinds import READABLE, Depth

IDENTITY = Rule(group="", resource="namespaces", verbs=("get",))
"""The uid of one namespace, kube-system, tells clusters apart; the actor needs no other namespace."""
IDENTITY_NAMES = ("kube-system",)

APPROVALS = "midwatch-approvals"
"""The ConfigMap of sealed mode: what was signed and may be written now."""

_LOOK = ("get", "list")
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
    listed = (
        # Single objects are asked for only of what a plan may be about.
        Rule(
            group=kind.group,
            resource=kind.resource,
            verbs=_LOOK if kind.depth is Depth.STATE else ("list",),
        )
        for kind in READABLE
        if kind.kind not in WITHHELD
    )
    targets = [rule for verb in CATALOGUE.values() for rule in verb.rules if "/" not in rule.resource]
    looks = (Rule(group=rule.group, resource=rule.resource, verbs=_LOOK) for rule in targets)
    return merged((*listed, *looks, *_BESIDE))


def actor_rules() -> tuple[Rule, ...]:
    """Everything the verbs need that every installation has, and nothing else."""
    return merged(rule for verb in CATALOGUE.values() if not verb.optional for rule in verb.rules)


def optional_verbs() -> tuple[Verb, ...]:
    """The verbs whose rights stand in a role of their own."""
    return tuple(verb for verb in CATALOGUE.values() if verb.optional)


def in_no_namespace(rule: Rule) -> bool:
    """Whether the resource is cluster-scoped, so that no Role can give a right to it."""
    known = {RESOURCES[kind][1] for kind in CLUSTER_SCOPED}
    # What is read from one namespace, whichever is looked at, no Role of the one looked at can give either.
    shared = {kind.resource for kind in READABLE if not kind.namespaced or kind.place}
    return rule.resource in known | shared | {*WALLS}


def merged(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """One rule a resource, with all its verbs, in a fixed order."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in rules:
        found.setdefault((rule.group, rule.resource), set()).update(rule.verbs)
    return tuple(
        Rule(group=group, resource=resource, verbs=tuple(sorted(verbs)))
        for (group, resource), verbs in sorted(found.items())
    )
