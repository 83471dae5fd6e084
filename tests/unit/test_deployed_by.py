"""Objects that somebody else deploys: who would take a change back, and the patch to commit there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from agents.investigator.deployed_by import gitops_owner, helm_release, patch_to_commit
from agents.investigator.proposals import Limits, NoPlan, propose
from tests.support.kube_objects import GOOD, Json, deployment, replicaset, rolled_out, service
from tests.support.plans import a_step
from tests.support.scenes import alert, scene

IMAGE = "/spec/template/spec/containers/0/image"


@pytest.mark.parametrize(
    ("marks", "owner"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}, "Argo CD"),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, "Flux"),
        ({"managedFields": [{"manager": "argocd-controller", "operation": "Apply"}]}, "Argo CD"),
        ({"managedFields": [{"manager": "kustomize-controller", "operation": "Apply"}]}, "Flux"),
        ({"managedFields": [{"manager": "kubectl", "operation": "Update"}]}, ""),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, ""),
        ({}, ""),
        (
            {
                "labels": {"kustomize.toolkit.fluxcd.io/name": "shop"},
                "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
            },
            "",
        ),
        (
            {
                "labels": {"argocd.argoproj.io/instance": "shop"},
                "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
            },
            "Argo CD",
        ),
    ],
)
def test_who_would_take_a_change_back(marks: dict[str, Any], owner: str) -> None:
    assert gitops_owner(deployment(**marks)) == owner


@pytest.mark.parametrize(
    ("marks", "release"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "shop"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "s"}}, "s"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "unnamed"),
        ({"labels": {"app.kubernetes.io/instance": "s"}}, ""),
    ],
)
def test_which_helm_release_an_object_belongs_to(marks: dict[str, Any], release: str) -> None:
    assert helm_release(deployment(**marks)) == release


def patch(target: Json, set_: Json, **more: Any) -> str:
    return patch_to_commit(a_step(name="web", expect=dict.fromkeys(set_, "before"), set=set_, **more), target)


def test_the_patch_names_the_container_and_nothing_else() -> None:
    assert patch(deployment(), {IMAGE: GOOD}) == (
        "apiVersion: apps/v1\n"
        "kind: Deployment\n"
        "metadata:\n"
        "  name: web\n"
        "  namespace: shop\n"
        "spec:\n"
        "  template:\n"
        "    spec:\n"
        "      containers:\n"
        "      - name: web\n"
        f"        image: {GOOD}\n"
    )


def test_two_values_of_one_container_are_one_entry() -> None:
    limits = "/spec/template/spec/containers/0/resources/limits/memory"
    found = yaml.safe_load(patch(deployment(), {IMAGE: GOOD, limits: "256Mi", "/spec/replicas": 3}))
    assert found["spec"] == {
        "template": {
            "spec": {
                "containers": [{"name": "web", "image": GOOD, "resources": {"limits": {"memory": "256Mi"}}}]
            }
        },
        "replicas": 3,
    }


def test_a_label_that_goes_away_is_named_as_null() -> None:
    found = yaml.safe_load(
        patch(
            service("web", {"app": "wbe", "tier": "x"}),
            {"/spec/selector": {"app": "web"}},
            kind="Service",
            api_version="v1",
        )
    )
    assert found["spec"] == {"selector": {"tier": None, "app": "web"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"/spec/template": {"spec": {"containers": [{"name": "web", "image": GOOD}]}}},
        {"/spec/ports/0/targetPort": 8080},
        {"/spec/template/spec/containers/7/image": GOOD},
        {"/spec/paused": None},
        {IMAGE: GOOD, "/spec/template/spec/tolerations": []},
    ],
)
def test_what_a_merge_would_not_say_exactly_is_a_json_patch(changes: Json) -> None:
    target = deployment()
    target["spec"]["ports"] = [{"name": "http", "port": 80, "targetPort": 80}]
    said = patch(target, changes)
    assert said.startswith("# JSON patch for Deployment shop/web\n")
    assert yaml.safe_load(said) == [
        {"op": "remove", "path": path} if value is None else {"op": "replace", "path": path, "value": value}
        for path, value in changes.items()
    ]


SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}


def test_what_could_not_be_drafted_has_no_patch_to_commit() -> None:
    at = scene(rolled_out(annotations=ARGO), SHORT)
    found = propose(at.case, at.reasoned.cause, Limits(allowed=frozenset()))
    assert isinstance(found, NoPlan)
    assert found.patch == ""
    assert "The runbook does not allow" in str(found)


def test_without_a_wish_nothing_is_said_of_git() -> None:
    at = scene([deployment(annotations=ARGO), replicaset(1)], SHORT)
    found = propose(at.case, at.reasoned.cause, Limits())
    assert isinstance(found, NoPlan)
    assert found.patch == ""
