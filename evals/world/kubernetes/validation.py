"""The rules an object must keep to be stored (the part of pkg/apis/*/validation that people run into)."""

from __future__ import annotations

from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject


def validate(kind: Kind, obj: JsonObject) -> None:
    """Raise Invalid when ``obj`` breaks a rule of its kind."""


def validate_update(kind: Kind, old: JsonObject, new: JsonObject) -> None:
    """Raise Invalid when the change from ``old`` to ``new`` touches something immutable."""
