"""One desk for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty cluster without controllers, and a run directory."""
    tmp_path.chmod(0o700)
    return Desk(tmp_path)
