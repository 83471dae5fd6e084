"""Deployments whose rollouts cannot go on, or would take everything away while they go on.

Source: ``DeploymentSpec`` and ``DeploymentStatus``; the deployment controller's condition ReplicaFailure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.creation import refusal
from agents.investigator.analyzers.deployment import wanted
from agents.investigator.analyzers.fields import condition, count_of, dig, last_writer, moment, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.history import history
from tools.kubernetes.objects import JsonObject

LATELY = timedelta(hours=1)
"""What a rollout brings is mostly felt within this time; later it has stood its test."""
PROMPT = timedelta(minutes=1)
"""The deployment controller acts within seconds; after this long it does not act."""


class RolloutCode(Coded):
    """What can be wrong with how a Deployment changes."""

    REPLICA_FAILURE = (
        "deployment.replica_failure",
        "A Deployment's newest ReplicaSet cannot create its pods; with who refuses them.",
        "the condition ReplicaFailure",
    )
    PAUSED = (
        "deployment.paused",
        "A Deployment is paused: a change of its template reaches no pod.",
        "spec.paused, status.updatedReplicas",
    )
    NOT_OBSERVED = (
        "deployment.not_observed",
        "A Deployment was changed and its controller has not looked at it since.",
        "metadata.generation, status.observedGeneration, the times of managedFields",
    )
    SCALING_LAGS = (
        "deployment.scaling_lags",
        "A Deployment has more pods than it asks for, and no rollout that would explain it.",
        "spec.replicas, status.replicas, the condition Progressing",
    )
    ROLLED_OUT = (
        "deployment.rolled_out",
        "A new version of a Deployment was rolled out in the hour before the alert, or runs since then.",
        "the newest two ReplicaSets: their templates, images and times",
    )
    ALL_UNAVAILABLE = (
        "deployment.all_unavailable",
        "A rollout may take away every pod at once (maxUnavailable).",
        "spec.strategy.rollingUpdate.maxUnavailable",
    )


def rollouts(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for Deployments that cannot roll out, or roll out dangerously."""
    for deployment in snapshot.objects("Deployment"):
        if not wanted(deployment):
            continue
        lags = _not_observed(snapshot, deployment) or _lags(deployment)
        for said in (_failure(deployment), _paused(deployment), lags, _all_at_once(deployment)):
            if said is not None:
                yield said.of(snapshot, deployment)
        if (said := _rolled_out(snapshot, deployment)) is not None:
            yield said.of(snapshot, deployment)


def _rolled_out(snapshot: Snapshot, deployment: JsonObject) -> Said | None:
    """The last rollout, if it came shortly before the alert: by itself it is only worth knowing."""
    past = history(deployment, snapshot.owned(deployment, "ReplicaSet")) if snapshot.began else ()
    made = moment(past[0].created_at) if len(past) > 1 else None
    # Of one that was taken up again its ReplicaSet is older than the one that it replaced.
    if not made or not snapshot.began or made < (moment(past[1].created_at) or made):
        return None
    images = {name: image for name, image in past[0].images.items() if past[1].images.get(name) != image}
    if not timedelta() <= snapshot.began - made <= LATELY or not images:
        return None
    changes = ", ".join(f"{name}: {quotable(image)}" for name, image in sorted(images.items()))
    return Said(
        code=RolloutCode.ROLLED_OUT,
        severity=Severity.INFO,
        message=f"Revision {past[0].number} was rolled out at {made:%H:%M:%S} UTC with {changes}.",
        fields={
            "revision": past[0].number,
            "previous_revision": past[1].number,
            "images": images,
            "changes": changes,
            "rolled_at": past[0].created_at,
        },
        since=made,
        reads=("ReplicaSet",),
    )


def _failure(deployment: JsonObject) -> Said | None:
    failure = condition(deployment, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    text = failure.get("message") or ""
    code, named = refusal(text)
    return Said(
        code=RolloutCode.REPLICA_FAILURE,
        message=f"The Deployment's pods cannot be created: {quotable(text)}",
        fields={
            "reason": failure.get("reason"),
            "message": quotable(text),
            "refused_for": code.value.rpartition(".")[2],
            **named,
        },
        since=moment(failure.get("lastTransitionTime")),
    )


def _paused(deployment: JsonObject) -> Said | None:
    if not dig(deployment, "spec", "paused"):
        return None
    updated, asked = count_of(deployment, "status", "updatedReplicas"), wanted(deployment)
    waits = updated < asked
    return Said(
        code=RolloutCode.PAUSED,
        severity=Severity.WARNING if waits else Severity.INFO,
        message="The Deployment is paused"
        + (f" within a rollout: {updated} of {asked} pods have the new template." if waits else "."),
        fields={"paused": True, "updated": updated, "replicas": asked},
    )


def _not_observed(snapshot: Snapshot, deployment: JsonObject) -> Said | None:
    seen, now = dig(deployment, "status", "observedGeneration"), dig(deployment, "metadata", "generation")
    manager, time = last_writer(deployment)
    written = moment(time)
    late = written is not None and snapshot.taken_at - written > PROMPT
    if not (isinstance(seen, int) and isinstance(now, int) and seen < now and late):
        return None
    return Said(
        code=RolloutCode.NOT_OBSERVED,
        message=f"The Deployment was changed at {time}, and its controller has not looked at it since.",
        fields={"generation": now, "observed_generation": seen, "manager": manager, "written_at": time},
        since=written,
    )


def _lags(deployment: JsonObject) -> Said | None:
    has, asked = count_of(deployment, "status", "replicas"), wanted(deployment)
    # Within a rollout a surplus is the surge; after one it is not.
    if has <= asked or condition(deployment, "Progressing").get("reason") != "NewReplicaSetAvailable":
        return None
    return Said(
        code=RolloutCode.SCALING_LAGS,
        message=f"The Deployment has {has} pods and asks for {asked}.",
        fields={"replicas": asked, "created": has},
    )


def _all_at_once(deployment: JsonObject) -> Said | None:
    most, asked = dig(deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted(deployment)
    every = int(most) >= asked if isinstance(most, int) else str(most or "") == "100%"
    # A single pod may go before its successor comes; somebody who wants that says it with one replica.
    if not every or asked < 2:
        return None
    return Said(
        code=RolloutCode.ALL_UNAVAILABLE,
        severity=Severity.INFO,
        message=f"A rollout may take away all {asked} pods at once (maxUnavailable {most}).",
        fields={"max_unavailable": most, "replicas": asked},
    )
