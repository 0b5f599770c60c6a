"""The catalog's age, floors, skew, flags, definitions, registries: what must go with a release."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.meshes import Mesh, image, mesh, shop
from upgrader.catalog import load_catalog
from upgrader.checks import Context
from upgrader.checks.versions.floors import floors
from upgrader.model.ownership import old_has_drop
from upgrader.model.snapshot import Definition
from upgrader.model.version import Version

SEEN = datetime(2026, 11, 23, tzinfo=UTC)


def plain(version: str = "1.27.9") -> Mesh:
    """One control plane and nothing else."""
    return mesh().plane(version)


def test_what_was_not_compared_for_more_than_ninety_days_is_stale() -> None:
    found = advises(plain().having(at=SEEN + timedelta(days=91)), "0111", "the catalog")
    assert "91 days ago" in found.summary
    silent(plain().having(at=SEEN + timedelta(days=90)), "0111")


def test_entries_of_minors_that_are_not_on_the_path_do_not_make_it_fresh() -> None:
    day = load_catalog().releases["1.31"].seen
    assert day > load_catalog().releases["1.28"].seen
    late = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=85)
    advises(plain().having(at=late), "0111", "the catalog")


def test_a_target_that_is_newer_than_the_catalog_is_refused_with_the_ways_out() -> None:
    found = blocks(plain("1.31.1"), "0112", "Istio 1.32", "1.31.1 1.32.0")
    assert not found.allowable
    assert any("--catalog DIR" in line for line in found.do)
    silent(plain("1.31.1"), "0304", "1.31.1 1.32.0")
    silent(plain("1.30.5"), "0112", "1.30.5 1.31.1")


def managed(version: str) -> Mesh:
    """A mesh whose istiod runs a Gateway of the Gateway API."""
    revision = Version.parse(version).revision
    made = mesh("v1.26.1").plane(version).namespace("edge", rev=revision)
    return made.api_gateway("edge/web", rev=revision, made_by=revision)


def test_a_mesh_with_managed_gateways_leaves_1_17_only_from_1_17_3_on() -> None:
    found = blocks(managed("1.17.2"), "0114", "Istio 1.17.2", "1.17.2 1.18.7")
    assert found.hop == 1
    assert found.do[0].startswith("upgrade plan --path 1.17.8,1.18.7 ")
    assert found.objects
    silent(managed("1.17.3"), "0114", "1.17.3 1.18.7")
    silent(mesh("v1.26.1").plane("1.17.2"), "0114", "1.17.2 1.18.7")


def test_a_floor_holds_for_a_release_on_the_way_too() -> None:
    found = blocks(managed("1.16.7"), "0114", "Istio 1.17.1", "1.16.7 1.17.1 1.18.7")
    assert found.hop == 2
    assert "--path 1.17.8,1.18.7" in found.do[0]


def test_a_floor_that_the_plan_gets_round_is_told_where_the_way_round_is() -> None:
    patch = "in place, by its installer"
    [found] = said(shop("1.29.3"), "0327", "1.29.3 1.30.5")
    assert "1.29.5 or later" in found.do[1]
    assert patch in found.do[1]
    [without] = said(shop("1.28.10"), "0327", "1.28.10 1.29.6")
    assert not any(patch in line for line in without.do)
    silent(shop("1.29.3"), "0114", "1.29.3 1.30.5")


def test_a_floor_that_is_only_better_refuses_nothing() -> None:
    known = load_catalog()
    mild = {key: msgspec.structs.replace(one, need="better") for key, one in known.floors.items()}
    path = (Version.parse("1.17.2"), Version.parse("1.18.7"))
    asked = Context(path=path, catalog=msgspec.structs.replace(known, floors=mild))
    assert list(floors(managed("1.17.2").snapshot(), asked)) == []


@pytest.mark.parametrize("version", ["1.29.4", "1.29.5", "1.30.1", "1.30.2"])
def test_the_catalog_and_the_planner_know_the_same_releases_that_empty_gateways(version: str) -> None:
    old = Version.parse(version)
    after = Version(old.major, old.minor + 1).series
    assert bool(load_catalog().unmet(old, after, ("gateways-move",))) == old_has_drop(old)


def plugin(version: str, made: Mesh | None = None) -> Mesh:
    """A mesh with the node plugin of *version*."""
    place = "istio-system/istio-cni-node"
    return (made or shop()).daemon_set(
        place, images={"install-cni": f"docker.io/istio/install-cni:{version}"}
    )


def test_the_node_plugin_may_be_one_minor_older_or_newer_than_istiod() -> None:
    for version in ("1.27.9", "1.28.10-distroless", "1.29.6"):
        silent(plugin(version), "0115", "1.28.10 1.28.10")
    assert "it is two minors behind istiod" in blocks(plugin("1.25.5"), "0115", "istio-cni").summary
    assert "it is two minors ahead of istiod" in blocks(plugin("1.29.6"), "0115", "istio-cni").summary


def test_a_hop_that_leaves_the_node_plugin_too_far_behind_is_refused() -> None:
    path = "1.27.9 1.28.10 1.29.6"
    found = blocks(plugin("1.27.9"), "0115", "istio-cni", path)
    assert found.hop == 2
    assert "before hop 2" in found.do[0]
    assert "--to 1.28" in found.do[1]
    silent(plugin("1.28.10"), "0115", path)
    assert (
        "it is 1.27.9 and is not moved; two minors behind"
        in advises(plugin("1.27.9"), "0335", "istio-cni", path).summary
    )


def test_an_image_that_names_no_release_is_not_guessed() -> None:
    made = shop().daemon_set(
        "istio-system/istio-cni-node", images={"install-cni": "registry.corp/cni@sha256:00"}
    )
    silent(made, "0115", "1.27.9 1.28.10 1.29.6")
    assert "two minors behind" in advises(made, "0335", "istio-cni", "1.27.9 1.28.10 1.29.6").summary


def test_in_ambient_mode_the_node_plugin_may_not_be_newer() -> None:
    def ambient(version: str) -> Mesh:
        return plugin(version, shop().namespace("mild", labels={"istio.io/dataplane-mode": "ambient"}))

    assert "one minor ahead of" in blocks(ambient("1.28.10"), "0115", "istio-cni").summary
    silent(ambient("1.27.9"), "0115")
    silent(plugin("1.28.10"), "0115")


def test_ztunnel_may_be_one_minor_older_and_never_newer() -> None:
    def ztunnel(version: str) -> Mesh:
        images = {"istio-proxy": f"docker.io/istio/ztunnel:{version}"}
        return shop().daemon_set("istio-system/ztunnel", images=images)

    silent(ztunnel("1.27.9"), "0115")
    blocks(ztunnel("1.26.8"), "0115", "ztunnel")
    blocks(ztunnel("1.28.10"), "0115", "ztunnel")


def test_a_node_plugin_with_a_known_fault_is_named_where_there_is_a_plugin() -> None:
    path = "1.17.8 1.18.7"
    made = mesh("v1.26.1").plane("1.17.8")
    found = [f for f in said(plugin("1.17.8", made), "0104", path) if f.subject == "istio-cni 1.18.7"]
    assert len(found) == 1
    assert "shell" in found[0].summary
    without = said(mesh("v1.26.1").plane("1.17.8"), "0104", path)
    assert not [f for f in without if "cni" in f.subject]


def flagged(**env: str) -> Mesh:
    return mesh().plane("1.26.8", env=env)


def test_a_variable_that_nobody_reads_any_more_is_named_at_the_hop_that_ends_it() -> None:
    path = "1.26.8 1.27.9 1.28.10"
    found = advises(flagged(PILOT_STATUS_QPS="500"), "0116", "environment of 1.27", path)
    assert found.hop == 1
    assert "PILOT_STATUS_QPS=500; not read since 1.27, the default was 100" in found.what[0]
    silent(flagged(PILOT_TRACE_SAMPLING="1"), "0116", path)
    silent(mesh().plane("1.27.9", env={"PILOT_STATUS_QPS": "500"}), "0116", "1.27.9 1.28.10")
    silent(flagged(PROXY_XDS_DEBUG_VIA_AGENT_PORT="1"), "0116", path)


def test_a_variable_of_proxies_is_found_in_the_mesh_configuration_and_in_annotations() -> None:
    name, path = "PROXY_XDS_DEBUG_VIA_AGENT_PORT", "1.24.6 1.25.5"
    config = {"1-24-6": {"defaultConfig": {"proxyMetadata": {name: "0"}}}}
    advises(plain("1.24.6").having(mesh_configs=config), "0116", "environment of 1.25", path)
    annotated = plain("1.24.6").namespace("shop", rev="1-24-6")
    text = f"proxyMetadata:\n  {name}: '0'\n"
    annotated.deployment("shop/cart", proxies=1, annotations={"proxy.istio.io/config": text})
    assert "Deployment shop/cart" in advises(annotated, "0116", "environment of 1.25", path).what[0]
    silent(plain("1.24.6").having(mesh_configs={"1-24-6": {"defaultConfig": {}}}), "0116", path)


def crd(made: Mesh, name: str, *served: str, stored: tuple[str, ...] = ("v1",)) -> Mesh:
    one = Definition(name=name, uid=f"uid-{name}", served=served, storage=served[0], stored=stored)
    return made._add("definitions", one)


NAME = "virtualservices.networking.istio.io"


def test_a_stored_version_that_the_target_does_not_serve_is_refused() -> None:
    made = crd(plain(), NAME, "v1", stored=("v1", "v1alpha2"))
    found = blocks(made, "0117", f"CRD {NAME}")
    assert "v1alpha2" in found.summary
    silent(crd(plain(), NAME, "v1", stored=("v1", "v1alpha3")), "0117")
    silent(crd(plain(), "tests.example.org", "v1", stored=("v7",)), "0117")


def without_crds(*targets: str) -> dict[str, Any]:
    return {"parts": {target: frozenset({"control-plane"}) for target in targets}}


def definitions(minor: str) -> Mesh:
    made = plain("1.21.6")
    for one in load_catalog().served(minor).values():
        crd(made, one.name, *one.served, stored=(one.storage,))
    return made


def test_a_hop_without_definitions_needs_those_of_its_minor_in_the_cluster() -> None:
    path, fields = "1.21.6 1.22.8", without_crds("1.22.8")
    found = blocks(definitions("1.21"), "0117", "CRDs of 1.22", path, **fields)
    assert f"{NAME} does not serve v1" in found.what
    silent(definitions("1.22"), "0117", path, **fields)
    silent(definitions("1.21"), "0117", path)


def test_a_definition_that_is_only_missing_does_not_block() -> None:
    path, fields = "1.29.6 1.30.5", without_crds("1.30.5")
    found = advises(definitions("1.29"), "0117", "CRDs of 1.30", path, **fields)
    assert "trafficextensions.extensions.istio.io" in found.what[0]


def test_images_of_a_registry_that_ends_are_named() -> None:
    hub = "registry.istio.io/release"
    pulled = mesh().plane(
        "1.30.5", image=image(f"{hub}/pilot:1.30.5"), proxy_image=image(f"{hub}/proxyv2:1.30.5")
    )
    found = advises(pulled, "0118", f"images of {hub}", "1.30.5 1.31.1")
    assert "has no images of 1.31" in found.summary
    assert found.hop == 1
    assert found.objects == ("Deployment istio-system/istiod-1-30-5",)
    before = mesh().plane("1.28.10", image=image(f"{hub}/pilot:1.28.10"))
    assert "no images of" not in advises(before, "0118", f"images of {hub}", "1.28.10 1.29.6").summary


def test_images_of_docker_hub_or_of_a_mirror_end_nowhere() -> None:
    silent(shop("1.30.5"), "0118", "1.30.5 1.31.1")
    mirror = mesh().plane("1.30.5", image=image("registry.corp/gcr.io/istio-release/pilot:1.30.5"))
    silent(mirror, "0118", "1.30.5 1.31.1")


@pytest.mark.parametrize(
    "values",
    [
        {"compatibilityVersion": "1.24"},
        {"values": {"compatibilityVersion": 1.24}},
        {"spec": {"values": {"compatibilityVersion": "1.24"}}},
    ],
)
def test_a_compatibility_version_that_the_charts_drop_is_named_at_its_hop(values: dict[str, Any]) -> None:
    made = plain("1.26.8").having(install_values={"1-26-8": values})
    found = advises(made, "0119", "revision 1-26-8", "1.26.8 1.27.9 1.28.10 1.29.6")
    assert found.hop == 2
    assert "compatibilityVersion 1.24 ends with 1.28" in found.summary
    silent(made, "0119", "1.26.8 1.27.9")


def test_no_compatibility_version_ends_nowhere() -> None:
    silent(plain("1.26.8").having(install_values={"1-26-8": {"pilot": {}}}), "0119", "1.26.8 1.27.9 1.28.10")
