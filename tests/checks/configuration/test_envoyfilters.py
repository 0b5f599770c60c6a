"""Rows 38, 57 and 58 of the hazards that users met: EnvoyFilters that are lost, or that a proxy refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.meshes import Mesh, mesh, shop
from upgrader.model.kinds import Kind, Ref

FILTER = Kind("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter")
HCM = "envoy.filters.network.http_connection_manager"
LUA = {
    "name": "shop.headers",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "inline_code": "x",
    },
}


def patch(
    sub: str = "envoy.filters.http.router",
    *,
    name: str = HCM,
    operation: str = "INSERT_BEFORE",
    value: Any = None,
    apply_to: str = "HTTP_FILTER",
    context: str = "SIDECAR_INBOUND",
    version: str = "",
) -> dict[str, Any]:
    """One entry of configPatches."""
    outer: dict[str, Any] = {"name": name} | ({"subFilter": {"name": sub}} if sub else {})
    match: dict[str, Any] = {"context": context, "listener": {"filterChain": {"filter": outer}}}
    match |= {"proxy": {"proxyVersion": version}} if version else {}
    return {"applyTo": apply_to, "match": match, "patch": {"operation": operation, "value": value or LUA}}


def having(*patches: dict[str, Any], made: Mesh | None = None, at: str = "shop/headers", **spec: Any) -> Mesh:
    """A mesh with one EnvoyFilter."""
    return (made or shop()).resource(at, kind=FILTER, spec={"configPatches": list(patches)} | spec)


def old() -> Mesh:
    """1.12 without a revision."""
    return mesh().plane("1.12.9", "default").namespace("shop", injection="enabled")


OLD = "1.12.9 1.13.9 1.14.6"


def test_a_filter_that_stands_beside_the_statistics_of_the_installation_is_lost_at_1_13() -> None:
    found = blocks(having(patch("istio.stats"), made=old()), "0398", "1.13-stats-made-later", OLD)
    assert (found.hop, found.allowable) == (1, True)
    assert found.objects == ("EnvoyFilter shop/headers",)
    assert "EnvoyFilter shop/headers spec.configPatches[0]: INSERT_BEFORE HTTP_FILTER" in found.what


def test_a_priority_the_first_place_and_a_later_hop_keep_it() -> None:
    silent(having(patch("istio.stats"), made=old(), priority=10), "0398", OLD)
    silent(having(patch("istio.stats", operation="INSERT_FIRST"), made=old()), "0398", OLD)
    silent(having(patch(), made=old()), "0398", OLD)
    silent(having(patch("istio.stats")), "0398")


def test_a_change_of_places_is_an_advisory() -> None:
    advises(having(patch("envoy.filters.http.cors"), made=old()), "0398", "1.13-cors-after-fault", OLD)


def test_names_of_the_old_api_match_nothing_from_1_19_on() -> None:
    made = having(patch("envoy.router", name="envoy.http_connection_manager"), at="shop/headers")
    found = blocks(made, "0398", "1.19-old-names", "1.17.8 1.18.7 1.19.10 1.20.8")
    assert found.hop == 2
    assert "envoy.http_connection_manager, envoy.router" in found.summary
    silent(made, "0398", "1.17.8 1.18.7")
    silent(made, "0398", "1.19.10 1.20.8")


def test_the_authentication_filter_of_istio_is_gone_at_1_21() -> None:
    made = having(patch("istio_authn"))
    assert blocks(made, "0398", "1.21-istio-authn", "1.20.8 1.21.6 1.22.8").hop == 1
    silent(made, "0398", "1.21.6 1.22.8")


def test_filters_that_the_installer_made_and_those_for_one_revision_are_not_ours_to_judge() -> None:
    made = having(patch("istio.stats"), made=old(), at="istio-system/stats-filter-1.12")
    silent(made.belonging(Ref(FILTER, "stats-filter-1.12", "istio-system"), "default", "Pilot"), "0398", OLD)
    for_one = old().resource(
        "shop/a", kind=FILTER, labels={"istio.io/rev": "x"}, spec={"configPatches": [patch("istio.stats")]}
    )
    silent(for_one, "0398", OLD)
    silent(having(patch("istio.stats"), made=old()), "0398", OLD, excluded=("shop",))


def test_a_patch_that_the_new_proxies_do_not_get_is_not_lost_by_its_anchor() -> None:
    silent(having(patch("istio.stats", version=r"^1\.12.*"), made=old()), "0398", OLD)


@pytest.mark.parametrize(
    ("value", "subject", "path"),
    [
        ({"name": "sni_verifier", "typed_config": {"@type": "x"}}, "1.20-network-filters", "1.19.10 1.20.8"),
        ({"config": {"vm_config": {"code": {"local": {"inline_string": "envoy.wasm.stats"}}}}}, "1.18-wasm-stats-plugins", "1.17.8 1.18.7"),
        ({"typed_config": {"@type": "type.googleapis.com/envoy.config.filter.http.lua.v2.Lua"}}, "1.19-old-types", "1.18.7 1.19.10"),
        ({"runtime": "envoy.wasm.runtime.wavm"}, "1.22-wavm", "1.21.6 1.22.8"),
        ({"tracing": {"provider": {"name": "envoy.tracers.opencensus"}}}, "1.23-opencensus-tracer", "1.22.8 1.23.6"),
    ],
)  # fmt: skip
def test_what_the_next_proxy_cannot_load_is_refused(value: Any, subject: str, path: str) -> None:
    made = having(patch(operation="MERGE", value=value))
    found = blocks(made, "0352", subject, path)
    assert found.allowable
    after = f"{path.split()[1]} {path.split()[1].rsplit('.', 1)[0]}.99"
    silent(made, "0352", after)


def test_types_of_the_present_api_are_as_they_should_be() -> None:
    silent(having(patch()), "0352", "1.18.7 1.19.10")


def test_an_extension_without_typed_config_is_refused_from_1_19_on() -> None:
    bare = having(patch(value={"name": "envoy.filters.http.lua", "config": {"inline_code": "x"}}))
    assert blocks(bare, "0352", "1.19-typed-config", "1.17.8 1.18.7 1.19.10").hop == 2
    silent(bare, "0352", "1.17.8 1.18.7")
    nested = having(
        patch("", operation="MERGE", apply_to="NETWORK_FILTER", value={"typed_config": {"access_log": [{"name": "envoy.access_loggers.file"}]}})
    )  # fmt: skip
    blocks(nested, "0352", "1.19-typed-config", "1.18.7 1.19.10")


def test_a_name_alone_that_renames_or_is_discovered_needs_no_type() -> None:
    silent(having(patch(operation="MERGE", value={"name": "other"})), "0352", "1.18.7 1.19.10")
    found = {"name": "mine", "config_discovery": {"type_urls": ["x"]}}
    silent(having(patch(value=found)), "0352", "1.18.7 1.19.10")


def test_a_patch_for_the_version_that_is_left_ends_with_the_hop() -> None:
    found = blocks(having(patch(version=r"^1\.27.*")), "0353", "EnvoyFilters of shop")
    assert (found.hop, found.allowable) == (1, True)
    assert "1 patch not given to proxies of 1.28.10 any more" in found.summary


def test_a_patch_that_begins_is_an_advisory() -> None:
    assert "given only to proxies of 1.28.10" in advises(
        having(patch(version=r"^1\.28.*")), "0353", "EnvoyFilters of shop"
    ).summary  # fmt: skip


def test_a_pair_of_patches_for_both_versions_and_one_for_all_are_meant() -> None:
    silent(having(patch(version=r"^1\.27.*"), patch(version=r"^1\.28.*", value={"name": "new"})), "0353")
    silent(having(patch(version=r"^1\.2.*")), "0353")
    silent(having(patch()), "0353")


def test_an_expression_that_is_not_understood_is_said() -> None:
    found = advises(having(patch(version="^1\\.27(")), "0353", "EnvoyFilter shop/headers")
    assert "cannot tell" in found.summary


def test_patches_of_all_gateways_are_told() -> None:
    at = "istio-system/larger"
    advises(having(patch(context="GATEWAY"), at=at), "0354", "EnvoyFilters of istio-system")
    silent(having(patch(context="SIDECAR_INBOUND"), at=at), "0354")
    silent(having(patch(context="GATEWAY"), at="shop/larger"), "0354")
    silent(having(patch(context="GATEWAY"), at=at, workloadSelector={"labels": {"app": "cart"}}), "0354")
    silent(having(patch(context="GATEWAY"), at=at, made=old().namespace("istio-system")), "0354", OLD)


def test_the_root_namespace_is_the_one_of_the_mesh_configuration() -> None:
    made = having(patch(context="ANY"), at="istio-config/larger").having(config_root="istio-config")
    advises(made, "0354", "EnvoyFilters of istio-config")


def test_an_envoyfilter_of_any_shape_does_not_stop_the_checks() -> None:
    odd: list[Any] = [
        {},
        {"match": "x", "patch": []},
        {"patch": {"value": "text"}},
        {"match": {"listener": None}},
    ]
    assert said(shop().resource("shop/odd", kind=FILTER, spec={"configPatches": odd}), "0398") == []
    assert said(shop().resource("shop/none", kind=FILTER), "0352") == []
