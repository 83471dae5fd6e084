"""One object and one wish per verb on workloads, what the reader saw beside, and what must be refused."""

from __future__ import annotations

from typing import Any

from tools.kubernetes.inventory import Inventory

Json = dict[str, Any]
PROBE = {
    "httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"},
    "periodSeconds": 5,
    "timeoutSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 3,
}
WORKLOAD: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "checkout",
        "namespace": "shop",
        "uid": "u-3",
        "generation": 7,
        "resourceVersion": "300",
        "annotations": {"deployment.kubernetes.io/revision": "7"},
    },
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "checkout"}},
        "template": {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {
                "containers": [
                    {
                        "name": "app",
                        "image": "r/checkout:9",
                        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                        "env": [
                            {"name": "MODE", "value": "fast"},
                            {
                                "name": "FLAGS",
                                "valueFrom": {"configMapKeyRef": {"name": "flags-v2", "key": "url"}},
                            },
                            {
                                "name": "TOKEN",
                                "valueFrom": {"secretKeyRef": {"name": "pay", "key": "token"}},
                            },
                        ],
                        "envFrom": [{"configMapRef": {"name": "settings-v2"}}],
                        "readinessProbe": PROBE,
                        "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 10},
                    }
                ],
                "nodeSelector": {"disktype": "ssd"},
                "volumes": [
                    {"name": "rules", "configMap": {"name": "rules-v2", "items": [{"key": "a", "path": "a"}]}}
                ],
            },
        },
    },
    "status": {"observedGeneration": 7, "replicas": 4, "updatedReplicas": 2},
}
PAUSED = WORKLOAD | {"spec": WORKLOAD["spec"] | {"paused": True}}
SERVICE: Json = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "checkout", "namespace": "shop", "uid": "u-4", "resourceVersion": "8"},
    "spec": {
        "selector": {"app": "checkout"},
        "ports": [
            {"name": "web", "port": 80, "targetPort": 8081, "protocol": "TCP"},
            {"name": "metrics", "port": 90, "targetPort": 9090, "protocol": "TCP"},
        ],
    },
}
AUTOSCALER: Json = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {
        "name": "checkout",
        "namespace": "shop",
        "uid": "u-5",
        "resourceVersion": "9",
        "annotations": {"team": "shop"},
    },
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
        "minReplicas": 2,
        "maxReplicas": 3,
    },
}
JOB: Json = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "reindex",
        "namespace": "shop",
        "uid": "u-6",
        "generation": 1,
        "resourceVersion": "11",
        "annotations": {"team": "shop"},
    },
    "spec": {"suspend": False, "parallelism": 3},
    "status": {"active": 3},
}
CRON_JOB: Json = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {
        "name": "report",
        "namespace": "shop",
        "uid": "u-7",
        "generation": 2,
        "resourceVersion": "12",
    },
    "spec": {"suspend": True, "schedule": "0 4 * * *"},
}
DONE = JOB | {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}


