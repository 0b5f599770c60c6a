"""Which suite a test belongs to: the default one, which ends in under two minutes, or the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
LONG = (
    "journeys/meshes",
    "journeys/test_whole_upgrades.py::test_a_mesh_of_1_12_without_a_revision_goes_six_minors_up",
    "engine/driving/test_faults.py",
    "cli/test_interruption.py",
    "cli/test_signals.py",
)
"""Whole meshes, sweeps and real processes: `make long` runs these, `make test` does not."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long by where it is, so that a new test of such a folder is long too."""
    for item in items:
        place = item.path.relative_to(_HERE).as_posix()
        if f"{place}::{item.name}".startswith(LONG):
            item.add_marker(pytest.mark.long)
