"""What other people's kinds may hold and nobody here keeps: env values, manifests, headers, addresses."""

from __future__ import annotations

from typing import Any

import pytest

from tools.kubernetes.cleaning import cleaned

SECRET = "hunter2-and-some-more"
ENV = [{"name": "TOKEN", "value": SECRET}]
HEADER = {"requestHeaderModifier": {"set": [{"name": "Authorization", "value": SECRET}]}}
HOLDING: dict[str, dict[str, Any]] = {
    "ClusterServiceVersion": {"spec": {"install": {"spec": {"deployments": [{"env": ENV}]}}}},
    "InstallPlan": {"status": {"phase": "Failed", "plan": [{"resource": {"manifest": SECRET}}]}},
    "Subscription": {"spec": {"config": {"env": ENV}}, "status": {"state": "AtLatestKnown"}},
    "ScaledObject": {
        "spec": {"scaleTargetRef": {"name": "web"}, "triggers": [{"metadata": {"dsn": SECRET}}]}
    },
    "Policy": {"spec": {"rules": [{"mutate": SECRET}]}},
    "ClusterPolicy": {"spec": {"rules": [{"mutate": SECRET}]}},
    "HTTPRoute": {"spec": {"rules": [{"filters": [HEADER], "backendRefs": [{"filters": [HEADER]}]}]}},
    "GRPCRoute": {"spec": {"rules": [{"filters": [HEADER], "backendRefs": [{"filters": [HEADER]}]}]}},
    "StorageClass": {"provisioner": "example", "parameters": {"restuserkey": SECRET}},
    "PersistentVolume": {"spec": {"csi": {"driver": "example", "volumeAttributes": {"key": SECRET}}}},
}


@pytest.mark.parametrize("kind", HOLDING)
def test_a_value_in_it_does_not_get_past_the_reader(kind: str) -> None:
    sent = {"kind": kind, "metadata": {"name": "one"}, **HOLDING[kind]}
    assert SECRET in str(sent)
    kept = cleaned(sent)
    assert SECRET not in str(kept)
    assert cleaned(kept) == kept
    assert kept["metadata"]["name"] == "one"


def test_the_rest_of_it_stays_as_it_is() -> None:
    sent = {
        "kind": "HTTPRoute",
        "metadata": {"name": "one"},
        "spec": {"rules": [{"backendRefs": ["odd"]}, "odd"]},
    }
    assert cleaned(sent)["spec"] == sent["spec"]
    kept = cleaned({"kind": "ScaledObject", "metadata": {"name": "one"}, **HOLDING["ScaledObject"]})
    assert kept["spec"] == {"scaleTargetRef": {"name": "web"}}
