"""From RBAC manifests to the rules of one ServiceAccount, as the real authorizer reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from evals.world.kubernetes.objects import YAML_LOADER, JsonObject, name_of, namespace_of
from evals.world.kubernetes.rbac import Rule


def documents_in(files: Iterable[Path], namespace: str = "") -> list[JsonObject]:
    """The objects of some YAML files; ``namespace`` is given to those that name none, as ``kubectl -n`` does.

    Raises OSError when a file is not there.
    """
    read = (yaml.load_all(path.read_text(encoding="utf-8"), YAML_LOADER) for path in files)
    found = [each for documents in read for each in documents if each]
    for document in found:
        if namespace and document["kind"] in ("Role", "RoleBinding"):
            document["metadata"].setdefault("namespace", namespace)
    return found


def rules_of(documents: Iterable[JsonObject], account: tuple[str, str]) -> tuple[Rule, ...]:
    """What the bindings among ``documents`` give to the ServiceAccount ``(namespace, name)``."""
    known = list(documents)
    return tuple(rule for binding in known if _binds(binding, account) for rule in _granted(binding, known))


def _binds(binding: JsonObject, account: tuple[str, str]) -> bool:
    if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
        return False
    return any(
        each["kind"] == "ServiceAccount" and (each["namespace"], each["name"]) == account
        for each in binding.get("subjects") or []
    )


def _granted(binding: JsonObject, documents: list[JsonObject]) -> Iterator[Rule]:
    reference, place = binding["roleRef"], namespace_of(binding)
    everywhere = binding["kind"] == "ClusterRoleBinding"
    for role in documents:
        named = (role["kind"], name_of(role)) == (reference["kind"], reference["name"])
        # A Role counts in its own namespace only; a ClusterRole wherever it is bound.
        if not named or (role["kind"] == "Role" and namespace_of(role) != place):
            continue
        for rule in role["rules"]:
            yield Rule(
                api_groups=tuple(rule["apiGroups"]),
                resources=tuple(rule["resources"]),
                verbs=tuple(rule["verbs"]),
                resource_names=tuple(rule.get("resourceNames") or ()),
                namespaces=None if everywhere else (place,),
            )
