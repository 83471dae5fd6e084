"""Rights that reach too far are advice, once an owner; and a binding to nothing is wrong."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.security import security
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, pod

ACCOUNT = thing("ServiceAccount", "default")
SPARING = ACCOUNT | {"automountServiceAccountToken": False}
LAX = {"serviceAccountName": "default"}
ROOT = {"securityContext": {"privileged": True}}
SOCKET = {"volumes": [{"name": "s", "hostPath": {"path": "/var/run/docker.sock"}}]}


def role(*rules: Json, kind: str = "Role") -> Json:
    return thing(kind, "power", rules=list(rules), namespace="shop" if kind == "Role" else "")


def binding(kind: str = "Role", name: str = "bound", **more: object) -> Json:
    return thing("RoleBinding", name, roleRef={"kind": kind, "name": "power"}, **more)


NARROW = {"verbs": ["get"], "resources": ["pods"]}
GIVEN = binding(name="given", subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": "shop"}])
SICK = {
    "security.privileged": (pod(container=ROOT),),
    "security.host_access": (pod(spec={"hostPID": True}),),
    "security.wildcard_role": (binding(), role({"verbs": ["*"], "resources": ["pods"]})),
    "rbac.role_missing": (binding(),),
    "rbac.account_missing": (
        binding(subjects=[{"kind": "ServiceAccount", "name": "gone", "namespace": "shop"}]), role(NARROW)),
}  # fmt: skip
HEALTHY = {
    "an account of its own": (pod(spec={"serviceAccountName": "web"}), ACCOUNT),
    "a token not carried, by the pod": (
        pod(spec=LAX | {"automountServiceAccountToken": False}),
        ACCOUNT,
        GIVEN,
        role(NARROW),
    ),
    "a token not carried, by the account": (pod(spec=LAX), SPARING, GIVEN, role(NARROW)),
    "an account without rights": (pod(spec=LAX), ACCOUNT),
    "an account that nobody read": (pod(spec=LAX),),
    "a driver of the cluster": (pod(namespace="kube-system", container=ROOT, spec={"hostNetwork": True}),),
    "a pod that has ended": (pod(container=ROOT, phase="Succeeded"),),
    "a path of its own": (pod(spec={"volumes": [{"name": "d", "hostPath": {"path": "/data"}}]}),),
    "a narrow role": (binding(), role(NARROW)),
    "a role of the whole cluster": (binding("ClusterRole"), role(NARROW, kind="ClusterRole")),
    "a binding of the system": (binding(name="system:node"),),
    "a person": (binding(subjects=[{"kind": "User", "name": "ann"}]), role(NARROW)),
}


@pytest.mark.parametrize("code", SICK)
def test_what_reaches_too_far_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(security, *SICK[code])] == [code]


@pytest.mark.parametrize("case", HEALTHY)
def test_what_is_narrow_or_meant_is_silent(case: str) -> None:
    assert judged(security, *HEALTHY[case]) == []


def test_the_default_account_is_told_once_an_owner_and_once_for_itself() -> None:
    twins = (pod("web-r2-aaaaa", spec=LAX), pod("web-r2-bbbbb", spec=LAX), ACCOUNT, GIVEN, role(NARROW))
    found = judged(security, *twins)
    assert [(one.code, str(one.object), one.severity) for one in found] == [
        ("security.default_account", "Pod shop/web-r2-aaaaa", "info"),
        ("security.default_account_used", "ServiceAccount shop/default", "info"),
    ]
    assert found[1].fields["pods"] == ["web-r2-aaaaa", "web-r2-bbbbb"]


def test_a_pod_made_by_hand_on_the_default_account_is_told() -> None:
    by_hand = pod("debug", spec=LAX)
    del by_hand["metadata"]["ownerReferences"]
    assert [code for code, _ in said(security, by_hand, ACCOUNT)] == [
        "security.default_account",
        "security.default_account_used",
    ]


def test_the_socket_of_the_container_runtime_is_host_access() -> None:
    (finding,) = judged(security, pod(spec=SOCKET))
    assert finding.fields["paths"] == ["/var/run/docker.sock"]


def test_nothing_is_missing_where_nobody_could_look() -> None:
    assert unsure(security, binding(), unread="Role") == []
    assert unsure(security, *SICK["rbac.account_missing"], unread="ServiceAccount") == []
