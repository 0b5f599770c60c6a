"""One cluster for all tests of this folder: they ask it things, and clean up behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bed.bed import Bed
from tests.e2e.conftest import cluster


@pytest.fixture(scope="package", autouse=True)
def shared() -> Iterator[Bed]:
    """A cluster without a mesh, where the environment says that it is."""
    with cluster() as made:
        yield made
