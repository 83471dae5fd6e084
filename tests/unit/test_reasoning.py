"""Many signs, one cause; noise that shouts does not win; and nothing is a cause that explains no alert."""

from __future__ import annotations

from datetime import timedelta

from agents.incident import Alert
from agents.investigator.reasoning import Answer, Reasoned
from tests.support.kube_objects import (
    BAD,
    Json,
    crashing,
    deployment,
    event,
    pod,
    pulling,
    replicaset,
    rolled_out,
    service,
    template,
)
from tests.support.scenes import alert, scene
from tests.support.world_cluster import START

SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
LIMIT = {"resources": {"limits": {"memory": "128Mi"}}}


def think(objects: list[Json], *alerts: Alert) -> Reasoned:
    return scene(objects, *alerts).reasoned


def top(objects: list[Json], *alerts: Alert) -> tuple[str, str]:
    cause = think(objects, *alerts).cause
    return (cause.code, str(cause.object)) if cause else ("", "")


def test_one_bad_image_with_three_pods_a_stuck_rollout_an_empty_service_and_five_alerts_is_one_cause() -> (
    None
):
    stuck = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    new = template(image=BAD)
    pods = [pulling(f"web-r2-aaaa{i}") for i in range(3)]
    objects = [
        deployment(replicas=3, available=0, template=new, conditions=stuck),
        replicaset(1),
        replicaset(2, template=new),
        *pods,
        service(),
    ]
    alerts = (
        SHORT,
        *(alert("KubePodNotReady", namespace="shop", pod=f"web-r2-aaaa{i}") for i in range(3)),
        alert("HttpErrorRateHigh", namespace="shop", service="web"),
    )
    found = think(objects, *alerts)
    assert len(found.hypotheses) == 1
    assert found.cause is not None
    assert found.cause.code == "deployment.rollout.bad_image"
    assert str(found.cause.object) == "Deployment shop/web"
    assert found.cause.unexplained == ()
    assert found.confidence == "high"
    assert {key.partition("@")[0] for key in found.cause.explains if "@" in key} == {
        "pod.image.not_found",
        "deployment.replicas_short",
        "deployment.progress_deadline",
        "service.endpoints.none_ready",
    }
    assert sum(key.startswith("alert ") for key in found.cause.explains) == 5


def test_the_last_image_that_serves_is_the_one_to_go_back_to() -> None:
    found = think(rolled_out(), SHORT)
    assert found.cause is not None
    assert found.cause.facts["good_image"] == "registry.example/shop/web:1.0"
    assert found.cause.facts["good_image_serving"] is True
    assert found.cause.facts["changed"] == ["/spec/containers/web/image"]


def test_a_bad_image_without_a_past_is_no_rollout() -> None:
    new = template(image=BAD)
    objects = [deployment(template=new, available=0), replicaset(1, template=new), pulling("web-r1-aaaaa")]
    assert top(objects, SHORT) == ("workload.image.not_found", "Deployment shop/web")


def test_memory_is_the_cause_and_the_crash_loop_its_symptom() -> None:
    killed = crashing("web-r1-aaaaa", 137, "OOMKilled", container=LIMIT)
    objects = [
        deployment(available=1, template=template(**LIMIT)),
        replicaset(1, template=template(**LIMIT)),
        killed,
    ]
    found = think(objects, alert("KubePodCrashLooping", namespace="shop", pod="web-r1-aaaaa"))
    assert found.cause is not None
    assert found.cause.code == "workload.memory.limit_reached"
    assert any(key.startswith("pod.container.crash_loop") for key in found.cause.explains)


def test_a_limit_that_the_last_rollout_lowered_is_named() -> None:
    before = template(resources={"limits": {"memory": "512Mi"}})
    killed = crashing("web-r2-aaaaa", 137, "OOMKilled", container=LIMIT)
    objects = [
        deployment(available=1, template=template(**LIMIT)),
        replicaset(1, template=before),
        replicaset(2, template=template(**LIMIT)),
        killed,
    ]
    found = think(objects, alert("KubeContainerOOMKilled", namespace="shop", pod="web-r2-aaaaa"))
    assert found.cause is not None
    assert found.cause.code == "deployment.rollout.memory_lowered"
    assert found.cause.facts["lowered_from"] == "512Mi"


