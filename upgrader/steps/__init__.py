"""Changes: observe, diff, verify. One file per kind; a step never writes."""

from __future__ import annotations

from upgrader.steps.apply_manifests import ApplyManifests
from upgrader.steps.back_up import BackUp
from upgrader.steps.move_tag import MoveTag
from upgrader.steps.relabel_gateway import RelabelGateway
from upgrader.steps.relabel_namespace import RelabelNamespace
from upgrader.steps.remove_objects import RemoveObjects
from upgrader.steps.restart_workload import RestartWorkload
from upgrader.steps.restore import Restore
from upgrader.steps.scale_plane import ScalePlane

AnyStep = (
    BackUp
    | Restore
    | ApplyManifests
    | RelabelNamespace
    | RelabelGateway
    | RestartWorkload
    | MoveTag
    | RemoveObjects
    | ScalePlane
)
"""The closed union of everything a plan can do."""

STEPS: tuple[type[AnyStep], ...] = AnyStep.__args__
"""Every kind, for tests that ask the same of all."""

__all__ = [
    "STEPS",
    "AnyStep",
    "ApplyManifests",
    "BackUp",
    "MoveTag",
    "RelabelGateway",
    "RelabelNamespace",
    "RemoveObjects",
    "RestartWorkload",
    "Restore",
    "ScalePlane",
]
