"""Beds for tests: each test that asks for one gets a cluster of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bed.__main__ import MINOR
from tests.bed.bed import Bed, clear
from tests.bed.space import INSIDE
from tests.bed.versions import NEW, OLD, USUAL
from tests.e2e.mesh import populate, usual

OLD_REVISION, NEW_REVISION = OLD.replace(".", "-"), NEW.replace(".", "-")
NAMESPACES = usual(OLD_REVISION)
_SAID: list[str] = []


@pytest.fixture
def bed() -> Iterator[Bed]:
    """A cluster without a mesh.

    Raises:
        pytest.fail.Exception: the test was not started by ``make e2e``.
    """
    if INSIDE not in os.environ:
        pytest.fail("this test needs a network of its own: run it with `make e2e`")
    folder = Path(os.environ[INSIDE]) / "bed"
    try:
        with Bed(folder, os.environ.get(MINOR) or USUAL) as made:
            yield made
    finally:
        clear(folder)


@pytest.fixture
def mesh(bed: Bed) -> Bed:
    """The old revision with a default tag and one of the user's, and a namespace of each way of asking for injection."""
    bed.install(OLD, OLD_REVISION)
    bed.istioctl(OLD, "tag", "set", "prod", "--revision", OLD_REVISION)
    populate(bed, NAMESPACES)
    return bed


@pytest.fixture
def say() -> Callable[[str], None]:
    """Print a line below the results, whether or not the test passes."""
    return _SAID.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The numbers that were measured."""
    if _SAID:
        terminalreporter.section(f"measured on Kubernetes {os.environ.get(MINOR) or USUAL}")
        for line in _SAID:
            terminalreporter.write_line(line)
