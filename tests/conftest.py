"""Which suite a test belongs to: the default one, which ends in some two minutes, or a slower one."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
SUITES = {
    "e2e": (
        "bed/standins/sidecars/test_fleet.py",
        "e2e/",
    ),
    "journey": (
        "cli/test_prompts.py::test_yes_starts_and_the_retire_gate",
        "journeys/test_crashes.py",
        "journeys/test_kill_nine.py",
        "journeys/test_least_privilege.py",
        "journeys/test_upstream.py",
        "sandbox/serving/test_kubectl.py::test_every_version_of_kubectl",
        "sandbox/serving/test_kubectl.py::test_servers_of_every_age",
    ),
    "long": (
        "cli/test_documents.py",
        "cli/test_exits.py::test_an_event_stream_counts_on",
        "cli/test_interruption.py",
        "engine/driving/test_faults.py",
        "journeys/meshes",
        "journeys/test_whole_upgrades.py::test_a_mesh_of_1_12_without_a_revision_goes_six_minors_up",
        "survey/test_scenarios.py::test_upstream_manifests_of_every_release",
    ),
}
"""What `make test` does not run, by marker; pyproject.toml says what each is for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow by where it is, so that a new test of such a folder is in the same suite."""
    for item in items:
        place = item.path.relative_to(_HERE).as_posix()
        name = f"{place}::{item.name}"
        for suite, places in SUITES.items():
            if name.startswith(places):
                item.add_marker(suite)
