"""Quantities as Kubernetes writes them: ``500m``, ``2Gi``, ``1e3``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_SUFFIXES = {
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
}  # fmt: skip
GIB = 2**30


def quantity(text: Any) -> float:
    """A quantity as a plain number: cores, bytes, pieces; 0 for none and for what is no quantity."""
    return 0.0 if text is None else _number(str(text).strip())


@lru_cache(maxsize=1024)
def _number(written: str) -> float:
    suffix = next((s for s in _SUFFIXES if written.endswith(s)), "")
    try:
        return float(written.removesuffix(suffix)) * _SUFFIXES.get(suffix, 1)
    except ValueError:
        return 0.0


def told(resource: str, amount: float) -> str:
    """*amount* of a resource for people: ``2 GiB``, ``350m``, ``3``."""
    if "memory" in resource:
        return f"{amount / GIB:.1f} GiB".replace(".0 ", " ") if amount >= GIB else f"{amount / 2**20:.0f} MiB"
    if "cpu" in resource and amount != int(amount):
        return f"{amount * 1000:.0f}m"
    return f"{amount:.0f}"
