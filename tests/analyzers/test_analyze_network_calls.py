"""Policies between a workload and what it is told to call; and those that let it through, or may."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.network_calls import denied_calls
from tests.support.judged import judged, said, thing
from tests.support.kube_objects import Json, deployment, pod, service, template

WEB = deployment(template=template(env=[{"name": "DB_URL", "value": "postgres://db:5432/orders"}]))
DB = service("db", ports=[{"port": 5432, "targetPort": "sql"}])
DB_POD = pod("db-0", labels={"app": "db"}, container={"ports": [{"name": "sql", "containerPort": 5432}]})
HERE = (WEB, DB, DB_POD)
SQL = [{"port": 5432}]


def peer(**labels: str) -> Json:
    return {"podSelector": {"matchLabels": labels}}


def to_db(*peers: Json, ports: object = SQL) -> Json:
    rule = {"ports": ports, **({"from": list(peers)} if peers else {})}
    return thing("NetworkPolicy", "db", {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [rule]})


def from_web(*rules: Json) -> Json:
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"], "egress": list(rules)}
    return thing("NetworkPolicy", "web", spec)


SICK = {
    "networkpolicy.caller_denied": (*HERE, to_db(peer(app="cart"))),
    "networkpolicy.way_out_denied": (*HERE, from_web({"to": [peer(app="cache")]})),
}
OTHER = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
HEALTHY = {
    "let in by its label": (*HERE, to_db(peer(app="web"))),
    "let in by one of two": (*HERE, to_db(peer(app="cart")), to_db(peer(app="web"))),
    "let in with everybody": (*HERE, to_db()),
    "let in by an address, perhaps": (*HERE, to_db({"ipBlock": {"cidr": "10.0.0.0/8"}})),
    "let in by a namespace whose labels nobody read": (*HERE, to_db(OTHER)),
    "a port closed to all": (*HERE, to_db(peer(app="cart"), ports=[{"port": 9187}])),
    "let out": (*HERE, from_web({"to": [peer(app="db")], "ports": SQL})),
    "let out to everything": (*HERE, from_web({})),
    "a policy on somebody else": (
        *HERE, thing("NetworkPolicy", "x", {"podSelector": {"matchLabels": {"app": "x"}}})),
    "nobody behind the Service": (WEB, DB, to_db(peer(app="cart"))),
}  # fmt: skip


@pytest.mark.parametrize("code", SICK)
def test_a_call_that_a_policy_denies_is_found_and_nothing_else(code: str) -> None:
    (finding,) = judged(denied_calls, *SICK[code])
    assert (finding.code, finding.severity) == (code, "critical")
    assert (finding.fields["caller"], finding.fields["service"]) == ("Deployment shop/web", "db")


@pytest.mark.parametrize("case", HEALTHY)
def test_a_call_that_goes_through_or_may_is_silent(case: str) -> None:
    assert judged(denied_calls, *HEALTHY[case]) == []


def test_a_namespace_without_the_label_is_not_let_in() -> None:
    bare = thing("Namespace", "shop", namespace="")
    assert said(denied_calls, *HERE, to_db(OTHER), bare) == [
        ("networkpolicy.caller_denied", "NetworkPolicy shop/db")
    ]
    labelled = thing("Namespace", "shop", namespace="", metadata={"labels": {"team": "shop"}})
    assert judged(denied_calls, *HERE, to_db(OTHER), labelled) == []


def test_a_way_out_by_another_port_is_none() -> None:
    (finding,) = judged(denied_calls, *HERE, from_web({"to": [peer(app="db")], "ports": [{"port": 6379}]}))
    assert finding.code == "networkpolicy.way_out_denied"
