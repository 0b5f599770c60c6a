"""Every file of advisories that is shipped can be read, and says what a reviewer needs."""

from __future__ import annotations

import pytest

from upgrader.catalog.advisories import advisories_of, minors_with_advisories
from upgrader.model.errors import UpgradeError

MINORS = minors_with_advisories()


@pytest.mark.parametrize("minor", MINORS)
def test_a_file_of_advisories_can_be_read(minor: str) -> None:
    try:
        found = advisories_of(minor)
    except UpgradeError as error:
        pytest.fail("\n".join([error.headline, *error.what]), pytrace=False)
    assert {one.minor for one in found} == {minor}
