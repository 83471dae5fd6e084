"""StatefulSet → Pods in order, each with its claims, after `pkg/controller/statefulset`.

One at a time: the next pod is made when the one before is ready. A new template replaces pods from the
last to the first, and never one while another is not ready.
"""

from __future__ import annotations

import contextlib

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.creating import create_pod
from evals.world.kubernetes.controllers.pods import is_ready, owned_by, owner_reference
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.controllers.revisions import REVISION, revised
from evals.world.kubernetes.errors import AlreadyExists, ApiError
from evals.world.kubernetes.objects import JsonObject, copied, labels_of, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")


class StatefulSetController:
    """Reconciles every StatefulSet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorder = Recorder(store, "statefulset-controller")

    def tick(self, owner: JsonObject) -> None:
        """One look at one StatefulSet (a private copy)."""
        revision = revised(self._store, owner).name
        self._act(owner, self._pods(owner), revision)
        self._report(owner, list(self._pods(owner).values()), revision)

    def _pods(self, owner: JsonObject) -> dict[str, JsonObject]:
        found = self._store.peek("pods", namespace_of(owner))
        return {name_of(pod): pod for pod in found if owned_by(pod, owner)}

    def _act(self, owner: JsonObject, pods: dict[str, JsonObject], revision: str) -> None:
        wanted = int(owner["spec"].get("replicas") or 0)
        names = [f"{name_of(owner)}-{index}" for index in range(wanted)]
        for name in sorted(set(pods) - set(names), reverse=True)[:1]:
            self._store.delete("pods", namespace_of(owner), name)
            return
        for name in names:
            if name not in pods:
                self._create(owner, name, revision)
                return
            # Whichever its template: one that never becomes ready is waited for until somebody evicts it.
            if not is_ready(pods[name]) and not _parallel(owner):
                return
        for name in reversed(names):
            if labels_of(pods[name]).get(REVISION) != revision:
                self._store.delete("pods", namespace_of(owner), name)
                return

    def _create(self, owner: JsonObject, name: str, revision: str) -> None:
        template = copied(owner["spec"]["template"])
        pod = {"metadata": template.get("metadata") or {}, "spec": template["spec"]}
        meta(pod).update(name=name, namespace=namespace_of(owner), ownerReferences=[owner_reference(owner)])
        marks = {"statefulset.kubernetes.io/pod-name": name, REVISION: revision}
        meta(pod)["labels"] = {**(meta(pod).get("labels") or {}), **marks}
        for claim in owner["spec"].get("volumeClaimTemplates") or []:
            self._claim(owner, claim, name)
            volume = {"claimName": f"{name_of(claim)}-{name}"}
            pod["spec"].setdefault("volumes", []).append(
                {"name": name_of(claim), "persistentVolumeClaim": volume}
            )
        try:
            create_pod(self._store, pod, MANAGER)
        except ApiError as error:
            text = f"create Pod {name} in StatefulSet {name_of(owner)} failed error: {error.message}"
            self._recorder.record_once(owner, Note(reason="FailedCreate", message=text, warning=True))
            return
        text = f"create Pod {name} in StatefulSet {name_of(owner)} successful"
        self._recorder.record(owner, Note(reason="SuccessfulCreate", message=text))

    def _claim(self, owner: JsonObject, template: JsonObject, pod: str) -> None:
        claim = copied({"metadata": {}, "spec": template["spec"]})
        meta(claim).update(name=f"{name_of(template)}-{pod}", namespace=namespace_of(owner))
        meta(claim)["labels"] = dict(owner["spec"]["selector"].get("matchLabels") or {})
        # There already: claims outlive their pods.
        with contextlib.suppress(AlreadyExists):
            self._store.create("persistentvolumeclaims", claim, MANAGER)

    def _report(self, owner: JsonObject, pods: list[JsonObject], revision: str) -> None:
        fresh = [pod for pod in pods if labels_of(pod).get(REVISION) == revision]
        before = owner.get("status") or {}
        done = len(fresh) == len(pods) and all(map(is_ready, pods))
        status = {
            "replicas": len(pods),
            "readyReplicas": sum(map(is_ready, pods)),
            "availableReplicas": sum(map(is_ready, pods)),
            "currentReplicas": len(pods) if done else len(pods) - len(fresh),
            "updatedReplicas": len(fresh),
            "updateRevision": revision,
            "currentRevision": revision if done else before.get("currentRevision", revision),
            "observedGeneration": meta(owner)["generation"],
            "collisionCount": 0,
        }
        if status != before:
            self._store.update("statefulsets", {**owner, "status": status}, "status", MANAGER)


def _parallel(owner: JsonObject) -> bool:
    return bool(owner["spec"].get("podManagementPolicy") == "Parallel")
