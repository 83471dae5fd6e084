"""The series follow the cluster: faults show because they happen, repairs because they help."""

from __future__ import annotations

from typing import Any

import pytest

from evals.world.kubernetes.kubelet.images import ImageBehaviour, MemoryCurve
from evals.world.prometheus.promql.engine import Engine
from evals.world.prometheus.sampler import Sampler
from evals.world.prometheus.samples import IdleUsage, JsonObject
from evals.world.prometheus.series import kube_state_metrics, scrapes
from evals.world.prometheus.tsdb import Tsdb, to_ms
from tests.support.world_cluster import START, Bench

GREEDY = "registry.example/shop/web:greedy"
BUSY = "registry.example/shop/web:busy"
SERVICE = {
    "metadata": {"name": "web", "namespace": "shop", "annotations": {"prometheus.io/scrape": "true"}},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}


class Watched:
    """A bench whose metrics are scraped every five seconds of its own time."""

    def __init__(self) -> None:
        curve = MemoryCurve(start=40 << 20, peak=400 << 20, seconds=20)
        self.bench = Bench(
            ImageBehaviour(image=GREEDY, port=8080, memory=curve),
            ImageBehaviour(image=BUSY, port=8080, cpu_cores=0.5),
        )
        self.tsdb = Tsdb()
        self.sampler = Sampler(self.tsdb, self.bench.store, scrapes(self.bench.kubelet))
        self.engine = Engine(self.tsdb)

    def later(self, seconds: float) -> None:
        for _ in range(int(seconds // 5)):
            self.bench.later(5)
            self.sampler.sample(self.bench.clock.now())

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        result = self.engine.instant(query, to_ms(self.bench.clock.now()))
        assert isinstance(result, list)
        return [(one.labels, one.value) for one in result]

    def values(self, query: str) -> list[float]:
        return [value for _, value in self.ask(query)]


@pytest.fixture
def world() -> Watched:
    return Watched()


def test_a_healthy_deployment_looks_healthy(world: Watched) -> None:
    world.bench.deployment(replicas=2)
    world.bench.store.create("services", SERVICE)
    world.later(60)
    assert world.values('kube_deployment_status_replicas_available{namespace="shop"}') == [2.0]
    assert world.values("kube_deployment_spec_replicas != kube_deployment_status_replicas_available") == []
    assert world.values('sum(kube_pod_status_phase{phase="Running"})') == [2.0]
    assert world.values('sum(kube_pod_status_ready{condition="true"})') == [2.0]
    assert world.values('count(kube_endpointslice_endpoints{ready="true"})') == [2.0]
    assert world.values('count(kube_endpoint_address{endpoint="web",ready="true"})') == [2.0]
    assert world.values('up{namespace="shop",job="web"}') == [1.0, 1.0]
    assert world.values("count(kube_node_info)") == [3.0]
    assert world.values("kube_pod_container_status_waiting_reason") == []
    owners = 'label_replace(kube_replicaset_owner, "deployment", "$1", "owner_name", "(.*)")'
    by_set = f'label_replace({owners}, "owner_name", "$1", "replicaset", "(.*)")'
    joined = f"kube_pod_owner * on (namespace, owner_name) group_left (deployment) {by_set}"
    assert {labels["deployment"] for labels, _ in world.ask(joined)} == {"web"}


def test_an_image_that_does_not_exist_shows_until_it_is_repaired(world: Watched) -> None:
    world.bench.deployment()
    world.later(60)
    world.bench.set_image("registry.example/shop/web:9.9")
    world.later(120)
    pulling = 'kube_pod_container_status_waiting_reason{reason=~"ImagePullBackOff|ErrImagePull"}'
    assert world.values(f"max_over_time({pulling}[2m])") != []
    assert world.values(
        "kube_deployment_status_replicas_updated - kube_deployment_status_replicas_ready"
    ) == [0.0]
    assert world.values("kube_deployment_status_replicas_unavailable") == [1.0]
    assert world.values('sum(kube_pod_status_phase{phase="Pending"})') == [1.0]
    world.bench.set_image("registry.example/shop/web:1.0")
    world.later(60)
    assert world.values(pulling) == []
    assert world.values("kube_deployment_status_replicas_unavailable") == [0.0]
    generations = "kube_deployment_metadata_generation - kube_deployment_status_observed_generation"
    assert world.values(generations) == [0.0]


def test_an_oom_kill_leaves_its_reason_its_code_and_its_restarts(world: Watched) -> None:
    limits = {"resources": {"limits": {"memory": "128Mi"}}}
    world.bench.deployment(container={"image": GREEDY, **limits})
    world.later(180)
    assert world.values('kube_pod_container_status_last_terminated_reason{reason="OOMKilled"}') == [1.0]
    assert world.values("kube_pod_container_status_last_terminated_exitcode") == [137.0]
    assert world.values("increase(kube_pod_container_status_restarts_total[3m]) > 1") != []
    share = "max_over_time(container_memory_working_set_bytes{container='web'}[3m]) "
    share += (
        "/ on (namespace, pod, container) group_left () kube_pod_container_resource_limits{resource='memory'}"
    )
    assert max(world.values(share)) > 0.5
    assert world.values("kube_pod_container_resource_limits{resource='memory',unit='byte'}") == [128 << 20]


def test_a_cpu_limit_below_the_need_shows_as_throttling(world: Watched) -> None:
    limits = {"resources": {"limits": {"cpu": "200m"}, "requests": {"cpu": "100m"}}}
    world.bench.deployment(container={"image": BUSY, **limits})
    world.later(300)
    throttled = (
        "rate(container_cpu_cfs_throttled_periods_total[2m]) / rate(container_cpu_cfs_periods_total[2m])"
    )
    assert world.values(throttled) == [pytest.approx(0.6)]
    assert world.values("rate(container_cpu_usage_seconds_total[2m])") == [pytest.approx(0.2)]
    assert world.values('kube_pod_container_resource_requests{resource="cpu",unit="core"}') == [0.1]


def test_the_pods_own_cgroup_has_no_container_label(world: Watched) -> None:
    world.bench.deployment()
    world.later(60)
    by_container = world.ask('container_memory_working_set_bytes{container!=""}')
    by_pod = world.ask('container_memory_working_set_bytes{container=""}')
    assert [value for _, value in by_container] == [value for _, value in by_pod]


def test_a_service_that_selects_nothing_has_no_endpoints(world: Watched) -> None:
    world.bench.deployment()
    world.bench.store.create("services", SERVICE)
    world.later(60)
    selecting = {"app": "wbe"}
    world.bench.change("services", "web", lambda obj: obj["spec"].update(selector=selecting))
    world.later(15)
    assert world.values('count(kube_endpointslice_endpoints{ready="true"}) or vector(0)') == [0.0]
    assert world.values("kube_service_info{service='web'}") == [1.0]


def test_a_deployment_scaled_to_zero_asks_for_nothing(world: Watched) -> None:
    world.bench.deployment()
    world.later(60)
    world.bench.change("deployments", "web", lambda obj: obj["spec"].update(replicas=0))
    world.later(60)
    assert world.values("kube_deployment_spec_replicas") == [0.0]
    assert world.values("kube_pod_info") == []
    assert world.values("absent(container_memory_working_set_bytes)") == [1.0]


class Objects:
    """Objects as they are, without anything that moves them."""

    resource_version = 1

    def __init__(self, **lists: list[JsonObject]) -> None:
        self._lists = lists

    def list(self, resource: str, namespace: str | None = None) -> list[JsonObject]:
        del namespace
        return self._lists.get(resource, [])


def _read(**lists: Any) -> dict[tuple[str, ...], float]:
    """Every sample by name and the values of its labels, sorted by label."""
    found = {}
    for one in kube_state_metrics(Objects(**lists), START):
        shown = tuple(value for _, value in sorted(one.labels.items()) if value)
        found[one.name, *shown] = one.value
    return found


def test_autoscalers_jobs_claims_quotas_and_sets_are_exported() -> None:
    where = {"namespace": "shop", "name": "x"}
    found = _read(
        horizontalpodautoscalers=[
            {
                "metadata": where,
                "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
                "status": {
                    "currentReplicas": 5,
                    "desiredReplicas": 5,
                    "conditions": [{"type": "ScalingLimited", "status": "True"}],
                },
            }
        ],
        jobs=[
            {
                "metadata": where,
                "status": {
                    "failed": 6,
                    "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}],
                },
            }
        ],
        cronjobs=[{"metadata": where, "spec": {"suspend": True}}],
        persistentvolumeclaims=[{"metadata": where, "status": {"phase": "Pending"}}],
        resourcequotas=[{"metadata": where, "status": {"hard": {"pods": "4"}, "used": {"pods": "3"}}}],
        statefulsets=[{"metadata": where, "spec": {"replicas": 3}, "status": {"readyReplicas": 2}}],
        daemonsets=[{"metadata": where, "status": {"desiredNumberScheduled": 3, "numberReady": 2}}],
    )
    hpa = "kube_horizontalpodautoscaler"
    assert (
        found[f"{hpa}_spec_max_replicas", "x", "shop"] == found[f"{hpa}_status_current_replicas", "x", "shop"]
    )
    assert found[f"{hpa}_spec_min_replicas", "x", "shop"] == 1
    assert found[f"{hpa}_status_condition", "ScalingLimited", "x", "shop", "true"] == 1
    assert found["kube_job_failed", "true", "x", "shop"] == 1
    assert found["kube_job_status_failed", "x", "shop", "BackoffLimitExceeded"] == 6
    assert found["kube_cronjob_spec_suspend", "x", "shop"] == 1
    assert found["kube_persistentvolumeclaim_status_phase", "shop", "x", "Pending"] == 1
    assert found["kube_persistentvolumeclaim_status_phase", "shop", "x", "Bound"] == 0
    assert found["kube_resourcequota", "shop", "pods", "x", "used"] == 3
    assert found["kube_statefulset_status_replicas_ready", "shop", "x"] == 2
    assert found["kube_daemonset_status_desired_number_scheduled", "x", "shop"] == 3


def test_a_cordoned_and_tainted_node_says_so() -> None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    node = {
        "metadata": {"name": "n1"},
        "spec": {"unschedulable": True, "taints": [taint]},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown"}], "allocatable": {"memory": "2Gi"}},
    }
    found = _read(nodes=[node])
    assert found["kube_node_spec_unschedulable", "n1"] == 1
    assert found["kube_node_spec_taint", "NoSchedule", "node.kubernetes.io/unschedulable", "n1"] == 1
    assert found["kube_node_status_condition", "Ready", "n1", "unknown"] == 1
    assert found["kube_node_status_condition", "Ready", "n1", "true"] == 0
    assert found["kube_node_status_allocatable", "n1", "memory", "byte"] == 2 << 30


def test_an_evicted_unschedulable_or_claiming_pod_says_so() -> None:
    pod = {
        "metadata": {"name": "p", "namespace": "shop", "uid": "u"},
        "spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]},
        "status": {
            "phase": "Pending",
            "reason": "Evicted",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
            "initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
        },
    }
    found = _read(pods=[pod])
    assert found["kube_pod_status_unschedulable", "shop", "p", "u"] == 1
    assert found["kube_pod_status_reason", "shop", "p", "Evicted", "u"] == 1
    assert found["kube_pod_spec_volumes_persistentvolumeclaims_info", "shop", "c", "p", "u", "data"] == 1
    name = "kube_pod_init_container_status_waiting_reason"
    assert found[name, "init", "shop", "p", "CrashLoopBackOff", "u"] == 1


def test_objects_with_hardly_a_field_do_not_break_an_exporter() -> None:
    bare = [{"metadata": {"name": "x"}}]
    kinds = (
        "pods deployments replicasets statefulsets daemonsets jobs cronjobs horizontalpodautoscalers nodes "
        "persistentvolumeclaims resourcequotas namespaces services endpointslices"
    )
    found = _read(**dict.fromkeys(kinds.split(), bare))
    assert found["kube_deployment_spec_replicas", "x"] == 1
    tsdb = Tsdb()
    objects = Objects(**dict.fromkeys(kinds.split(), bare))
    assert Sampler(tsdb, objects, scrapes(IdleUsage())).sample(START)
