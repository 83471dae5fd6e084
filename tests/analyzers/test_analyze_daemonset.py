"""DaemonSets that are not on every node; one whose pods have only just started is silent."""

from __future__ import annotations

from agents.incident import Finding, Severity
from agents.investigator.analyzers.daemonset import daemonsets
from tests.support.kube_objects import CREATED, Json, meta, owned_by, pod, template
from tests.support.scenes import scene


def daemonset(desired: int = 3, ready: int = 3, **status: int) -> Json:
    known = {"desiredNumberScheduled": desired, "numberReady": ready, "currentNumberScheduled": desired}
    return {
        "kind": "DaemonSet",
        "metadata": meta("DaemonSet", "agent"),
        "spec": {"template": template("agent")},
        "status": {**known, **status},
    }


def daemon(node: str, *, ready: bool = True, made: str = CREATED) -> Json:
    owners = owned_by("DaemonSet", "agent")
    return pod(
        f"agent-{node}", ready=ready, spec={"nodeName": node}, ownerReferences=owners, creationTimestamp=made
    )


def found(*objects: Json) -> list[Finding]:
    return list(daemonsets(scene(list(objects)).snapshot))


def test_a_daemonset_short_of_pods_names_the_nodes_that_lack_one() -> None:
    (finding,) = found(daemonset(ready=2), daemon("n1"), daemon("n2"), daemon("n3", ready=False))
    assert (finding.code, finding.severity) == ("daemonset.not_ready", Severity.WARNING)
    assert finding.fields == {"ready": 2, "desired": 3, "scheduled": 3, "pods": ["agent-n3"], "nodes": ["n3"]}


def test_one_that_is_ready_nowhere_is_critical() -> None:
    assert found(daemonset(ready=0))[0].severity is Severity.CRITICAL


def test_pods_where_they_do_not_belong_and_no_node_at_all_are_only_information() -> None:
    nowhere = daemonset(desired=0, ready=0)
    nowhere["spec"]["template"]["spec"]["nodeSelector"] = {"gpu": "yes"}
    (astray,), (absent,) = found(daemonset(numberMisscheduled=2)), found(nowhere)
    assert (astray.code, astray.fields) == ("daemonset.misscheduled", {"misscheduled": 2})
    assert (absent.code, absent.fields) == ("daemonset.no_node", {"node_selector": {"gpu": "yes"}})
    assert astray.severity is absent.severity is Severity.INFO


def test_a_healthy_daemonset_and_one_that_is_rolling_out_are_silent() -> None:
    fresh = daemon("n3", ready=False, made="2026-11-24T02:09:30Z")
    assert found(daemonset()) == []
    assert found(daemonset(ready=2), daemon("n1"), daemon("n2"), fresh) == []
    assert found(daemonset(desired=0, ready=0)) == []
