"""One cluster for all tests of a file: they ask it things, and clean up behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bed.bed import Bed
from tests.bed.versions import NEW
from tests.e2e.conftest import cluster


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[Bed]:
    """A cluster without a mesh, where the environment says that it is."""
    with cluster() as made:
        yield made


@pytest.fixture(scope="module")
def control_plane(shared: Bed) -> None:
    """What every istiod needs before it can start (definitions, accounts, a namespace), and no proxies but a test's own."""
    shared.install(NEW, "shared")
    shared.sidecars.close()
