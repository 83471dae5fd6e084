"""Controllers under a clock moved by hand: what is asked for comes about, and nothing else."""

from __future__ import annotations

from typing import Any

from evals.world.kubernetes.kubelet.images import ImageBehaviour
from tests.support.world_cluster import GOOD, Bench, condition, node

MISSING = "registry.example/shop/web:9.9"
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}


def service(**selector: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def test_a_deployment_becomes_ready_pods() -> None:
    bench = Bench()
    bench.deployment(replicas=3)
    bench.later(5)
    status = bench.get("deployments")["status"]
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (3, 3, 3)
    assert condition(bench.get("deployments"), "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert {pod["spec"]["nodeName"] for pod in bench.pods()} == {"worker-1", "worker-2", "worker-3"}


def test_a_bad_image_leaves_old_pods_serving_short_handed() -> None:
    bench = Bench()
    bench.deployment(replicas=3, strategy=ROLLING)
    bench.store.create("services", service(app="web"))
    bench.later(5)
    bench.set_image(MISSING)
    bench.later(20)
    status = bench.get("deployments")["status"]
    assert (status["availableReplicas"], status["unavailableReplicas"], status["updatedReplicas"]) == (
        2,
        2,
        2,
    )
    subset = bench.get("endpoints")["subsets"][0]
    assert len(subset["addresses"]) == 2
    assert len(subset["notReadyAddresses"]) == 2


def test_a_rollout_that_does_not_move_exceeds_its_deadline() -> None:
    bench = Bench()
    bench.deployment(progressDeadlineSeconds=60)
    bench.later(5)
    bench.set_image(MISSING)
    bench.later(50)
    assert condition(bench.get("deployments"), "Progressing")["status"] == "True"
    bench.later(15)
    progressing = condition(bench.get("deployments"), "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_putting_the_old_template_back_reuses_its_replica_set_under_a_new_revision() -> None:
    bench = Bench()
    bench.deployment(replicas=3, strategy=ROLLING)
    bench.later(5)
    first = bench.store.list("replicasets")[0]["metadata"]["name"]
    bench.set_image(MISSING)
    bench.later(10)
    bench.set_image(GOOD)
    bench.later(10)
    annotations = bench.get("replicasets", first)["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"
    assert bench.get("deployments")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert bench.get("deployments")["status"]["availableReplicas"] == 3
    assert len(bench.pods()) == 3


def test_another_missing_image_does_not_mend_a_rollout() -> None:
    bench = Bench()
    bench.deployment(replicas=3, strategy=ROLLING)
    bench.later(5)
    bench.set_image(MISSING)
    bench.later(10)
    bench.set_image("registry.example/shop/web:9.8")
    bench.later(60)
    assert bench.get("deployments")["status"]["availableReplicas"] == 2


def test_a_template_that_carries_the_hash_label_is_still_the_same_template() -> None:
    bench = Bench()
    bench.deployment()
    bench.later(5)
    template = bench.store.list("replicasets")[0]["spec"]["template"]
    bench.change("deployments", "web", lambda obj: obj["spec"].update(template=template))
    bench.later(5)
    assert len(bench.store.list("replicasets")) == 1


def test_scaling_to_zero_and_back_needs_no_new_revision() -> None:
    bench = Bench()
    bench.deployment(replicas=2)
    bench.later(5)
    bench.change("deployments", "web", lambda obj: obj["spec"].update(replicas=0))
    bench.later(3)
    assert bench.pods() == []
    bench.change("deployments", "web", lambda obj: obj["spec"].update(replicas=2))
    bench.later(5)
    assert bench.get("deployments")["status"]["readyReplicas"] == 2
    assert len(bench.store.list("replicasets")) == 1
    messages = [event["message"] for event in bench.events("ScalingReplicaSet")]
    assert any(message.endswith("from 2 to 0") for message in messages)


def test_a_resize_in_the_middle_of_a_stuck_rollout_keeps_the_old_pods_serving() -> None:
    bench = Bench()
    bench.deployment(replicas=3, strategy=ROLLING)
    bench.later(5)
    bench.set_image(MISSING)
    bench.later(10)
    bench.change("deployments", "web", lambda obj: obj["spec"].update(replicas=6))
    bench.later(10)
    assert bench.get("deployments")["status"]["availableReplicas"] >= 3
    assert len(bench.pods()) <= 7


def test_a_paused_deployment_does_not_roll_out() -> None:
    bench = Bench()
    bench.deployment(paused=True, replicas=1)
    bench.later(5)
    assert bench.pods() == []
    bench.change("deployments", "web", lambda obj: obj["spec"].update(paused=False))
    bench.later(5)
    bench.change("deployments", "web", lambda obj: obj["spec"].update(paused=True))
    bench.set_image("registry.example/shop/web:1.1")
    bench.later(5)
    assert bench.pod()["spec"]["containers"][0]["image"] == GOOD


def test_recreate_stops_every_old_pod_before_the_first_new_one() -> None:
    bench = Bench()
    bench.deployment(replicas=2, strategy={"type": "Recreate"})
    bench.later(5)
    bench.set_image("registry.example/shop/web:1.1")
    seen = set()
    for _ in range(12):
        bench.clock.advance(0.5)
        bench.manager.tick()
        seen.add(frozenset(pod["spec"]["containers"][0]["image"] for pod in bench.pods()))
    assert not any(len(images) > 1 for images in seen)
    assert bench.get("deployments")["status"]["availableReplicas"] == 2


def test_history_beyond_the_limit_is_forgotten_oldest_first() -> None:
    bench = Bench()
    bench.deployment(revisionHistoryLimit=1)
    bench.later(5)
    for number in (1, 2, 3):
        bench.set_image(f"registry.example/shop/web:1.{number}")
        bench.later(6)
    images = [
        each["spec"]["template"]["spec"]["containers"][0]["image"] for each in bench.store.list("replicasets")
    ]
    assert sorted(images) == ["registry.example/shop/web:1.2", "registry.example/shop/web:1.3"]


def test_a_deleted_pod_is_replaced() -> None:
    bench = Bench()
    bench.deployment()
    bench.later(5)
    gone = bench.pod()["metadata"]["name"]
    bench.store.delete("pods", "shop", gone)
    bench.later(5)
    assert bench.pod()["metadata"]["name"] != gone
    assert bench.events("Killing")[0]["involvedObject"]["name"] == gone


def test_a_selector_that_matches_nothing_leaves_a_service_without_endpoints() -> None:
    bench = Bench()
    bench.deployment(replicas=2)
    bench.store.create("services", service(app="web"))
    bench.later(5)
    assert len(bench.get("endpoints")["subsets"][0]["addresses"]) == 2
    bench.change("services", "web", lambda obj: obj["spec"]["selector"].update(app="other"))
    bench.later(1)
    assert not bench.get("endpoints").get("subsets")
    (piece,) = bench.store.list("endpointslices")
    assert piece["endpoints"] == []
    bench.change("services", "web", lambda obj: obj["spec"]["selector"].update(app="web"))
    bench.later(1)
    assert bench.get("endpoints")["subsets"][0]["ports"] == [
        {"name": "http", "port": 8080, "protocol": "TCP"}
    ]


def test_a_budget_counts_ready_pods_against_what_is_asked_for() -> None:
    bench = Bench()
    bench.deployment(replicas=3)
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    head = {"name": "web", "namespace": "shop"}
    bench.store.create("poddisruptionbudgets", {"metadata": head, "spec": spec})
    bench.later(5)
    assert bench.get("poddisruptionbudgets")["status"]["disruptionsAllowed"] == 1
    bench.change("deployments", "web", lambda obj: obj["spec"].update(replicas=2))
    bench.later(3)
    status = bench.get("poddisruptionbudgets")["status"]
    assert (status["disruptionsAllowed"], status["currentHealthy"], status["desiredHealthy"]) == (0, 2, 2)


def test_a_pod_no_node_can_take_says_why_per_node() -> None:
    bench = Bench()
    bench.store.create("nodes", node("worker-4", unschedulable=True))
    bench.deployment(container={"resources": {"requests": {"memory": "16Gi"}}})
    bench.later(2)
    message = condition(bench.pod(), "PodScheduled")["message"]
    assert message == (
        "0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient memory. "
        "preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, "
        "3 No preemption victims found for incoming pod."
    )
    assert bench.events("FailedScheduling")[0]["message"] == message


def test_a_node_selector_nobody_has_is_named_and_mends_when_corrected() -> None:
    bench = Bench()
    bench.deployment(pod={"nodeSelector": {"disk": "ssd"}})
    bench.later(2)
    assert (
        "3 node(s) didn't match Pod's node affinity/selector"
        in condition(bench.pod(), "PodScheduled")["message"]
    )
    bench.change(
        "deployments",
        "web",
        lambda obj: obj["spec"]["template"]["spec"].update(
            nodeSelector={"kubernetes.io/hostname": "worker-2"}
        ),
    )
    bench.later(8)
    assert bench.pod()["spec"]["nodeName"] == "worker-2"


def test_events_that_repeat_are_counted_and_old_ones_forgotten() -> None:
    bench = Bench()
    bench.deployment(container={"image": MISSING})
    bench.later(120)
    (pulling,) = bench.events("Pulling")
    assert pulling["count"] >= 3
    assert pulling["firstTimestamp"] < pulling["lastTimestamp"]
    assert len(bench.events("Scheduled")) == 1
    bench.later(3700, step=100)
    assert bench.events("Scheduled") == []


def test_minimum_ready_seconds_delay_availability() -> None:
    bench = Bench(ImageBehaviour(image="registry.example/slow:1", port=8080, start_seconds=1))
    bench.deployment(minReadySeconds=10, container={"image": "registry.example/slow:1"})
    bench.later(5)
    assert bench.get("deployments")["status"].get("availableReplicas", 0) == 0
    bench.later(12)
    assert bench.get("deployments")["status"]["availableReplicas"] == 1


def test_a_namespace_deleted_with_its_pods_does_not_stop_the_cluster() -> None:
    bench = Bench()
    bench.deployment(replicas=2)
    bench.later(5)
    bench.store.delete("namespaces", None, "shop")
    bench.later(5)
    assert bench.store.list("pods") == []
