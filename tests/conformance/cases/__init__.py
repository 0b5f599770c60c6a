"""The cases by subject; importing this knows them all."""

from tests.conformance.cases import (
    access,
    admission,
    applying,
    definitions,
    deleting,
    discovery,
    parts,
    patching,
    reading,
    watching,
    workloads,
    writing,
)

__all__ = [
    "access",
    "admission",
    "applying",
    "definitions",
    "deleting",
    "discovery",
    "parts",
    "patching",
    "reading",
    "watching",
    "workloads",
    "writing",
]
