"""Kubernetes quantities as numbers (resource.Quantity: `250m`, `64Mi`, `1.5`, `1e3`)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_SUFFIXES = {
    "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
}  # fmt: skip


def quantity(value: str | int | float) -> Decimal:
    """The number a quantity stands for. Raises ValueError on anything the API server would refuse."""
    text = str(value).strip()
    try:
        for suffix, factor in _SUFFIXES.items():
            if text.endswith(suffix):
                return Decimal(text.removesuffix(suffix)) * factor
        if text.endswith("m"):
            return Decimal(text[:-1]) / 1000
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"not a Kubernetes quantity: {value!r}") from error


def memory_bytes(value: str | int | float) -> int:
    """Whole bytes."""
    return int(quantity(value))


def cpu_cores(value: str | int | float) -> float:
    """Cores, fractions included."""
    return float(quantity(value))
