"""Claims are bound to a volume that is made for them, and grow when they ask for more."""

from __future__ import annotations

import contextlib

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.errors import AlreadyExists, NotFound
from evals.world.kubernetes.objects import JsonObject, dig, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="csi-provisioner")


class VolumeController:
    """Provisions at once for every claim whose storage class exists, as a class does that binds so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorder = Recorder(store, "persistentvolume-controller")

    def tick(self, claim: JsonObject) -> None:
        """Look at one claim (a private copy)."""
        wanted = dig(claim, "spec", "resources", "requests", "storage")
        if not wanted or not self._may_be_made(claim):
            return
        if not claim["spec"].get("volumeName"):
            claim["spec"]["volumeName"] = self._volume(claim, wanted)
            claim = self._store.update("persistentvolumeclaims", claim, options=MANAGER)
        status = {
            "phase": "Bound",
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": wanted},
        }
        if status != claim.get("status"):
            self._store.update("persistentvolumeclaims", {**claim, "status": status}, "status", MANAGER)

    def _may_be_made(self, claim: JsonObject) -> bool:
        """Whether a volume can be made for the claim; else the controller says what is missing."""
        if claim["spec"].get("volumeName") or self._has_class(claim):
            return True
        name = claim["spec"].get("storageClassName")
        reason, text = "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found'
        if not name:
            reason = "FailedBinding"
            text = "no persistent volumes available for this claim and no storage class is set"
        self._recorder.record_once(claim, Note(reason=reason, message=text, warning=True))
        return False

    def _has_class(self, claim: JsonObject) -> bool:
        try:
            self._store.get("storageclasses", None, str(claim["spec"].get("storageClassName") or ""))
        except NotFound:
            return False
        return True

    def _volume(self, claim: JsonObject, size: str) -> str:
        name = f"pvc-{claim['metadata']['uid']}"
        reference = {"namespace": namespace_of(claim), "name": claim["metadata"]["name"]}
        volume = {
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": claim["spec"]["accessModes"],
                "storageClassName": claim["spec"]["storageClassName"],
                "claimRef": {"kind": "PersistentVolumeClaim", **reference},
                "csi": {"driver": "disk.csi.example", "volumeHandle": name},
            },
        }
        # There already: made in an earlier tick that could not write the claim any more.
        with contextlib.suppress(AlreadyExists):
            self._store.create("persistentvolumes", volume, MANAGER)
        return name
