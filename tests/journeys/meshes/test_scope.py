"""``--only`` and ``--exclude``: what stays is left in peace with its revision, and a later run finishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.meshes.building import INJECT, Site, site
from tests.journeys.meshes.proving import prove, proxies, remains
from tests.journeys.meshes.refusing import refusal

pytestmark = [pytest.mark.journey, pytest.mark.slow]


def mesh(revision: str | None = None) -> Site:
    """A mesh with or without a name, with gateways that inherit."""
    unnamed = revision == ""
    here = site("1.28.10", revision, tags=() if unnamed else ("prod", "default"), gateway_api="1.4.1")
    here.namespace("lab", rev=here.release.name).deployment("lab/api", 2).deployment("lab/web")
    here.namespace("shop", rev="default" if unnamed else "prod").deployment("shop/cart")
    return (
        here.namespace("leg", injection="enabled")
        .deployment("leg/api")
        .gateway("lab/gw")
        .gateway("plain/gw")
        .wait()
    )


@pytest.mark.parametrize(
    ("revision", "first", "stays"),
    [
        (None, {"only": ("lab",)}, {"lab/gw", "leg/api", "plain/gw", "shop/cart"}),
        (None, {"only": ("leg",)}, {"lab/api", "lab/gw", "lab/web", "plain/gw", "shop/cart"}),
        (None, {"only": ("lab/api",)}, {"lab/gw", "lab/web", "leg/api", "plain/gw", "shop/cart"}),
        (None, {"exclude": ("shop",)}, {"lab/gw", "plain/gw", "shop/cart"}),
        (None, {"exclude": ("plain/gw",)}, {"lab/gw", "plain/gw"}),
        ("", {"only": ("lab",)}, {"lab/gw", "leg/api", "plain/gw", "shop/cart"}),
        ("", {"exclude": ("leg",)}, {"lab/gw", "leg/api", "plain/gw"}),
    ],
)
def test_what_is_left_out_stays_and_the_next_run_finishes(
    revision: str | None, first: dict[str, Any], stays: set[str], tmp_path: Path
) -> None:
    here = mesh(revision)
    manifests = here.manifests(tmp_path, "1.29.6")
    proof = prove(here, tmp_path / "first", manifests, backs=1, **first)
    assert proof.wrong == []
    left = {
        name.rpartition("-")[0].removesuffix("-istio") for name in proxies(proof.journey.world)["1.28.10"]
    }
    assert left == stays
    again = prove(
        Site(proof.journey.world, here.release), tmp_path / "again", manifests, to="1.29", left=(".lab/",)
    )
    assert again.wrong == []
    assert proxies(again.journey.world).keys() == {"1.29.6"}
    assert remains(again.journey.world, "1-28-10") == []


def test_nothing_can_stay_behind_by_a_tag_that_moves(tmp_path: Path) -> None:
    here = mesh().namespace("shop2", rev="prod").deployment("shop2/cart").wait()
    assert refusal(here, tmp_path, "1.29.6", exclude=("shop",))["UPG-0341"].subject.startswith("shop")


def test_a_bare_pod_keeps_an_unnamed_istiod_and_its_gateways_while_all_pods_move(tmp_path: Path) -> None:
    here = mesh("").workload("Pod", "lab/solo").deployment("plain/asks", labels={INJECT: "true"}).wait()
    manifests = here.manifests(tmp_path, "1.29.6")
    proof = prove(here, tmp_path / "first", manifests, backs=1, exclude=("lab/solo",))
    assert proof.wrong == []
    assert {name.partition("-istio")[0] for name in proxies(proof.journey.world)["1.28.10"]} == {
        "lab/gw",
        "lab/solo",
        "plain/gw",
    }
    later = Site(proof.journey.world, here.release).delete("/api/v1/namespaces/lab/pods/solo").wait()
    again = prove(later, tmp_path / "again", manifests, to="1.29")
    assert again.wrong == []
    assert proxies(again.journey.world).keys() == {"1.29.6"}
