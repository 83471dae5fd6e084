"""The conditions that causes are made of: images, crashes, memory, Services that lead nowhere, replicas."""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded

_PULL = "the container's waiting state, the pod's Failed events"


class Code(Coded):
    """What reasoning joins into a cause."""

    IMAGE_NOT_FOUND = (
        "pod.image.not_found",
        "The registry answered, and it has no image of that name and tag.",
        _PULL,
    )
    IMAGE_REGISTRY_UNREACHABLE = (
        "pod.image.registry_unreachable",
        "The registry did not answer: name resolution, network, TLS or a 5xx.",
        _PULL,
    )
    IMAGE_PULL_SECRET_MISSING = (
        "pod.image.pull_secret_missing",
        "The registry refused the pull, and a pull secret that the pod names does not exist.",
        f"{_PULL}, FailedToRetrieveImagePullSecret events, the names (never the values) of Secrets",
    )
    IMAGE_UNAUTHORIZED = (
        "pod.image.unauthorized",
        "The registry refused the pull, though every pull secret that the pod names exists or could not be "
        "looked for.",
        _PULL,
    )
    IMAGE_RATE_LIMITED = (
        "pod.image.rate_limited",
        "The registry's limit on pulls is used up.",
        _PULL,
    )
    IMAGE_NAME_INVALID = (
        "pod.image.name_invalid",
        "The image's name cannot be one, so nobody was asked for it.",
        "the container's waiting reason InvalidImageName",
    )
    IMAGE_PLATFORM_MISMATCH = (
        "pod.image.platform_mismatch",
        "The image exists, but not for the platform of this node.",
        _PULL,
    )
    IMAGE_SIGNATURE_REFUSED = (
        "pod.image.signature_refused",
        "The image's signature, or a policy about images, does not let the node take it.",
        _PULL,
    )
    IMAGE_NEVER_PULLED = (
        "pod.image.never_pulled",
        "The image is not on the node, and the pull policy Never forbids to fetch it.",
        "the container's waiting reason ErrImageNeverPull",
    )
    IMAGE_NOT_INSPECTED = (
        "pod.image.not_inspected",
        "The node has the image and cannot read it: damaged, or its runtime is.",
        "the container's waiting reason ImageInspectError",
    )
    IMAGE_NOT_PULLED = (
        "pod.image.not_pulled",
        "The image does not arrive, and what was said about it fits none of the above.",
        _PULL,
    )
    CRASH_LOOP = (
        "pod.container.crash_loop",
        "A container starts and dies again and again; with its last exit code and its last words.",
        "the container's state, last state and restart count, its log of this run and of the one before",
    )
    OOM_KILLED = (
        "pod.container.oom_killed",
        "A container was killed for memory, also when it runs again by now.",
        "the container's state and last state (reason OOMKilled), its memory limit",
    )
    SELECTOR_MATCHES_NOTHING = (
        "service.selector.matches_nothing",
        "A Service's selector matches no pod and no workload; with the workload it was probably meant for.",
        "the Service's selector, pod labels, the pod templates of Deployments, StatefulSets and DaemonSets",
    )
    ENDPOINTS_NONE_READY = (
        "service.endpoints.none_ready",
        "A Service selects pods of which none is ready, or a workload that has no pods.",
        "the Service's selector, pod conditions, EndpointSlices",
    )
    SCALED_TO_ZERO = (
        "deployment.scaled_to_zero",
        "A Deployment asks for no replicas; with who last scaled it and which Services lead to it.",
        "spec.replicas, who and when of managedFields, the selectors of Services",
    )
    REPLICAS_SHORT = (
        "deployment.replicas_short",
        "A Deployment has fewer available replicas than it asks for, and not only because it rolls out.",
        "spec.replicas, status.availableReplicas, the conditions Available and Progressing",
    )
    PROGRESS_DEADLINE = (
        "deployment.progress_deadline",
        "A rollout made no progress within its deadline.",
        "the condition Progressing (reason ProgressDeadlineExceeded)",
    )


IMAGE_CODES = frozenset(code for code in Code if code.startswith("pod.image."))