def test_a_crash_that_came_with_a_rollout_is_told_from_one_that_did_not() -> None:
    changed = template(image="registry.example/shop/web:2.0")
    after = [
        deployment(available=1, template=changed),
        replicaset(1, ready=1),
        replicaset(2, template=changed),
        pod("web-r1-zzzzz"),
        crashing("web-r2-aaaaa"),
    ]
    assert top(after, SHORT)[0] == "deployment.rollout.crashes"
    everywhere = [*after[:3], crashing("web-r1-zzzzz"), crashing("web-r2-aaaaa")]
    assert top(everywhere, SHORT)[0] == "workload.container.crashes"
    never_changed = [deployment(available=1), replicaset(1), crashing("web-r1-aaaaa")]
    assert top(never_changed, SHORT)[0] == "workload.container.crashes"


def test_a_selector_that_matches_nothing_explains_the_services_alert() -> None:
    objects = [deployment(), replicaset(1), pod("web-r1-aaaaa"), service(selector={"app": "web-v2"})]
    asked = alert("HttpErrorRateHigh", namespace="shop", service="web")
    assert top(objects, asked) == ("service.selector.mismatch", "Service shop/web")


def test_a_wrong_selector_does_not_explain_a_pod_that_is_not_ready() -> None:
    objects = [
        deployment(),
        replicaset(1),
        pod("web-r1-aaaaa", ready=False),
        service(selector={"app": "web-v2"}),
    ]
    found = think(objects, alert("KubePodNotReady", namespace="shop", pod="web-r1-aaaaa"))
    assert found.answer is Answer.NOT_ESTABLISHED


def test_a_deployment_at_zero_explains_its_empty_service() -> None:
    objects = [deployment(replicas=0, available=0), replicaset(1), service()]
    found = think(objects, alert("ProbeFailed", namespace="shop", service="web"))
    assert found.cause is not None
    assert found.cause.code == "deployment.scaled_to_zero"
    assert any(key.startswith("service.endpoints.none_ready") for key in found.cause.explains)


def test_a_registry_that_is_down_is_one_cause_for_all_its_workloads() -> None:
    gone = f'failed to resolve reference "{BAD}": dial tcp: lookup registry.example: no such host'
    objects = [
        deployment(available=0),
        replicaset(1),
        pulling("web-r1-aaaaa", message=gone),
        deployment("cart", available=0),
        replicaset(1, owner="cart"),
        pulling("cart-r1-aaaaa", message=gone),
    ]
    found = think(objects, alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="cart"))
    assert [one.code for one in found.hypotheses] == ["registry.unreachable"]
    assert str(found.hypotheses[0].object) == "Deployment shop/cart"
    assert found.hypotheses[0].facts["workloads"] == ["Deployment shop/cart", "Deployment shop/web"]


def test_loud_noise_elsewhere_is_never_the_cause() -> None:
    noise = [
        deployment("cart", replicas=9, available=0),
        replicaset(1, owner="cart"),
        *(crashing(f"cart-r1-aaaa{i}", labels={"app": "cart"}) for i in range(9)),
    ]
    assert top([*rolled_out(), *noise], SHORT)[0] == "deployment.rollout.bad_image"
    quiet = [deployment(), replicaset(1), pod("web-r1-aaaaa")]
    assert think([*quiet, *noise], SHORT).cause is None


def test_trouble_from_long_before_the_alert_is_marked_as_old_and_does_not_win() -> None:
    old = crashing("web-r1-zzzzz")
    began = event(
        old, "BackOff", "Back-off restarting failed container", firstTimestamp="2026-11-20T00:00:00Z"
    )
    new = template(image=BAD)
    objects = [
        deployment(template=new, available=0),
        replicaset(1),
        replicaset(2, template=new),
        old,
        began,
        pulling("web-r2-aaaaa"),
    ]
    found = think(objects, SHORT)
    assert found.hypotheses[0].code == "deployment.rollout.bad_image"
    assert [one.facts["old"] for one in found.hypotheses] == [False, True]


