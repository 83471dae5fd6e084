"""What the verbs on workloads, Services, autoscalers and Jobs do beyond being complete."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import orjson
import pytest

from tests.support.workload_cases import (
    AUTOSCALER,
    CRON_JOB,
    JOB,
    PAUSED,
    PROBE,
    SEEN,
    SERVICE,
    WORKLOAD,
    Json,
)
from tools.kubernetes.actions.catalogue import CATALOGUE, check, sentence, tier_of
from tools.kubernetes.actions.placement import REQUIRED
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, request
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.pointers import MISSING, read

APP = "/spec/template/spec/containers/0"
POD = "/spec/template/spec"


def drafted(name: str, target: Json, params: Json, seen: Inventory = SEEN) -> Step:
    step = CATALOGUE[name].draft(target, params, Context(seen=seen))
    assert isinstance(step, Step), step
    assert check(step) is None
    return step


def refused(name: str, target: Json, params: Json, context: Context | None = None) -> str:
    answer = CATALOGUE[name].draft(target, params, context or Context(seen=SEEN))
    assert isinstance(answer, Refused)
    return answer.reason


def sent(target: Json, step: Step) -> Json:
    after: Json = jsonpatch.apply_patch(target, orjson.loads(request(step, "p").body))
    after["metadata"]["generation"] = after["metadata"].get("generation", 0) + 1
    return after


def with_pod(**spec: Any) -> Json:
    changed = copy.deepcopy(WORKLOAD)
    changed["spec"]["template"]["spec"] |= spec
    return changed


@pytest.mark.parametrize(
    ("params", "pointer", "value", "words"),
    [
        (
            {"container": "app", "env_from": "settings-v2", "to": "settings"},
            f"{APP}/envFrom/0/configMapRef/name",
            "settings",
            "Take the envs of app in Deployment shop/checkout from ConfigMap settings instead of "
            "ConfigMap settings-v2",
        ),
        (
            {"volume": "rules", "to": "rules"},
            f"{POD}/volumes/0/configMap/name",
            "rules",
            "Take volume rules in Deployment shop/checkout from ConfigMap rules instead of "
            "ConfigMap rules-v2",
        ),
        (
            {"container": "app", "env": "FLAGS", "to": "flags"},
            f"{APP}/env/1/valueFrom/configMapKeyRef/name",
            "flags",
            "Take env FLAGS of app in Deployment shop/checkout from key url of ConfigMap flags instead of "
            "key url of ConfigMap flags-v2",
        ),
    ],
)
def test_a_reference_is_pointed_at_what_was_seen(params: Json, pointer: str, value: str, words: str) -> None:
    step = drafted("set_env_reference", WORKLOAD, params)
    assert step.set == {pointer: value}
    assert sentence(step) == words


def test_a_secret_is_referred_to_by_a_key_that_was_listed_and_its_value_is_nowhere() -> None:
    listed = {"kind": "Secret", "metadata": {"name": "payments", "namespace": "shop"}, "keys": ["token"]}
    seen = Inventory(by_kind={"Secret": (listed,)})
    step = drafted(
        "set_env_reference", WORKLOAD, {"container": "app", "env": "TOKEN", "to": "payments"}, seen
    )
    assert step.set == {f"{APP}/env/2/valueFrom/secretKeyRef/name": "payments"}
    assert step.expect[f"{APP}/env/2/name"] == "TOKEN"


def test_an_env_that_moved_to_another_place_makes_the_plan_stale() -> None:
    step = drafted("set_env_reference", WORKLOAD, {"container": "app", "env": "FLAGS", "to": "flags"})
    swapped = copy.deepcopy(WORKLOAD)
    swapped["spec"]["template"]["spec"]["containers"][0]["env"].insert(1, {"name": "NEW", "value": ""})
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        sent(swapped, step)


def test_the_card_says_how_many_ready_pods_a_port_leads_to_before_and_after() -> None:
    step = drafted("fix_port", SERVICE, {"port": 80, "target": "http"})
    assert sentence(step) == (
        "Send port 80 of Service shop/checkout to port http of the pods of Deployment shop/checkout instead "
        "of port 8081; ready pods it leads to: 0 now, 1 then"
    )


def test_a_port_that_clients_use_can_be_changed_when_it_leads_somewhere() -> None:
    step = drafted("fix_port", SERVICE, {"port": 80, "target": 8080, "number": 8080})
    assert step.set == {"/spec/ports/0/targetPort": 8080, "/spec/ports/0/port": 8080}
    said = "Offer port 8080 of Service shop/checkout instead of port 80 and send it to port 8080"
    assert sentence(step).startswith(said)


@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet"])
def test_other_workloads_may_stand_behind_a_service_as_well(kind: str) -> None:
    seen = Inventory.of_list({"items": [WORKLOAD | {"kind": kind}]})
    assert drafted("fix_port", SERVICE, {"port": 80, "target": "http"}, seen).about["workload"] == (
        f"{kind} shop/checkout"
    )


def test_a_time_that_was_not_stated_is_taken_away_again_by_the_undo() -> None:
    params = {"container": "app", "probe": "readiness", "change": {"initialDelaySeconds": 30}}
    step = drafted("fix_probe", WORKLOAD, params)
    assert sentence(step) == (
        "Change the readiness probe of app in Deployment shop/checkout: initialDelaySeconds from unstated "
        "to 30"
    )
    after = sent(WORKLOAD, step)
    assert read(after, f"{APP}/readinessProbe/initialDelaySeconds") == 30
    undo = CATALOGUE["fix_probe"].inverse(step, after)
    assert isinstance(undo, Step)
    assert read(sent(after, undo), f"{APP}/readinessProbe/initialDelaySeconds") is MISSING


def test_a_tcp_probe_keeps_its_kind() -> None:
    target = copy.deepcopy(WORKLOAD)
    container = target["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = {**PROBE, "tcpSocket": {"port": 9090}}
    del container["readinessProbe"]["httpGet"]
    params = {"container": "app", "probe": "readiness", "change": {"port": 8080}}
    assert drafted("fix_probe", target, params).set == {f"{APP}/readinessProbe/tcpSocket/port": 8080}
    assert "has no path" in refused("fix_probe", target, params | {"change": {"path": "/"}})


def test_a_first_toleration_is_added_and_taken_away_by_the_undo() -> None:
    wanted = [{"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}]
    step = drafted("fix_scheduling", WORKLOAD, {"tolerations": wanted})
    assert step.about == {"before": "none", "after": "worker-2"}
    after = sent(WORKLOAD, step)
    assert after["spec"]["template"]["spec"]["tolerations"] == wanted
    undo = CATALOGUE["fix_scheduling"].inverse(step, after)
    assert isinstance(undo, Step)
    assert undo.about == {"before": "worker-2", "after": "none"}
    assert "tolerations" not in sent(after, undo)["spec"]["template"]["spec"]


def test_a_node_selector_that_asks_for_nothing_is_taken_away() -> None:
    step = drafted("fix_scheduling", WORKLOAD, {"node_selector": {}})
    assert step.set == {f"{POD}/nodeSelector": None}
    assert "nodeSelector" not in sent(WORKLOAD, step)["spec"]["template"]["spec"]
    assert "(nodes that match: none now, worker-1 then)" in sentence(step)


def test_a_required_affinity_is_replaced_and_the_rest_of_the_affinity_stays() -> None:
    def terms(value: str) -> Json:
        expression = {"key": "disktype", "operator": "In", "values": [value]}
        return {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}

    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": []}
    target = with_pod(
        affinity={"nodeAffinity": {REQUIRED: terms("tape"), **preferred}, "podAntiAffinity": {}},
        nodeSelector={},
    )
    step = drafted("fix_scheduling", target, {"node_affinity": terms("nvme")})
    affinity = sent(target, step)["spec"]["template"]["spec"]["affinity"]
    assert affinity == {"nodeAffinity": {REQUIRED: terms("nvme"), **preferred}, "podAntiAffinity": {}}


def test_a_toleration_that_is_there_is_never_taken_away() -> None:
    target = with_pod(tolerations=[{"key": "old", "operator": "Exists", "effect": "NoSchedule"}])
    wish = {"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]}
    assert "taken away" in refused("fix_scheduling", target, wish)


def test_an_autoscaler_is_pinned_by_what_it_asks_for_and_not_by_its_restless_version() -> None:
    step = drafted("hpa_bounds", AUTOSCALER, {"min": 3, "max": 5})
    assert "/metadata/resourceVersion" not in step.expect
    assert step.expect["/spec"] == AUTOSCALER["spec"]
    assert sentence(step) == (
        "Let HorizontalPodAutoscaler shop/checkout keep Deployment checkout at 3 to 5 replicas instead of "
        "2 to 3"
    )
    moved = copy.deepcopy(AUTOSCALER)
    moved["metadata"]["resourceVersion"] = "999"
    moved["status"] = {"currentReplicas": 3}
    assert sent(moved, step)["spec"]["maxReplicas"] == 5
    moved["spec"]["metrics"] = []
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        sent(moved, step)


def test_bounds_keep_what_a_disruption_budget_needs() -> None:
    context = Context(least=4, limit_factor=3)
    assert "a disruption budget needs 4" in refused("hpa_bounds", AUTOSCALER, {"max": 6}, context)


def test_a_count_that_an_autoscaler_owns_is_changed_by_its_bounds() -> None:
    said = refused("scale", WORKLOAD, {"replicas": 5}, Context(owned_by="checkout-hpa"))
    assert "checkout-hpa" in said
    assert "hpa_bounds" in said


def test_a_deployment_that_its_controller_has_not_looked_at_can_be_paused() -> None:
    unseen = WORKLOAD | {"status": {"observedGeneration": 6, "replicas": 3, "updatedReplicas": 3}}
    assert drafted("pause_rollout", unseen, {}).set == {"/spec/paused": True}


def test_resuming_takes_the_field_away_as_an_api_server_does() -> None:
    step = drafted("resume_rollout", PAUSED, {})
    assert step.set == {"/spec/paused": None}
    undo = CATALOGUE["resume_rollout"].inverse(step, sent(PAUSED, step))
    assert isinstance(undo, Step)
    assert undo.set == {"/spec/paused": True}
    assert sentence(undo).startswith("Pause the rollout of Deployment shop/checkout")


def test_stopping_the_pods_of_a_job_needs_more_than_skipping_the_runs_of_a_cron_job() -> None:
    running = CRON_JOB | {"spec": CRON_JOB["spec"] | {"suspend": False}}
    assert tier_of(drafted("suspend", JOB, {})) == 2
    assert tier_of(drafted("suspend", running, {})) == 1


def test_a_restart_is_for_two_causes_and_never_for_a_paused_rollout() -> None:
    wish = {"incident": "INC-1", "because": "leaked_connection"}
    assert "hold connections" in sentence(drafted("restart_rollout", WORKLOAD, wish))
    assert "paused" in refused("restart_rollout", PAUSED, wish)
    for cause in ("bad_image", "disk_full", ""):
        assert "does not help" in refused("restart_rollout", WORKLOAD, wish | {"because": cause})
