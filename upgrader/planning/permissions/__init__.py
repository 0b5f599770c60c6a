"""The rights that a plan needs, phase by phase and object by object: for asking the API server, and for handing out."""

from __future__ import annotations

from upgrader.planning.permissions.ground import Ground
from upgrader.planning.permissions.permission import Permission
from upgrader.planning.permissions.phases import Phase, needed, phases
from upgrader.planning.permissions.probing import is_dispensable, useful
from upgrader.planning.permissions.roles import Grant, Role, grants

__all__ = [
    "Grant",
    "Ground",
    "Permission",
    "Phase",
    "Role",
    "grants",
    "is_dispensable",
    "needed",
    "phases",
    "useful",
]
