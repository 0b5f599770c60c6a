"""What the running revision was installed with: known, not written down, or not to be read; each is said as what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Desk
from tests.cli.test_istioctl import plan, program, saved

VALUES = "/api/v1/namespaces/istio-system/configmaps/values-1-27-9"


@pytest.fixture
def shop(desk: Callable[..., Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = desk()
    program(found)
    return found


def about_options(desk: Desk) -> list[dict[str, Any]]:
    return [f for f in saved(desk)["findings"] if f["code"] == "UPG-0346"]


def test_values_that_the_installation_left_behind_are_taken(shop: Desk) -> None:
    assert shop.world.local().get(VALUES) is not None
    assert [f for f in saved(shop)["findings"] if f["code"] == "UPG-0346"] == []


def test_values_that_cannot_be_read_block_until_somebody_answers_for_it(shop: Desk) -> None:
    local = shop.world.local()
    values = local.get(VALUES)
    assert values is not None
    local.update(VALUES, values | {"data": {"original-values": "global: {}"}})
    (found,) = about_options(shop)
    assert (found["code"], found["severity"], found["subject"]) == (
        "UPG-0346",
        "blocked",
        "options of 1-27-9",
    )
    assert "holds no original-values" in found["summary"]
    excuse = ("--allow", "UPG-0346:options of 1-27-9", "--reason", "they are in our overlay")
    assert plan(shop, *excuse).code == 0


def test_an_installation_that_wrote_nothing_down_is_said_to_be_unknown(shop: Desk) -> None:
    shop.world.local().delete(VALUES)
    (found,) = about_options(shop)
    assert (found["code"], found["severity"]) == ("UPG-0346", "advisory")
    assert "nothing on the cluster says what it was installed with" in found["summary"]
