"""What a scenario file may say. Every key is known or the file is refused; every value is frozen.

A scenario names a world (the cluster as it was, with the history that made it so) and adds the fault, the
alert
that notices it and the answers that are right. Durations are written `500ms`, `2s`, `10m` or as seconds.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator

from evals.world.expectation import Expectation
from evals.world.kubernetes.kubelet.images import ImageBehaviour, Library, Registry, Strict
from evals.world.kubernetes.objects import YAML_LOADER, JsonObject
from evals.world.model.script import Script
from evals.world.steps import Step

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class ScenarioError(Exception):
    """The scenario file is missing or says something that means nothing here."""

    retryable = False


def _seconds(value: object) -> object:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", value) if isinstance(value, str) else None
    return float(match[1]) * _UNITS[match[2]] if match else value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]


class ApplicationSeries(Strict):
    """A series the application exports; its value depends on whether a Service has ready endpoints.

    One that follows the fault is down from the fault on until the oracle is content: for trouble that
    nobody plays here, as between an Ingress and its clients.

    Gauges take the value as it is, counters grow by it per second. `service` is `namespace/name` and is
    added as
    the labels `namespace` and `service`.
    """

    name: str
    type: Literal["gauge", "counter"] = "gauge"
    labels: dict[str, str] = Field(default_factory=dict)
    service: str = Field(pattern=r"^[^/]+/[^/]+$")
    follows: Literal["service", "fault"] = "service"
    up: float
    down: float


class World(Strict):
    """A cluster as it was before the fault: what exists, what images do, and the history that made it so."""

    cluster: str
    nodes: tuple[JsonObject, ...] = Field(min_length=1)
    registries: dict[str, Registry] = Field(default_factory=dict)
    images: tuple[ImageBehaviour, ...] = ()
    history: tuple[Step, ...] = Field(min_length=1)
    series: tuple[ApplicationSeries, ...] = ()


class AlertRule(Strict):
    """A Prometheus alerting rule; annotations may use `{{ $labels.x }}` and `{{ $value }}`."""

    name: str
    expr: str
    for_: Seconds = Field(default=0.0, alias="for")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Control(Strict):
    """A twin of the scenario in which the same alert fires and nothing is to be done.

    The fault is left out; `instead` happens. The alert fires at once with these labels, as a flap, a
    test of the alert or one whose cause is over does.
    """

    name: str
    say: str
    labels: dict[str, str]
    instead: tuple[Step, ...] = ()


class Again(Strict):
    """The second time: `meanwhile` is what people did once the first was over, then it breaks once more.

    Without a `fault` or an `expect` of its own those of the first time come again.
    """

    say: str
    meanwhile: tuple[Step, ...] = ()
    hours: float = Field(default=36.0, gt=0)
    fault: tuple[Step, ...] = ()
    expect: Expectation | None = None


class Scenario(Strict):
    """One incident from the healthy world to the mended one.

    `history` and `noise` add to the world's past (noise: trouble that was there before and is not the cause).
    `model` holds the lines of the pretend model, see `evals.world.model.script.Line`.
    """

    name: str
    family: str = ""
    title: str
    story: str
    world: World
    history: tuple[Step, ...] = ()
    noise: tuple[Step, ...] = ()
    images: tuple[ImageBehaviour, ...] = ()
    registries: dict[str, Registry] = Field(default_factory=dict)
    series: tuple[ApplicationSeries, ...] = ()
    fault: tuple[Step, ...] = ()
    alert: AlertRule
    expect: Expectation
    controls: tuple[Control, ...] = ()
    again: Again | None = None
    model: tuple[JsonObject, ...] = ()

    @field_validator("model")
    @classmethod
    def _playable(cls, lines: tuple[JsonObject, ...]) -> tuple[JsonObject, ...]:
        try:
            Script.of(lines)
        except TypeError as error:
            raise ValueError(f"not a line of the model's script: {error}") from error
        return lines

    @property
    def second(self) -> Scenario:
        """The incident of the second time. Raises ScenarioError where there is none."""
        if self.again is None:
            raise ScenarioError(f"{self.name} happens once")
        fault, expect = self.again.fault or self.fault, self.again.expect or self.expect
        return self.model_copy(update={"fault": fault, "expect": expect})

    @property
    def library(self) -> Library:
        """The images of the scenario, before those of its world."""
        return Library(
            behaviours=self.images + self.world.images, registries=self.world.registries | self.registries
        )

    @property
    def past(self) -> list[Step]:
        """Everything that happened before the fault, oldest first."""
        steps = self.world.history + self.history + self.noise
        return sorted(steps, key=lambda step: -step.hours_ago)

    @property
    def application_series(self) -> tuple[ApplicationSeries, ...]:
        """Series of the world and of the scenario."""
        return self.world.series + self.series


def names() -> list[str]:
    """Every scenario that ships, in order."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def load(name: str, folder: Path = SCENARIOS) -> Scenario:
    """Read `NAME.yaml` and the world it names. Raises ScenarioError when either is missing or wrong."""
    body = _read(folder / f"{name}.yaml")
    world, alert = body.get("world"), body.get("alert")
    if isinstance(world, str):
        body["world"] = _read(folder / "worlds" / f"{world}.yaml")
    if isinstance(alert, str):
        body["alert"] = _alert(alert, folder)
    try:
        return Scenario.model_validate({**body, "name": name})
    except ValidationError as error:
        raise ScenarioError(f"{name}.yaml: {error}") from error


def _alert(name: str, folder: Path) -> JsonObject:
    """A well-known rule by its name, from the folder's list."""
    known = _read(folder / "worlds" / "alerts.yaml")
    if name not in known:
        raise ScenarioError(f"alerts.yaml has no rule {name}")
    return {"name": name, **known[name]}


def _read(path: Path) -> JsonObject:
    try:
        body = yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)  # noqa: S506 - a safe one
    except FileNotFoundError as error:
        raise ScenarioError(f"there is no scenario file {path.name}; known: {', '.join(names())}") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(body, dict):
        raise ScenarioError(f"{path.name} holds no mapping")
    return body
