"""Kubernetes quantities (``128Mi``, ``250m``, ``1.5``) as numbers, and bytes back as text.

Source: Kubernetes API conventions, resource.Quantity.
"""

from __future__ import annotations

import re

_PATTERN = re.compile(r"([+-]?\d+(?:\.\d+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e-?\d+)?")
_SUFFIX = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}


class QuantityError(ValueError):
    """This text is not a quantity."""


def amount(text: str) -> float:
    """The number a quantity stands for, in base units (bytes, cores). Raises QuantityError."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise QuantityError(f"{text!r} is not a quantity")
    number, suffix = float(match.group(1)), match.group(2) or ""
    return number * (10 ** int(suffix[1:]) if suffix[:1] == "e" else _SUFFIX[suffix])


def mebibytes(size: float) -> str:
    """Bytes as whole mebibytes, rounded down: ``256Mi``."""
    return f"{int(size // 2**20)}Mi"
