"""Kubernetes quantities (``128Mi``, ``250m``, ``1.5``) as numbers, and bytes back as text.

Source: Kubernetes API conventions, resource.Quantity.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_PATTERN = re.compile(r"([+-]?\d+(?:\.\d+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e-?\d{1,2})?")
# An API server keeps none beyond; what people type may be anything.
_MOST = Decimal(2) ** 63
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


# Largest first: the first that divides is the canonical one.
_BINARY = {
    **{f"{unit}i": Decimal(2) ** (60 - 10 * place) for place, unit in enumerate("EPTGMK")},
    "": Decimal(1),
}
_DECIMAL = {
    **{unit: Decimal(10) ** (18 - 3 * place) for place, unit in enumerate("EPTGMk")},
    "": Decimal(1),
    "m": Decimal("0.001"),
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


def canonical(text: str) -> str:
    """The quantity as an API server writes it back: ``1024Mi`` is ``1Gi``, ``0.5`` is ``500m``.

    The largest suffix of the same family that leaves a whole number; thousandths round up.
    Raises QuantityError.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise QuantityError(f"{text!r} is not a quantity")
    suffix = match.group(2) or ""
    family = _BINARY if suffix.endswith("i") else _DECIMAL
    factor = Decimal(10) ** int(suffix[1:]) if suffix[:1] == "e" else family[suffix]
    number = Decimal(match.group(1)) * factor
    if abs(number) >= _MOST:
        raise QuantityError("this is more than any quantity can be")
    for name, unit in family.items():
        if number and number % unit == 0:
            return f"{int(number / unit)}{name}"
    thousandths = int((number * 1000).to_integral_value(rounding=ROUND_CEILING))
    return f"{thousandths}m" if thousandths else "0"


def mebibytes(size: float) -> str:
    """Bytes as whole mebibytes, rounded down: ``256Mi``."""
    return f"{int(size // 2**20)}Mi"
