"""An advisory that leaves the word to another check is silent, and the other check is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import context, findings, said
from tests.meshes import Mesh, mesh, shop
from upgrader.catalog.advisories import advisories_of, minors_with_advisories
from upgrader.checks.advisories.choosing import advisories_along
from upgrader.checks.advisories.named.elsewhere import said_by_another_check
from upgrader.model.kinds import Kind
from upgrader.model.snapshot import Definition

EDGE = mesh().plane("1.24.6").namespace("edge").api_gateway("edge/web")
FILTERS = Kind("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter")
GATEWAY_API = "gateway.networking.k8s.io"


def filtered(version: str, apply_to: str = "HTTP_FILTER", anchor: str = "x", **patch: Any) -> Mesh:
    """A mesh with one EnvoyFilter of one patch."""
    match = {"listener": {"filterChain": {"filter": {"name": anchor}}}}
    patches = [{"applyTo": apply_to, "match": match, "patch": {"operation": "INSERT_BEFORE"} | patch}]
    return shop(version).resource("shop/ours", kind=FILTERS, spec={"configPatches": patches})


def old_crd(version: str, plural: str, kind: str) -> Mesh:
    """A mesh with a Gateway of ours, an object of that kind, and a definition from before v1beta1."""
    made = mesh().plane(version).namespace("edge", rev=version.replace(".", "-")).api_gateway("edge/web")
    made.resource("edge/web", kind=Kind(GATEWAY_API, "v1alpha2", plural, kind))
    name, alpha = f"{plural}.{GATEWAY_API}", ("v1alpha2",)
    old = Definition(name=name, uid=name, served=alpha, storage="v1alpha2", stored=alpha)
    return made.having(definitions=(old,))


LUA_V2 = {"name": "lua", "typed_config": {"@type": "type.googleapis.com/envoy.config.filter.http.lua.v2.Lua"}}
WASM = {"name": "ours", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm"}}  # fmt: skip
VERIFIER = {"name": "envoy.filters.network.sni_verifier", "typed_config": {"@type": "x"}}
SAID: dict[str, tuple[str, Mesh, str]] = {
    "1.16-gateway-api-v1beta1": ("0355", old_crd("1.15.7", "gateways", "Gateway"), "1.15.7 1.16.7"),
    "1.18-gateway-api-060": ("0355", old_crd("1.17.8", "referencegrants", "ReferenceGrant"), "1.17.8 1.18.7"),
    "1.19-envoyfilter-canonical-names": (
        "0398",
        filtered("1.18.7", anchor="envoy.router", value=WASM),
        "1.18.7 1.19.10",
    ),
    "1.19-envoyfilter-typed-config": ("0352", filtered("1.18.7", value={"name": "cors"}), "1.18.7 1.19.10"),
    "1.19-envoyfilter-xds-v2": ("0352", filtered("1.18.7", value=LUA_V2), "1.18.7 1.19.10"),
    "1.20-filter-order": (
        "0398",
        filtered("1.19.10", "NETWORK_FILTER", "envoy.filters.network.rbac", value=WASM),
        "1.19.10 1.20.8",
    ),
    "1.20-removed-network-filters": (
        "0352",
        filtered("1.19.10", "NETWORK_FILTER", value=VERIFIER),
        "1.19.10 1.20.8",
    ),
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


ONE_OBJECT = sorted(id_ for id_, (code, _, _) in SAID.items() if code in {"0352", "0355", "0398"})


@pytest.mark.parametrize("id_", ONE_OBJECT)
def test_an_object_that_is_lost_with_a_hop_is_told_once(id_: str) -> None:
    """With every advisory of the way asked: one finding names the EnvoyFilter, or the definition."""
    code, built, path = SAID[id_]
    versions = context(path).path
    told = findings(built, path, advisories=advisories_along(versions))
    concerned = said(built, code, path)[0].objects[0]
    assert [f.code for f in told if concerned in f.objects] == [f"UPG-{code}"]


def test_claims_of_a_token_are_one_thing_and_the_filter_that_checked_it_another() -> None:
    """1.21-jwt-metadata-key is about who reads ``istio_authn``; who brings that filter is told by the check."""
    lua = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "inlineCode": "istio_authn",
    }
    tokens = Kind("security.istio.io", "v1", "requestauthentications", "RequestAuthentication")
    for value, code in (
        ({"name": "ours", "typed_config": lua}, "UPG-0362"),
        ({"name": "istio_authn", "typed_config": {"@type": "x"}}, "UPG-0352"),
    ):
        built, path = filtered("1.20.8", value=value).resource("shop/tokens", kind=tokens), "1.20.8 1.21.6"
        told = findings(built, path, advisories=advisories_along(context(path).path))
        assert [f.code for f in told if "EnvoyFilter shop/ours" in f.objects] == [code]
