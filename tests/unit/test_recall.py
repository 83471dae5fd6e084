"""Memory says where to look and when enough was seen, and never what to believe."""

from __future__ import annotations

from pathlib import Path

from agents.incident import Incident
from agents.investigator.examined import Extras, examined
from agents.investigator.recall import Recall, again
from agents.ledger.memory import Known
from agents.ledger.store import Ledger
from tests.support.kube_objects import BAD, Json, pod, pulling, replicaset, rolled_out, template
from tests.support.scenes import Scene, alert, scene
from tests.unit.test_permission import incident
from tools.kubernetes.objects import ObjectRef

SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")
CAUSE = "deployment.rollout.bad_image"
LISTS = frozenset({"kubernetes.list"})
PODS = [("shop", "other-1", "other"), ("shop", "web-r2-aaaaa", "web"), ("shop", "web-r1-zzzzz", "web")]


def known(code: str = CAUSE, about: ObjectRef = WEB, tools: frozenset[str] = LISTS) -> Known:
    return Known(incident=1, code=code, object=about, confidence="medium", tools=tools)


def about(at: Scene) -> Incident:
    return incident().model_copy(update={"alerts": at.alerts})


def shows(at: Scene, what: Known) -> bool:
    return again(what, about(at), examined(at.snapshot, Extras()), at.evidence)


def test_the_same_cause_of_the_same_object_by_the_same_kinds_of_looks_is_the_same_again() -> None:
    at = scene(rolled_out(), SHORT)
    assert at.reasoned.confidence == "high"
    assert shows(at, known())
    assert not shows(at, known(code="workload.image.not_found"))
    assert not shows(at, known(about=WEB.model_copy(update={"name": "other"})))
    assert not shows(at, known(tools=LISTS | {"kubernetes.log"})), "a log was part of the proof"


def test_what_is_not_sure_this_time_is_not_the_same_again() -> None:
    other = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="ghost")
    at = scene(rolled_out(), SHORT, other)
    assert at.reasoned.cause is not None
    assert at.reasoned.cause.unexplained, "an alert stays open"
    assert not shows(at, known())


def test_a_healthy_object_is_not_believed_to_be_sick_because_it_was() -> None:
    healthy: list[Json] = rolled_out(new=template(image=BAD), pods=[pod("web-r2-aaaaa")])
    at = scene(healthy, SHORT)
    assert at.reasoned.cause is None
    assert not shows(at, known())


def test_the_logs_of_what_it_was_are_read_first(tmp_path: Path) -> None:
    objects = [*rolled_out(pods=[pulling("web-r2-aaaaa")]), replicaset(7, template=template())]
    at = scene(objects, SHORT)
    ledger = Ledger(f"sqlite:///{tmp_path / 'unused.db'}")
    seen = {"ledger": ledger, "incident": about(at), "seen": at.snapshot}
    told = Recall(**seen, known=known())
    assert told.first(PODS) == [PODS[1], PODS[2], PODS[0]]
    assert told.why == "as without them the cause of INC-1 shows again"
    never = Recall(**seen, known=None)
    assert never.first(PODS) == PODS
    assert not never.enough({}), "and without a memory everything is read"
    ledger.close()