def _node(name: str, *taints: Json, **labels: str) -> Json:
    return {"kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {"taints": list(taints)}}


def _named(kind: str, name: str, **more: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop"}, **more}


GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
SEEN = Inventory.of_list(
    {
        "items": [
            WORKLOAD,
            _node("worker-1", disktype="nvme"),
            _node("worker-2", GPU, disktype="ssd"),
            _named("ConfigMap", "flags", data={"url": "http://flags"}),
            _named("ConfigMap", "settings", data={"A": "1"}),
            _named("ConfigMap", "rules", data={"a": "1", "b": "2"}),
            _named("ConfigMap", "empty"),
            _named("Secret", "payments"),
            {
                "kind": "Pod",
                "metadata": {"name": "checkout-1", "namespace": "shop", "labels": {"app": "checkout"}},
                "spec": {"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            },
        ]
    }
)
CASES: dict[str, tuple[Json, Json]] = {
    "set_env_reference": (WORKLOAD, {"container": "app", "env": "FLAGS", "to": "flags"}),
    "fix_port": (SERVICE, {"port": 80, "target": "http"}),
    "fix_probe": (
        WORKLOAD,
        {
            "container": "app",
            "probe": "readiness",
            "change": {"path": "/healthz", "initialDelaySeconds": 20},
        },
    ),
    "fix_scheduling": (WORKLOAD, {"node_selector": {"disktype": "nvme"}}),
    "hpa_bounds": (AUTOSCALER, {"max": 6}),
    "pause_rollout": (WORKLOAD, {}),
    "resume_rollout": (PAUSED, {}),
    "suspend": (JOB, {}),
    "resume": (CRON_JOB, {}),
}


def _probe(**change: Any) -> Json:
    return {"container": "app", "probe": "readiness", "change": change}


REFUSED: list[tuple[str, Json, Json, str]] = [
    ("set_env_reference", WORKLOAD, {"container": "app", "env": "FLAGS", "to": "nothing"}, "no ConfigMap"),
    (
        "set_env_reference",
        WORKLOAD,
        {"container": "app", "env": "FLAGS", "to": "flags", "key": "port"},
        "not seen to have port",
    ),
    (
        "set_env_reference",
        WORKLOAD,
        {"container": "app", "env": "FLAGS", "to": "empty"},
        "not seen to have url",
    ),
    ("set_env_reference", WORKLOAD, {"container": "app", "env": "MODE", "to": "flags"}, "0 references"),
    ("set_env_reference", WORKLOAD, {"container": "nobody", "env": "FLAGS", "to": "flags"}, "0 references"),
    (
        "set_env_reference",
        WORKLOAD,
        {"container": "app", "env": "TOKEN", "to": "payments"},
        "not seen to have token",
    ),
    (
        "set_env_reference",
        WORKLOAD,
        {"container": "app", "env_from": "settings-v2", "to": "settings", "key": "A"},
        "the whole object",
    ),
    ("set_env_reference", WORKLOAD, {"volume": "rules", "to": "settings"}, "not seen to have a"),
    ("fix_port", SERVICE, {"port": 80, "target": 8081}, "no workload behind"),
    ("fix_port", SERVICE, {"port": 80, "target": "grpc"}, "no workload behind"),
    ("fix_port", SERVICE, {"port": 81, "target": "http"}, "has no port 81"),
    ("fix_port", SERVICE, {"port": 80, "target": "http", "number": 90}, "already has a port 90"),
    ("fix_port", SERVICE, {"port": 80}, "neither another"),
    (
        "fix_port",
        SERVICE | {"spec": {**SERVICE["spec"], "selector": {}}},
        {"port": 80, "target": "http"},
        "no w",
    ),
    ("fix_probe", WORKLOAD, _probe(port=9999), "declares no port 9999"),
    ("fix_probe", WORKLOAD, _probe(command=["true"]), "has no command"),
    ("fix_probe", WORKLOAD, _probe(periodSeconds=1), "less patient"),
    ("fix_probe", WORKLOAD, _probe(initialDelaySeconds=6000), "is no initialDelaySeconds"),
    ("fix_probe", WORKLOAD, _probe(failureThreshold=True), "is no failureThreshold"),
    ("fix_probe", WORKLOAD, _probe(path="/ready"), "already is so"),
    (
        "fix_probe",
        WORKLOAD,
        {"container": "app", "probe": "startup", "change": {"port": "http"}},
        "no startup",
    ),
    (
        "fix_probe",
        WORKLOAD,
        {"container": "app", "probe": "liveness", "change": {"path": "/"}},
        "has no path",
    ),
    ("fix_scheduling", WORKLOAD, {"node_selector": {"disktype": "tape"}}, "none of 2 nodes"),
    ("fix_scheduling", WORKLOAD, {"node_affinity": {"nodeSelectorTerms": [{}]}}, "no node affinity"),
    ("fix_scheduling", WORKLOAD, {"tolerations": []}, "none of 2 nodes"),
    ("hpa_bounds", AUTOSCALER, {"max": 7}, "more than 2 times"),
    ("hpa_bounds", AUTOSCALER, {"max": 2}, "less than the present"),
    ("hpa_bounds", AUTOSCALER, {"min": 0}, "outside 1 to"),
    ("hpa_bounds", AUTOSCALER, {"min": 4}, "more than max"),
    ("hpa_bounds", AUTOSCALER, {"max": 101}, "outside 1 to"),
    ("hpa_bounds", AUTOSCALER, {"max": 3}, "already is"),
    ("pause_rollout", PAUSED, {}, "already is true"),
    (
        "pause_rollout",
        WORKLOAD | {"status": {"observedGeneration": 7, "replicas": 3, "updatedReplicas": 3}},
        {},
        "no rollout is under way",
    ),
    ("resume_rollout", WORKLOAD, {}, "already is false"),
    ("suspend", CRON_JOB, {}, "already is true"),
    ("suspend", DONE, {}, "the Job is over"),
    ("resume", JOB, {}, "already is false"),
    ("resume", DONE, {}, "the Job is over"),
]
"""(verb, target, parameters, words of the refusal)"""
