"""A runbook as a value, and how it is read from its file. A file that says something unknown is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tools.kubernetes.actions.catalogue import CATALOGUE

NonBlank = Annotated[str, Field(min_length=1, pattern=r"\S")]
_FRONT = re.compile(r"\A---\n(?P<front>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)


class RunbookError(Exception):
    """A runbook file cannot be read; trying again changes nothing."""

    retryable = False


class Matches(BaseModel):
    """Which alerts a runbook is for: one of ``alertnames``, and every one of ``labels``.

    A label's value is exact, or ``*`` for "is there at all".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alertnames: tuple[NonBlank, ...] = ()
    labels: dict[str, NonBlank] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if not self.alertnames and not self.labels:
            raise ValueError("a runbook that matches every alert helps with none")
        return self

    def fit(self, labels: Mapping[str, str]) -> int:
        """How closely an alert's labels fit: 0 not at all, more for each thing that was asked for."""
        name = labels.get("alertname", "").lower()
        if self.alertnames and name not in {known.lower() for known in self.alertnames}:
            return 0
        if not all(labels.get(key) and wanted in ("*", labels[key]) for key, wanted in self.labels.items()):
            return 0
        # A name is worth more than any number of labels.
        return (100 if self.alertnames else 0) + len(self.labels)


class Runbook(BaseModel):
    """What to ask, what may be proposed, how to see that it worked, and whom to wake.

    ``symptoms`` are how people and logs put it: what a search goes by. ``allowed_actions`` are verbs of
    the catalogue; empty means that nothing may be proposed. ``verify`` is PromQL that returns nothing
    once the trouble is over; ``$namespace`` and the like stand for the alert's labels. ``body`` is
    Markdown for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: NonBlank
    title: NonBlank
    matches: Matches
    symptoms: tuple[NonBlank, ...] = ()
    questions: tuple[NonBlank, ...] = Field(min_length=1)
    allowed_actions: tuple[NonBlank, ...]
    verify: str = ""
    escalate_to: NonBlank
    body: NonBlank

    @field_validator("allowed_actions")
    @classmethod
    def _verbs_exist(cls, verbs: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(verbs) - set(CATALOGUE))
        if unknown:
            raise ValueError(f"not in the catalogue of actions: {', '.join(unknown)}")
        return verbs

    def verify_query(self, labels: Mapping[str, str]) -> str:
        """The check for one alert; empty when there is none or the alert lacks a label that it needs.

        Values are escaped as PromQL strings, so that a label can name a thing and not extend the query.
        """
        quoted = {key: value.replace("\\", r"\\").replace('"', r"\"") for key, value in labels.items()}
        if any(ord(char) < 32 for value in labels.values() for char in value):
            return ""
        try:
            return Template(self.verify).substitute(quoted)
        except (KeyError, ValueError):
            return ""


def parse(name: str, text: str) -> Runbook:
    """A runbook from the text of its file. Raises RunbookError, which names the file and the fault."""
    parts = _FRONT.match(text)
    if parts is None:
        raise RunbookError(f"{name}: it does not begin with front matter between two lines of ---")
    try:
        # A safe loader too, and ten times as quick: all runbooks are read whenever anything starts.
        front = yaml.load(parts["front"], yaml.CSafeLoader)
        if not isinstance(front, dict):
            raise RunbookError(f"{name}: its front matter is not a mapping")
        return Runbook.model_validate({**front, "name": name, "body": parts["body"].strip()})
    except (yaml.YAMLError, ValidationError) as error:
        raise RunbookError(f"{name}: {error}") from error


def read(path: Path) -> Runbook:
    """A runbook from its file. Raises RunbookError."""
    try:
        return parse(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RunbookError(f"{path.name}: {error}") from error
