"""A card says of Secrets only what matters to it: which, and where."""

from __future__ import annotations

from agents.investigator.explain import diagnosis
from tests.support.kube_objects import Json, container, crashing, deployment, meta, pod, replicaset
from tests.support.scenes import Scene, alert, scene
from tools.kubernetes.inventory import Inventory, Query

SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
REFUSED = Query(kind="Secret", namespace="shop", path="/s", count=0, ok=False, problem="403", refused=True)
TAKES = {"envFrom": [{"secretRef": {"name": "db-login"}}]}


def told(objects: list[Json], *queries: Query, about: Json | None = None) -> list[str]:
    labels = {"namespace": "shop", **(about or {"deployment": "web"})}
    plain = scene(objects, alert("KubeDeploymentReplicasMismatch", **labels))
    seen = Inventory(by_kind=plain.inventory.by_kind, queries=queries)
    at = Scene(inventory=seen, alerts=plain.alerts, taken_at=plain.taken_at, logs={})
    found = diagnosis(at.case, at.reasoned, at.evidence)
    return [gap for gap in found.not_checked if "Secret" in gap]


def sick(**takes: object) -> Json:
    made = crashing("web-r1-aaaaa")
    made["spec"] = {**made["spec"], "containers": [container(**takes)]}
    return made


def test_a_card_says_nothing_of_secrets_that_nobody_near_the_alert_takes() -> None:
    healthy = pod("bank-r1-bbbbb", owner="bank-r1")
    healthy["spec"] = {**healthy["spec"], "containers": [container(**TAKES)]}
    assert told([deployment(available=1), replicaset(1), sick(), healthy], REFUSED) == []


def test_a_card_names_the_secrets_that_what_is_unwell_takes() -> None:
    found = told([deployment(available=1), replicaset(1), sick(**TAKES)], REFUSED)
    assert found == ["whether shop has the Secrets db-login: the reader may not list them"]


def test_a_card_names_the_certificate_of_an_ingress_that_the_alert_is_about() -> None:
    spec = {"tls": [{"secretName": f"tls-{n}"} for n in range(5)], "rules": []}
    ingress = {"kind": "Ingress", "metadata": meta("Ingress", "front"), "spec": spec}
    found = told([ingress], REFUSED, about={"ingress": "front"})
    assert found == [
        "whether shop has the Secrets tls-0, tls-1, tls-2 and 2 more: the reader may not list them"
    ]


def test_who_may_list_them_is_told_nothing_and_a_failure_is_told_always() -> None:
    objects = [deployment(available=1), replicaset(1), sick(**TAKES)]
    read = Query(kind="Secret", namespace="shop", path="/s", count=1, ok=True)
    assert told(objects, read) == []
    broken = Query(kind="Secret", namespace="shop", path="/s", count=0, ok=False, problem="no answer")
    assert told([deployment(), replicaset(1)], broken) == ["Secret in shop: no answer"]
