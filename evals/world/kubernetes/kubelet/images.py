"""What images do and what registries answer: the part of a scenario the kubelet acts on.

Durations are seconds of an unhurried cluster; the kubelet divides them by its speed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from evals.world.kubernetes.controllers.quantities import memory_bytes

CLUSTER_DNS = "10.96.0.10:53"


class Strict(BaseModel):
    """A frozen value that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LogLine(Strict):
    """One line a process prints `at` seconds after its start, again every `every` seconds if given."""

    text: str
    at: float = 0.0
    every: float | None = Field(default=None, gt=0)


class MemoryCurve(Strict):
    """Working set in bytes: from `start` to `peak`, straight, within `seconds`; then flat."""

    start: int
    peak: int
    seconds: float = Field(default=1.0, gt=0)

    @field_validator("start", "peak", mode="before")
    @classmethod
    def _quantity(cls, value: str | int) -> int:
        return memory_bytes(value)

    def at(self, seconds: float) -> int:
        """Bytes used `seconds` after the start of the process."""
        done = min(max(seconds / self.seconds, 0.0), 1.0)
        return int(self.start + (self.peak - self.start) * done)

    def reaches(self, limit: int) -> float | None:
        """Seconds after the start at which the curve passes `limit` bytes, or None when it never does."""
        if self.start > limit:
            return 0.0
        if self.peak <= limit:
            return None
        return self.seconds * (limit - self.start) / (self.peak - self.start)


class Exit(Strict):
    """The process ends by itself `after` seconds with this exit code."""

    after: float = Field(ge=0)
    code: int = Field(ge=0, le=255)


class ImageBehaviour(Strict):
    """What a process of this image does. `image` is a reference or a shell pattern; `env` narrows it
    further.
    """

    image: str
    env: dict[str, str] = Field(default_factory=dict)
    pull_seconds: float = 1.2
    size_bytes: int = 48_213_345
    start_seconds: float = 1.0
    port: int | None = None
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    paths: tuple[str, ...] = ()
    """What it answers with 200; everything when none is named, else the rest is a 404."""
    leans_on_config: bool = False
    """Whether it stops answering once its ConfigMaps say something else than when it started: a password
    that was rotated, an address that moved."""
    logs: tuple[LogLine, ...] = ()
    exit: Exit | None = None
    memory: MemoryCurve = MemoryCurve(start=40 << 20, peak=64 << 20, seconds=20)
    cpu_cores: float = Field(default=0.05, ge=0)

    def fits(self, env: Mapping[str, str]) -> bool:
        """Whether a container of this image behaves so with this environment."""
        return all(env.get(key) == value for key, value in self.env.items())


class Registry(Strict):
    """How one registry host answers. `pull_secret` names the Secret a pod must reference to be let in."""

    state: Literal["up", "unreachable", "unauthorized", "rate_limited"] = "up"
    pull_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class PullFailure:
    """The text containerd gives back for a pull that failed, as the kubelet repeats it."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Library:
    """Every image that exists, and the registries they would come from."""

    behaviours: tuple[ImageBehaviour, ...] = ()
    registries: Mapping[str, Registry]
    _named: dict[str, tuple[ImageBehaviour, ...]] = field(default_factory=dict, init=False, compare=False)

    def behaviour(self, image: str, env: Mapping[str, str]) -> ImageBehaviour | None:
        """The first behaviour that fits, or None when no registry holds such an image."""
        # Asked for every container at every tick; names never change, so each is matched once.
        if image not in self._named:
            self._named[image] = tuple(one for one in self.behaviours if fnmatchcase(image, one.image))
        return next((one for one in self._named[image] if one.fits(env)), None)

    def pull(self, image: str, env: Mapping[str, str], secrets: frozenset[str]) -> PullFailure | None:
        """None when the pull succeeds, else containerd's own words (containerd 1.7, CRI v1)."""
        host, repository, tag = split_reference(image)
        registry = self.registries.get(host, Registry())
        prefix = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '
        url = f"https://{host}/v2/{repository}/manifests/{tag}"
        if registry.state == "unreachable":
            detail = (
                f'failed to do request: Head "{url}": dial tcp: lookup {host} on {CLUSTER_DNS}: no such host'
            )
            return PullFailure(message=f"rpc error: code = Unknown desc = {prefix}{detail}")
        if registry.state == "rate_limited":
            detail = f"unexpected status from HEAD request to {url}: 429 Too Many Requests"
            return PullFailure(message=f"rpc error: code = Unknown desc = {prefix}{detail}")
        locked_out = registry.pull_secret is not None and registry.pull_secret not in secrets
        if registry.state == "unauthorized" or locked_out:
            detail = _refusal(host, url)
            return PullFailure(message=f"rpc error: code = Unknown desc = {prefix}{detail}")
        if self.behaviour(image, env) is None:
            return PullFailure(message=f"rpc error: code = NotFound desc = {prefix}{image}: not found")
        return None


def _refusal(host: str, url: str) -> str:
    # Docker Hub hides whether a repository exists; other registries answer with the plain status.
    if host == "docker.io":
        return (
            "pull access denied, repository does not exist or may require authorization: "
            "server message: insufficient_scope: authorization failed"
        )
    return f"unexpected status from HEAD request to {url}: 401 Unauthorized"


def split_reference(image: str) -> tuple[str, str, str]:
    """Registry host, repository and tag or digest of an image reference (distribution/reference rules)."""
    name, _, digest = image.partition("@")
    host, slash, rest = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = "docker.io", name if slash else f"library/{name}"
    repository, colon, tag = rest.rpartition(":")
    if not colon:
        repository, tag = rest, "latest"
    return host, repository, digest or tag


@lru_cache(maxsize=1024)
def image_id(image: str) -> str:
    """The content address a reference resolves to: the same one every time, as a registry would answer."""
    host, repository, tag = split_reference(image)
    digest = tag if tag.startswith("sha256:") else "sha256:" + hashlib.sha256(image.encode()).hexdigest()
    return f"{host}/{repository}@{digest}"
