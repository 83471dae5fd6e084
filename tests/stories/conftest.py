"""What stories that run in this process stand on: a cluster, a ledger and the actor's code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.act import Act, an_act
from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import MERGE_PATCH

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    with an_act(tmp_path_factory.mktemp("act")) as found:
        admin = found.cluster
        # As every real node: annotated, and with a spec of its own.
        for name in ("worker-1", "worker-2"):
            body = {"metadata": {"annotations": {"node": name}}, "spec": {"podCIDR": "10.0.0.0/24"}}
            admin.call("PATCH", f"/api/v1/nodes/{name}", body, type=MERGE_PATCH)
        admin.call(
            "POST",
            CLASSES,
            {"metadata": {"name": "fast"}, "provisioner": "csi.example", "allowVolumeExpansion": True},
        )
        yield found


@pytest.fixture
def space(act: Act) -> Space:
    return Space(act.cluster)
