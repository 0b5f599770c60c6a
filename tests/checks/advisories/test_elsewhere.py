"""An advisory that leaves the word to another check is silent, and the other check is not."""

from __future__ import annotations

import pytest

from tests.checks.asking import said
from tests.meshes import Mesh, mesh, shop
from upgrader.catalog.advisories import advisories_of, minors_with_advisories
from upgrader.checks.advisories.named.elsewhere import said_by_another_check

EDGE = mesh().plane("1.24.6").namespace("edge").api_gateway("edge/web")
SAID: dict[str, tuple[str, Mesh, str]] = {
    "1.17-min-k8s": ("0304", mesh("v1.22.9").plane("1.16.7"), "1.16.7 1.17.8"),
    "1.19-min-k8s": ("0304", mesh("v1.24.9").plane("1.18.7"), "1.18.7 1.19.10"),
    "1.25-gateway-ownership": ("0326", EDGE, "1.24.6 1.25.5"),
    "1.26-min-k8s": ("0304", mesh("v1.28.9").plane("1.25.5"), "1.25.5 1.26.8"),
    "1.27-inject-values": (
        "0321",
        shop("1.26.8").deployment("shop/db", template={"sidecar.istio.io/inject": "no"}),
        "1.26.8 1.27.9",
    ),
    "1.28-gateway-default-tag": (
        "0326",
        mesh().plane("1.27.9").default_validator("1-27-9").namespace("edge").api_gateway("edge/web"),
        "1.27.9 1.28.10",
    ),
    "1.30-gateway-rev-outage": (
        "0327",
        mesh().plane("1.29.4").namespace("edge").api_gateway("edge/web", rev="1-29-4"),
        "1.29.4 1.30.3",
    ),
    "1.30-min-k8s": ("0304", mesh("v1.31.2").plane("1.29.6"), "1.29.6 1.30.3"),
}
"""Id to the code that says it, a mesh of which it must be said, and the path."""


def test_every_advisory_that_leaves_the_word_is_in_this_table() -> None:
    name = said_by_another_check.__name__
    every = [a for minor in minors_with_advisories() for a in advisories_of(minor)]
    assert sorted(SAID) == sorted(a.id for a in every if any(d.check == name for d in a.detect))


@pytest.mark.parametrize("id_", SAID)
def test_the_other_check_says_it(id_: str) -> None:
    code, built, path = SAID[id_]
    assert said(built, code, path) != []