def test_an_old_cause_that_stands_alone_is_given_with_little_confidence() -> None:
    sick = crashing("web-r1-aaaaa")
    began = event(sick, "BackOff", "Back-off", firstTimestamp="2026-11-20T00:00:00Z")
    found = think([deployment(available=1), replicaset(1), sick, began], SHORT)
    assert (found.answer, found.confidence) == (Answer.CAUSE, "low")


def test_the_reason_label_decides_between_two_containers_troubles() -> None:
    objects = [
        deployment(available=0),
        replicaset(1),
        pulling("web-r1-aaaaa"),
        crashing("web-r1-bbbbb"),
    ]
    labels = {"namespace": "shop", "deployment": "web"}
    pull = alert("KubeContainerWaiting", reason="ImagePullBackOff", **labels)
    loop = alert("KubePodCrashLooping", reason="CrashLoopBackOff", **labels)
    assert top(objects, pull)[0] == "workload.image.not_found"
    assert top(objects, loop)[0] == "workload.container.crashes"


def test_an_alert_of_another_kind_is_not_explained_by_what_happens_to_be_sick() -> None:
    asked = alert("CPUThrottlingHigh", namespace="shop", pod="web-r2-aaaaa")
    assert think(rolled_out(), asked).answer is Answer.NOT_ESTABLISHED


def test_a_watchdog_asks_for_nothing() -> None:
    found = think(rolled_out(), alert("Watchdog", severity="none"))
    assert (found.answer, found.cause) == (Answer.NOTHING_TO_DO, None)


def test_a_watchdog_in_a_group_does_not_hide_the_others() -> None:
    assert top(rolled_out(), alert("Watchdog", severity="none"), SHORT)[0] == "deployment.rollout.bad_image"


def test_a_target_that_is_healthy_again_needs_nothing() -> None:
    found = think([deployment(), replicaset(1), pod("web-r1-aaaaa")], SHORT)
    assert found.answer is Answer.NOTHING_TO_DO
    assert "Deployment shop/web is healthy now" in found.because


def test_healthy_objects_do_not_disprove_an_error_rate() -> None:
    objects = [deployment(), replicaset(1), pod("web-r1-aaaaa"), service()]
    found = think(objects, alert("HttpErrorRateHigh", namespace="shop", service="web"))
    assert found.answer is Answer.NOT_ESTABLISHED


def test_a_pod_that_is_sick_in_a_way_nobody_recognises_is_not_called_healthy() -> None:
    objects = [deployment(), replicaset(1), pod("web-r1-aaaaa", ready=False, phase="Pending")]
    found = think(objects, alert("KubePodNotReady", namespace="shop", pod="web-r1-aaaaa"))
    assert found.answer is Answer.NOT_ESTABLISHED


def test_an_alert_about_something_that_does_not_exist_is_not_established() -> None:
    found = think(rolled_out(), alert("X", namespace="shop", deployment="ghost"))
    assert found.answer is Answer.NOT_ESTABLISHED
    assert "ghost" in found.because


def test_an_alert_that_names_only_a_namespace_gets_a_cautious_answer() -> None:
    found = think(rolled_out(), alert("NamespaceUnhappy", namespace="shop"))
    assert found.confidence == "low"


def test_a_crash_without_its_log_says_what_is_missing() -> None:
    found = think([deployment(available=1), replicaset(1), crashing("web-r1-aaaaa")], SHORT)
    assert found.confidence == "medium"
    assert "log of container web" in found.gaps[0]


def test_an_alert_that_stays_unexplained_lowers_the_confidence() -> None:
    unrelated = alert("KubeJobFailed", namespace="shop", job_name="nightly")
    found = think(rolled_out(), SHORT, unrelated)
    assert found.cause is not None
    assert found.confidence == "medium"
    assert any("KubeJobFailed" in key for key in found.cause.unexplained)


def test_the_alerts_age_counts_from_the_first_that_fires() -> None:
    late = alert(
        "KubeDeploymentReplicasMismatch", at=START + timedelta(hours=5), namespace="shop", deployment="web"
    )
    found = think(rolled_out(), late)
    assert found.cause is not None
    assert found.cause.facts["old"] is True
