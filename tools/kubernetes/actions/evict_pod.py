"""Evict one pod, so that its controller makes another one elsewhere or anew."""

from __future__ import annotations

import rfc8785

from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Rule
from tools.kubernetes.actions.whole import WHOLE, WholeVerb
from tools.kubernetes.actions.wire import MARK, QUERY, path_of
from tools.kubernetes.client import Request
from tools.kubernetes.objects import JsonObject, ref_of
from tools.kubernetes.pointers import read

_OWNERS = "/metadata/ownerReferences"
_NODE = "/spec/nodeName"
MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a static pod's mirror."""
_ENDED = ("Succeeded", "Failed")


class EvictPod(WholeVerb):
    """Parameters: none; the pod that is given is the one that goes."""

    name = "evict_pod"
    kinds = ("Pod",)
    tier = 1
    risks = "What the pod held in memory or in an emptyDir is lost; its replacement may not fit anywhere."
    when_not = "Nothing would make the pod again, or its disruption budget is spent: then it stays."
    verify = ("pod_replaced",)
    reversible = False
    undo = "Cannot be undone: the pod is gone, and its controller makes another one."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a pod without a controller, a static one, and one that ended or is going already."""
        del params, context
        ref = ref_of(target)
        if ref.kind not in self.kinds:
            return Refused(reason=f"{self.name} does not change a {ref.kind}")
        against = _against(target)
        if against:
            return Refused(reason=f"{ref} {against}")
        return Step(
            verb=self.name,
            api_version="v1",
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            uid=ref.uid,
            expect={
                "/metadata/uid": ref.uid,
                _OWNERS: target["metadata"]["ownerReferences"],
                _NODE: target["spec"]["nodeName"],
            },
            set={WHOLE: None},
        )

    def bounds(self, step: Step) -> Refused | None:
        """The pod goes, it has a controller that makes another one, and it is on a node."""
        if step.creates or not isinstance(step.expect.get(_NODE), str):
            return Refused(reason="an eviction takes a pod from its node and makes nothing")
        owners = step.expect.get(_OWNERS)
        if _controller(owners) is None:
            return Refused(reason="nothing would make this pod again")
        return None

    def sentence(self, step: Step) -> str:
        """Names the pod, its node and who makes the next one."""
        owner = _controller(step.expect[_OWNERS]) or {}
        maker = f"{owner.get('kind')} {owner.get('name')}"
        return f"Evict {step.target} from node {step.expect[_NODE]}; {maker} makes another one"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Reading pods and evicting them; never deleting one."""
        return (
            Rule(group="", resource="pods", verbs=("get",)),
            Rule(group="", resource="pods/eviction", verbs=("create",)),
        )

    def request(self, step: Step, plan_id: str) -> Request:
        """An eviction with the uid as its precondition and the pod's own grace period."""
        body: JsonObject = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            # The object that this could mark is about to go; the API server's own audit log keeps it.
            "metadata": {"name": step.name, "namespace": step.namespace, "annotations": {MARK: plan_id}},
            "deleteOptions": {"preconditions": {"uid": step.uid}},
        }
        return Request(method="POST", path=f"{path_of(step)}/eviction", query=QUERY, body=rfc8785.dumps(body))

    def after(self, step: Step, answer: JsonObject) -> JsonObject | None:
        """Nothing: the answer to an eviction is a status, and the pod is gone."""
        del step, answer
        return None

    def is_applied(self, step: Step, plan_id: str, live: JsonObject | None) -> bool:
        """Whether this very pod is gone or going, whoever saw to it: there is no mark on what is gone."""
        del plan_id
        return read(live, "/metadata/uid") != step.uid or "deletionTimestamp" in (live or {})["metadata"]

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """Refuses: there is none."""
        del live
        return Refused(reason=f"{step.target} is gone for good; its controller made another one")


def _against(pod: JsonObject) -> str | None:
    meta = pod["metadata"]
    if MIRROR in (meta.get("annotations") or {}):
        return "is a static pod of its node, which an eviction does not touch"
    if meta.get("deletionTimestamp"):
        return "is going already"
    if read(pod, "/status/phase") in _ENDED:
        return "has ended, so an eviction changes nothing"
    if _controller(meta.get("ownerReferences") or []) is None:
        return "has no controller that would make it again"
    return None if isinstance(read(pod, _NODE), str) else "is on no node"


def _controller(owners: object) -> JsonObject | None:
    found = owners if isinstance(owners, list) else []
    return next((each for each in found if isinstance(each, dict) and each.get("controller") is True), None)
