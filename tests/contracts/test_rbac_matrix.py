"""The generated manifests as an API server enforces them: every right that is given, and not one more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.world.clock import RealClock
from evals.world.kubernetes.kinds import KINDS, Kind
from evals.world.kubernetes.rbac import Attributes, User
from evals.world.kubernetes.roles import documents_in
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from evals.world.kubernetes.users import MANIFESTS, standard_users
from midwatch.check import NEVER, _rights
from midwatch.manifests import FILES, main
from midwatch.rights import reader_rules
from tests.support.kubernetes_world import MERGE_PATCH, ContractCluster
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.verb import Rule

Right = tuple[str, str, str]
ANY = "some-object"
METHODS = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}
SUBRESOURCES = {"log": ("get",), "eviction": ("create",), "exec": ("create", "get")}
WHOLE = ("reader.yaml", "actor.yaml", "actor-optional.yaml")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    folder = tmp_path_factory.mktemp("rights")
    with KubernetesServer(Store(RealClock()), ServerOptions(state_dir=folder)) as server:
        found = ContractCluster(server.kubeconfig("admin"), server, folder)
        yield found
        found.close()


def questions() -> Iterator[tuple[Kind, str, str]]:
    """Every verb on every resource and subresource that the server knows."""
    for kind in KINDS.values():
        for verb in kind.verbs:
            yield kind, "", verb
        extra = {
            name: SUBRESOURCES[name] for name in (*kind.subresources, *(["exec"] * (kind.kind == "Pod")))
        }
        for shared, there in (("status", kind.status), ("scale", kind.scale)):
            if there:
                extra[shared] = ("get", "update", "patch")
        for subresource, verbs in extra.items():
            for verb in verbs:
                yield kind, subresource, verb


def right_of(kind: Kind, subresource: str, verb: str) -> Right:
    return kind.group, f"{kind.resource}/{subresource}" if subresource else kind.resource, verb


def line_of(kind: Kind, subresource: str, verb: str) -> tuple[str, str]:
    """Method and path of a request that asks for this right."""
    root = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
    place = "/namespaces/default" if kind.namespaced else ""
    name = "" if verb in ("list", "watch", "create", "deletecollection") and not subresource else f"/{ANY}"
    path = f"{root}{place}/{kind.resource}{name}" + (f"/{subresource}" if subresource else "")
    return METHODS.get(verb, "GET"), path


def enforced(cluster: ContractCluster, user: str) -> set[Right]:
    """The rights that the server grants, found out by asking for each in earnest: is the answer a 403?"""
    granted = set()
    for kind, subresource, verb in questions():
        if kind.group == "authorization.k8s.io":
            # Everybody may ask what it may do.
            continue
        method, path = line_of(kind, subresource, verb)
        params = {"watch": "1", "timeoutSeconds": "1"} if verb == "watch" else None
        body = {} if method in ("POST", "PUT", "PATCH") else None
        answer = cluster.call(method, path, body, type=MERGE_PATCH, user=user, params=params)
        if answer.status != 403:
            granted.add(right_of(kind, subresource, verb))
    return granted


def stated(rules: tuple[Rule, ...] | list[Rule]) -> set[Right]:
    return {(rule.group, rule.resource, verb) for rule in rules for verb in rule.verbs}


def of_the_catalogue(*, optional: bool = False) -> set[Right]:
    verbs = [verb for verb in CATALOGUE.values() if optional or not verb.optional]
    return stated([rule for verb in verbs for rule in verb.rules])


def test_the_actor_may_do_what_the_verbs_need_and_nothing_else(cluster: ContractCluster) -> None:
    assert enforced(cluster, "actor") == of_the_catalogue()


def test_the_reader_may_look_where_it_looks_and_change_nothing(cluster: ContractCluster) -> None:
    granted = enforced(cluster, "reader")
    assert granted == stated(reader_rules())
    assert {verb for _, _, verb in granted} == {"get", "list"}
    assert not [right for right in granted if "secrets" in right[1]]


def test_the_actor_may_read_the_one_namespace_that_tells_the_cluster(cluster: ContractCluster) -> None:
    statuses = {
        name: cluster.call("GET", f"/api/v1/namespaces/{name}", user="actor").status
        for name in ("kube-system", "default")
    }
    assert statuses == {"kube-system": 200, "default": 403}


def granted_to(user: User, namespace: str) -> set[Right]:
    """The same question without sockets, for other sets of manifests."""
    found = set()
    for kind, subresource, verb in questions():
        place = namespace if kind.namespaced else ""
        name = "" if verb in ("list", "watch", "create", "deletecollection") else ANY
        asked = Attributes(
            verb=verb,
            resource=kind.resource,
            group=kind.group,
            subresource=subresource,
            namespace=place,
            name=name,
        )
        if kind.group != "authorization.k8s.io" and user.may(asked):
            found.add(right_of(kind, subresource, verb))
    return found


def test_what_is_optional_is_in_a_role_of_its_own() -> None:
    _, _, actor, _ = standard_users(files=WHOLE)
    extra = of_the_catalogue(optional=True) - of_the_catalogue()
    assert granted_to(actor, "shop") == of_the_catalogue(optional=True)
    restored = {("", "services", "create"), ("", "configmaps", "create"), ("", "configmaps", "get")}
    webhooks = {("admissionregistration.k8s.io", name, verb) for name in HOOKS for verb in ("get", "patch")}
    assert extra == restored | webhooks


def test_bound_to_a_namespace_both_accounts_end_there() -> None:
    files = ("namespaced/cluster.yaml", "namespaced/namespace.yaml")
    _, reader, actor, _ = standard_users(files=files, namespace="shop")
    inside = {right for right in of_the_catalogue() if right[1] not in ("nodes", *HOOKS)}
    assert granted_to(actor, "shop") == inside
    assert granted_to(actor, "bank") == set()
    cluster_wide = {right for right in stated(reader_rules()) if not namespaced(right)}
    assert granted_to(reader, "shop") == stated(reader_rules())
    assert granted_to(reader, "bank") == cluster_wide


HOOKS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")


def namespaced(right: Right) -> bool:
    # Leases are those of the control plane, in a namespace of their own.
    return KINDS[right[1].partition("/")[0]].namespaced and right[1] != "leases"


@pytest.mark.parametrize("files", [WHOLE, tuple(name for name in FILES if name.startswith("namespaced/"))])
def test_no_manifest_gives_a_right_that_nobody_may_hold(files: tuple[str, ...]) -> None:
    rules = [
        rule
        for document in documents_in((MANIFESTS / name for name in files), "shop")
        for rule in document.get("rules") or []
    ]
    for rule in rules:
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        assert not {"delete", "deletecollection", "update", "escalate", "bind", "impersonate"} & {
            *rule["verbs"]
        }
        assert not {"secrets", "pods/exec", "serviceaccounts/token", "roles"} & {*rule["resources"]}
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"]
    created = {each for rule in rules if "create" in rule["verbs"] for each in rule["resources"]}
    assert created == {"pods/eviction", "services", "configmaps"}


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_is_what_the_catalogue_says(name: str) -> None:
    assert (MANIFESTS / name).read_text(encoding="utf-8") == FILES[name](), "run `make manifests`"


def test_the_chore_writes_every_manifest_and_no_other_is_there(tmp_path: Path) -> None:
    main(tmp_path)
    for folder in (tmp_path, MANIFESTS):
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert there == set(FILES)


def test_midwatch_check_asks_for_the_same_rights(cluster: ContractCluster, tmp_path: Path) -> None:
    server = cluster.world
    assert server is not None
    for name, writes in (("reader", False), ("actor", True)):
        (told,) = _rights(name, server.kubeconfig(name), writes)
        assert told.ok, told.says
    (told,) = _rights("actor", server.kubeconfig("actor"), True)
    assert "without the optional webhook, restore" in told.says
    (told,) = _rights("reader", server.kubeconfig("actor"), False)
    assert "should not hold" in told.says
    (told,) = _rights("actor", server.kubeconfig("reader"), True)
    assert "lacks" in told.says
    (told,) = _rights("actor", server.kubeconfig("admin"), True)
    assert all("/".join(right) in told.says for right in NEVER)
