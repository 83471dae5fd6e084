"""Images that do not arrive: told apart by what was said, and never by what an image is called."""

from __future__ import annotations

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.image import images, registry_of
from tests.support.kube_objects import BAD, NOT_FOUND, Json, event, pod, pulling, waiting
from tests.support.scenes import scene

_RESOLVE = f'failed to pull and unpack image "{BAD}": failed to resolve reference "{BAD}": '


def found(*objects: Json) -> list[Finding]:
    return list(images(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (f"rpc error: code = NotFound desc = {_RESOLVE}{BAD}: not found", "pod.image.not_found"),
        (
            f"Error response from daemon: manifest for {BAD} not found: manifest unknown",
            "pod.image.not_found",
        ),
        (
            f"{_RESOLVE}dial tcp: lookup registry.example on 10.96.0.10:53: no such host",
            "pod.image.registry_unreachable",
        ),
        (
            f"{_RESOLVE}failed to do request: dial tcp 10.0.0.9:443: i/o timeout",
            "pod.image.registry_unreachable",
        ),
        (f"{_RESOLVE}dial tcp 10.0.0.9:443: connect: connection refused", "pod.image.registry_unreachable"),
        (f"{_RESOLVE}x509: certificate signed by unknown authority", "pod.image.registry_unreachable"),
        (
            f"{_RESOLVE}unexpected status from HEAD request to https://reg/v2/: 401 Unauthorized",
            "pod.image.unauthorized",
        ),
        (
            "pull access denied, repository does not exist or may require authorization: insufficient_scope",
            "pod.image.unauthorized",
        ),
        ("toomanyrequests: You have reached your pull rate limit", "pod.image.rate_limited"),
        ("no match for platform in manifest: not found", "pod.image.platform_mismatch"),
        ("Source image rejected: A signature was required", "pod.image.signature_refused"),
        ("something nobody has seen before", "pod.image.not_pulled"),
    ],
)
def test_each_pull_error_has_its_own_code(said: str, code: str) -> None:
    (finding,) = found(pulling("web-r2-aaaaa", message=said))
    assert finding.code == code


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("InvalidImageName", "pod.image.name_invalid"),
        ("ErrImageNeverPull", "pod.image.never_pulled"),
        ("ImageInspectError", "pod.image.not_inspected"),
        ("SignatureValidationFailed", "pod.image.signature_refused"),
        ("RegistryUnavailable", "pod.image.registry_unreachable"),
    ],
)
def test_the_kubelet_s_own_verdict_needs_no_message(reason: str, code: str) -> None:
    (finding,) = found(pod("web-r2-aaaaa", state=waiting(reason), ready=False, phase="Pending"))
    assert finding.code == code


def test_the_finding_names_container_image_registry_and_the_evidence_it_was_read_from() -> None:
    at = scene([pulling("web-r2-aaaaa")])
    (finding,) = images(at.snapshot)
    assert finding.fields["container"] == "web"
    assert finding.fields["image"] == BAD
    assert finding.fields["registry"] == "registry.example"
    assert [at.evidence[number].query for number in finding.evidence] == ["GET Pod"]


def test_the_short_back_off_text_is_replaced_by_the_last_full_failed_event() -> None:
    sick = pod(
        "web-r2-aaaaa",
        image=BAD,
        ready=False,
        state=waiting("ImagePullBackOff", f'Back-off pulling image "{BAD}"'),
    )
    (finding,) = found(
        sick, event(sick, "Failed", NOT_FOUND), event(sick, "Failed", "Error: ImagePullBackOff")
    )
    assert finding.code == "pod.image.not_found"
    assert "NotFound" in finding.fields["message"]


def test_an_event_about_another_image_of_the_pod_is_not_believed() -> None:
    sick = pod("web-r2-aaaaa", image=BAD, ready=False, state=waiting("ImagePullBackOff"))
    (finding,) = found(sick, event(sick, "Failed", 'Failed to pull image "other/side:1": 401 Unauthorized'))
    assert finding.code == "pod.image.not_pulled"


def test_an_image_named_after_an_error_does_not_choose_the_code() -> None:
    image = "registry.example/unauthorized-no-such-host/toomanyrequests:401"
    (finding,) = found(
        pulling("web-r2-aaaaa", image, f"rpc error: code = NotFound desc = {image}: not found")
    )
    assert finding.code == "pod.image.not_found"


def refused(**more: object) -> Json:
    return pulling(
        "web-r2-aaaaa",
        message="401 Unauthorized",
        spec={"containers": [{"name": "web", "image": BAD}], "imagePullSecrets": [{"name": "regcred"}]},
        **more,
    )


def test_a_refusal_with_a_pull_secret_that_does_not_exist_is_the_missing_secret() -> None:
    other = {"kind": "Secret", "metadata": {"name": "regcred-old", "namespace": "shop"}}
    (finding,) = found(refused(), other)
    assert finding.code == "pod.image.pull_secret_missing"
    assert finding.fields["pull_secret"] == "regcred"


def test_the_kubelets_own_event_about_the_pull_secret_is_enough() -> None:
    told = (
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    )
    (finding,) = found(refused(), event(refused(), "FailedToRetrieveImagePullSecret", told))
    assert finding.code == "pod.image.pull_secret_missing"


def test_a_refusal_with_a_pull_secret_that_exists_is_a_refusal() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "regcred", "namespace": "shop"}}
    (finding,) = found(refused(), secret)
    assert finding.code == "pod.image.unauthorized"


def test_a_secret_nobody_could_look_for_is_not_called_missing() -> None:
    (finding,) = found(refused())
    assert finding.code == "pod.image.unauthorized"


def test_a_missing_pull_secret_does_not_hide_that_the_image_does_not_exist() -> None:
    told = (
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    )
    sick = pulling(
        "web-r2-aaaaa",
        spec={"containers": [{"name": "web", "image": BAD}], "imagePullSecrets": [{"name": "regcred"}]},
    )
    (finding,) = found(sick, event(sick, "FailedToRetrieveImagePullSecret", told))
    assert finding.code == "pod.image.not_found"


def test_an_init_container_counts_too() -> None:
    sick = pod("web-r2-aaaaa", ready=False)
    sick["spec"]["initContainers"] = [{"name": "migrate", "image": BAD}]
    sick["status"]["initContainerStatuses"] = [
        {"name": "migrate", "state": waiting("ErrImagePull", NOT_FOUND), "image": ""}
    ]
    (finding,) = found(sick)
    assert (finding.fields["container"], finding.fields["image"]) == ("migrate", BAD)


def test_running_pods_pods_that_are_created_and_pods_on_their_way_out_are_silent() -> None:
    leaving = pulling("web-r2-ccccc", deletionTimestamp="2026-11-24T02:09:00Z")
    starting = pod("web-r2-bbbbb", ready=False, state=waiting("ContainerCreating"))
    assert found(pod("web-r2-aaaaa"), starting, leaving) == []


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("nginx", "docker.io"),
        ("team/app:1", "docker.io"),
        ("localhost:5000/app", "localhost:5000"),
        ("registry.example/shop/web@sha256:abc", "registry.example"),
    ],
)
def test_the_registry_host_follows_the_reference_rules(image: str, host: str) -> None:
    assert registry_of(image) == host
