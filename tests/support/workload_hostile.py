"""Steps of the workload verbs that no draft would have made."""

from __future__ import annotations

from tests.support.workload_cases import Json

_APP = "/spec/template/spec/containers/0"
_POD = "/spec/template/spec"
HOSTILE: list[tuple[str, Json]] = [
    ("set_env_reference", {f"{_APP}/env/1/valueFrom/configMapKeyRef/name": "../secrets"}),
    ("set_env_reference", {f"{_APP}/env/1/valueFrom/configMapKeyRef/key": "a b"}),
    ("set_env_reference", {f"{_APP}/env/1/valueFrom/configMapKeyRef/name": {"name": "x"}}),
    ("set_env_reference", {f"{_APP}/env/1/valueFrom/configMapKeyRef/name": None}),
    ("set_env_reference", {f"{_APP}/env/0/value": "x"}),
    (
        "set_env_reference",
        {
            f"{_APP}/env/1/valueFrom/configMapKeyRef/name": "flags",
            f"{_APP}/env/2/valueFrom/secretKeyRef/name": "payments",
        },
    ),
    ("fix_port", {"/spec/ports/0/targetPort": 0}),
    ("fix_port", {"/spec/ports/0/targetPort": 65536}),
    ("fix_port", {"/spec/ports/0/targetPort": "not a name"}),
    ("fix_port", {"/spec/ports/0/port": "http"}),
    ("fix_port", {"/spec/ports/0/port": True}),
    ("fix_port", {"/spec/ports/0/nodePort": 30000}),
    ("fix_port", {"/spec/ports/0/targetPort": 8080, "/spec/ports/1/targetPort": 8080}),
    ("fix_probe", {f"{_APP}/readinessProbe/httpGet/path": "no slash"}),
    ("fix_probe", {f"{_APP}/readinessProbe/httpGet/path": "/a\nb"}),
    ("fix_probe", {f"{_APP}/readinessProbe/httpGet/scheme": "FTP"}),
    ("fix_probe", {f"{_APP}/readinessProbe/httpGet/host": "elsewhere"}),
    ("fix_probe", {f"{_APP}/readinessProbe/httpGet/port": 70000}),
    ("fix_probe", {f"{_APP}/readinessProbe/periodSeconds": 0}),
    ("fix_probe", {f"{_APP}/readinessProbe/failureThreshold": 61}),
    (
        "fix_probe",
        {f"{_APP}/readinessProbe/periodSeconds": 300, f"{_APP}/readinessProbe/failureThreshold": 60},
    ),
    ("fix_probe", {f"{_APP}/livenessProbe/exec/command": ["rm"]}),
    ("fix_probe", {f"{_APP}/readinessProbe/periodSeconds": 9, f"{_APP}/livenessProbe/periodSeconds": 9}),
    ("fix_scheduling", {f"{_POD}/nodeSelector": {}}),
    ("fix_scheduling", {f"{_POD}/nodeSelector": {"a b": "c"}}),
    ("fix_scheduling", {f"{_POD}/nodeSelector": "worker-1"}),
    ("fix_scheduling", {f"{_POD}/nodeName": "worker-1"}),
    ("fix_scheduling", {f"{_POD}/tolerations": [{"operator": "Exists"}]}),
    ("fix_scheduling", {f"{_POD}/tolerations": [{"key": "gpu", "operator": "Exists"}]}),
    ("fix_scheduling", {f"{_POD}/tolerations": []}),
    (
        "fix_scheduling",
        {
            f"{_POD}/tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
            ]
        },
    ),
    (
        "fix_scheduling",
        {
            f"{_POD}/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": []
            }
        },
    ),
    (
        "fix_scheduling",
        {
            f"{_POD}/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]}
                ]
            }
        },
    ),
    ("hpa_bounds", {"/spec/maxReplicas": 0}),
    ("hpa_bounds", {"/spec/maxReplicas": 101}),
    ("hpa_bounds", {"/spec/maxReplicas": 49}),
    ("hpa_bounds", {"/spec/maxReplicas": True}),
    ("hpa_bounds", {"/spec/maxReplicas": 1}),
    ("hpa_bounds", {"/spec/minReplicas": 33}),
    ("hpa_bounds", {"/spec/minReplicas": None}),
    ("hpa_bounds", {"/spec/scaleTargetRef/name": "other"}),
    ("pause_rollout", {"/spec/paused": "yes"}),
    ("pause_rollout", {"/spec/replicas": 0}),
    ("resume_rollout", {"/spec/paused": 1}),
    ("suspend", {"/spec/suspend": None}),
    ("suspend", {"/spec/suspend": "true"}),
    ("suspend", {"/spec/schedule": "* * * * *"}),
    ("resume", {"/spec/suspend": None}),
]
"""(verb, what a step would set): well formed steps that no draft of the verb could have come to."""
