"""Ready-made clusters: what they contain is data, how they come up is what the sandbox does with it."""

from __future__ import annotations

from upgrader.sandbox.scenarios.builder import Builder, StillUnhealthy
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import Scenario, names, read_scenario
from upgrader.sandbox.scenarios.versions import version_folders, write_manifests

__all__ = [
    "Builder",
    "Scenario",
    "StillUnhealthy",
    "load",
    "names",
    "read_scenario",
    "version_folders",
    "write_manifests",
]
