"""Who may do what: users by token, rule lists, and the sentences a refusal is made of."""

from __future__ import annotations

from dataclasses import dataclass

from evals.world.kubernetes.errors import Forbidden, details
from evals.world.kubernetes.objects import JsonObject


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """What a request asks for. ``resource`` may name a resource outside the table; ``name`` is empty
    for lists.
    """

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full_resource(self) -> str:
        """The resource with its subresource, as rules and messages write it: ``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One permission, like a PolicyRule; ``*`` stands for everything.

    ``namespaces`` None: bound by a ClusterRoleBinding, so cluster scope and every namespace.
    """

    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    resource_names: tuple[str, ...] = ()
    namespaces: tuple[str, ...] | None = None

    def allows(self, wanted: Attributes) -> bool:
        """Whether this rule grants the request."""
        if self.namespaces is not None and wanted.namespace not in self.namespaces:
            return False
        # A rule for named objects never covers a list: a list has no name.
        if self.resource_names and wanted.name not in self.resource_names:
            return False
        return (
            _has(self.verbs, wanted.verb)
            and _has(self.api_groups, wanted.group)
            and (
                _has(self.resources, wanted.full_resource)
                or (bool(wanted.subresource) and f"*/{wanted.subresource}" in self.resources)
            )
        )

    def applies_in(self, namespace: str) -> bool:
        """Whether this rule grants anything in a namespace."""
        return self.namespaces is None or namespace in self.namespaces

    def as_policy_rule(self) -> JsonObject:
        """The rule as SelfSubjectRulesReview answers it."""
        body: JsonObject = {
            "verbs": list(self.verbs),
            "apiGroups": list(self.api_groups),
            "resources": list(self.resources),
        }
        if self.resource_names:
            body["resourceNames"] = list(self.resource_names)
        return body


@dataclass(frozen=True, kw_only=True)
class User:
    """A person or ServiceAccount: the bearer token is the only credential."""

    name: str
    token: str
    groups: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    def may(self, wanted: Attributes) -> bool:
        """Whether any rule grants the request."""
        # Every authenticated user may ask what it may do (ClusterRole system:basic-user).
        if wanted.group == "authorization.k8s.io" and wanted.verb == "create":
            return wanted.resource in ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
        return any(rule.allows(wanted) for rule in self.rules)

    def require(self, wanted: Attributes) -> None:
        """Raise Forbidden, worded as the real server words it, unless a rule grants the request."""
        if not self.may(wanted):
            raise _forbidden(self, wanted)


def _has(offered: tuple[str, ...], wanted: str) -> bool:
    return "*" in offered or wanted in offered


def _forbidden(user: User, wanted: Attributes) -> Forbidden:
    qualified = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    subject = f'{qualified} "{wanted.name}"' if wanted.name else qualified
    scope = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    return Forbidden(
        f'{subject} is forbidden: User "{user.name}" cannot {wanted.verb} resource "{wanted.full_resource}" '
        f'in API group "{wanted.group}" {scope}',
        details(wanted.name, wanted.group, wanted.resource),
    )
