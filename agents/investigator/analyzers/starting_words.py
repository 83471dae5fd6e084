"""What the kubelet's sentences about a pod's start say: which object and key, which volume, which fault."""

from __future__ import annotations

import re

from agents.investigator.analyzers.fields import quotable
from tools.kubernetes.objects import JsonObject

_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
_ABSENT = re.compile(r'(?P<kind>configmap|secret) "(?P<name>[^"]+)" not found', re.IGNORECASE)
_NO_KEY = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?:[^/\s]+/)?(?P<name>[\w.-]+)"
)
_NO_ITEM = re.compile(r"references non-existent (?:config|secret) key: (?P<key>[\w.-]+)")
_RULES = (
    ("run_as_non_root", re.compile(r"runAsNonRoot")),
    ("sub_path", re.compile(r"subPath")),
)
_VOLUME = re.compile(
    r'volume "(?P<volume>[^"]+)"|unmounted volumes=\[(?P<unmounted>[^\]]*)\]|'
    r'PersistentVolumeClaim "(?P<claim>[^"]+)"'
)
_HOLDERS = re.compile(r"already used by pod\(s\) (?P<pods>[\w., -]+)")
_FAULTS = (
    (
        "no_addresses",
        re.compile(r"no available ip|failed to (?:assign|allocate).*\bip\b|no ip addresses", re.I),
    ),
    ("network_plugin", re.compile(r"cni|network (?:plugin|is not ready)|setup network|networkPlugin", re.I)),
    ("sandbox_image", re.compile(r"sandbox image|pause", re.I)),
    ("runtime", re.compile(r"runtime|containerd|shim|runc|cgroup|reserve sandbox name", re.I)),
)


def missing_config(text: str) -> JsonObject:
    """The object or key that a container needs and that is not there, and the rule that it breaks."""
    facts: JsonObject = {}
    if match := _ABSENT.search(text) or _NO_KEY.search(text):
        facts |= {"missing_kind": _KINDS[match["kind"].lower()], "missing_name": match["name"]}
        facts |= {"missing_key": match.groupdict().get("key")}
    rule = next((name for name, pattern in _RULES if pattern.search(text)), None)
    return facts | {"rule": rule}


def mount_facts(text: str) -> JsonObject:
    """The volume that cannot be had, the object or key it needs, and the pods that hold it."""
    found: dict[str, str] = {}
    for match in _VOLUME.finditer(text):
        found |= {key: quotable(value) for key, value in match.groupdict().items() if value}
    holders = _HOLDERS.search(text)
    item = _NO_ITEM.search(text)
    missing = {key: value for key, value in missing_config(text).items() if key.startswith("missing_")}
    return {
        **found,
        **missing,
        **({"missing_key": item["key"]} if item else {}),
        "multi_attach": True if "Multi-Attach" in text else None,
        "held_by": re.split(r"[, ]+", holders["pods"].strip()) if holders else None,
        "timed_out": True if "timed out" in text or "deadline exceeded" in text else None,
    }


def sandbox_fault(text: str) -> str | None:
    """What kind of fault keeps a sandbox from being made; None when the text fits none."""
    return next((name for name, pattern in _FAULTS if pattern.search(text)), None)
