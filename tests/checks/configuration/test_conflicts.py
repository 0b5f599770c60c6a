"""Configuration that contradicts itself: which of two objects counts is no promise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, findings, silent
from tests.meshes import Mesh, shop
from upgrader.model.kinds import Kind

RULE = Kind("networking.istio.io", "v1", "destinationrules", "DestinationRule")
GATEWAY = Kind("networking.istio.io", "v1", "gateways", "Gateway")
ENTRY = Kind("networking.istio.io", "v1", "serviceentries", "ServiceEntry")


def route(*hosts: str, gateways: tuple[str, ...] = (), match: Any = None, **spec: Any) -> dict[str, Any]:
    """The spec of a VirtualService with one route."""
    http = {"route": [{"destination": {"host": "cart"}}]} | ({"match": match} if match else {})
    return {"hosts": list(hosts), "http": [http]} | ({"gateways": list(gateways)} if gateways else {}) | spec


def two(kind: Kind, first: dict[str, Any], second: dict[str, Any], other: str = "shop") -> Mesh:
    """A mesh with two objects."""
    return shop().resource("shop/a", kind=kind, spec=first).resource(f"{other}/b", kind=kind, spec=second)


VIRTUAL = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")


def test_two_virtual_services_for_one_host_of_the_sidecars_are_told() -> None:
    made = two(VIRTUAL, route("cart"), route("cart.shop.svc.cluster.local"), "payments")
    found = advises(made, "0357", "VirtualServices of the sidecars")
    assert found.objects == ("VirtualService shop/a", "VirtualService payments/b")
    assert "not promised" in found.why


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (route("cart"), route("frontend")),
        (route("cart", exportTo=["."]), route("cart.shop.svc.cluster.local", exportTo=["payments"])),
        (route("cart"), route("cart", gateways=("shop/public",))),
    ],
)
def test_virtual_services_that_nobody_sees_together_are_not(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    silent(two(VIRTUAL, first, second), "0357")


def test_a_name_without_a_dot_is_another_one_in_each_namespace() -> None:
    silent(two(VIRTUAL, route("cart"), route("cart"), "payments"), "0357")


def test_routes_of_one_host_at_a_gateway_are_told_when_they_match_the_same() -> None:
    at = {"gateways": ("istio-ingress/public",)}
    prefix = [{"uri": {"prefix": "/cart"}}]
    advises(
        two(VIRTUAL, route("a.example.com", match=prefix, **at), route("a.example.com", match=[{"name": "x", "uri": {"prefix": "/cart"}}], **at)),
        "0357",
        "VirtualServices at istio-ingress/public",
    )  # fmt: skip
    silent(two(VIRTUAL, route("a.example.com", match=prefix, **at), route("a.example.com", **at)), "0357")


def rule(host: str, *subsets: str, policy: Any = None, **spec: Any) -> dict[str, Any]:
    """The spec of a DestinationRule; a subset ``v1=a`` has a label of its own."""
    made = [{"name": s.partition("=")[0], "labels": {"version": s.partition("=")[2] or s}} for s in subsets]
    return {"host": host, "subsets": made} | ({"trafficPolicy": policy} if policy else {}) | spec


def test_destination_rules_that_say_the_same_thing_differently_are_told() -> None:
    made = two(RULE, rule("cart", "v1"), rule("cart.shop.svc.cluster.local", "v1=other"))
    assert "subset v1" in advises(made, "0358", "DestinationRules of shop").what[0]
    advises(
        two(RULE, rule("cart", policy={"tls": {}}), rule("cart", policy={"a": 1})),
        "0358",
        "DestinationRules of shop",
    )


def test_destination_rules_that_complete_each_other_or_are_for_others_are_not() -> None:
    silent(two(RULE, rule("cart", "v1", policy={"tls": {}}), rule("cart", "v2")), "0358")
    silent(two(RULE, rule("cart", "v1"), rule("cart", "v1=b"), "payments"), "0358")
    chosen = {"workloadSelector": {"matchLabels": {"app": "frontend"}}}
    silent(two(RULE, rule("cart", "v1"), rule("cart", "v1=b", **chosen)), "0358")


def test_a_gateway_and_a_subset_that_nobody_defined_are_told() -> None:
    lost = {"hosts": ["cart"], "gateways": ["public"]} | {
        "http": [{"route": [{"destination": {"host": "cart", "subset": "v2"}}]}]
    }
    made = two(RULE, rule("cart", "v1"), {}).resource("shop/route", spec=lost)
    found = advises(made, "0359", "VirtualServices of shop")
    assert "no Gateway shop/public" in found.what[0]
    assert "no subset v2 of cart.shop.svc.cluster.local" in found.what[1]


def test_what_is_defined_anywhere_is_no_lost_reference() -> None:
    there = {"hosts": ["cart"], "gateways": ["istio-ingress/public", "mesh"]} | {
        "http": [{"route": [{"destination": {"host": "cart.shop.svc.cluster.local", "subset": "v1"}}]}]
    }
    made = two(RULE, rule("*.shop.svc.cluster.local", "v1"), {}).resource("payments/route", spec=there)
    silent(made.resource("istio-ingress/public", kind=GATEWAY, spec={}), "0359")


def server(port: int, protocol: str, *hosts: str, **fields: Any) -> dict[str, Any]:
    """The spec of a Gateway with one server."""
    made = {"port": {"number": port, "name": "x", "protocol": protocol}, "hosts": list(hosts)} | fields
    return {"selector": {"istio": "ingressgateway"}, "servers": [made]}


def key(name: str) -> dict[str, Any]:
    """TLS settings."""
    return {"tls": {"mode": "SIMPLE", "credentialName": name}}


def test_gateways_with_one_port_and_other_protocols_or_keys_are_told() -> None:
    made = two(GATEWAY, server(443, "HTTPS", "a.example.com", **key("one")), server(443, "HTTPS", "*/a.example.com", **key("two")))  # fmt: skip
    assert "different TLS settings" in advises(made, "0399", "Gateways at port 443").what[0]
    advises(
        two(GATEWAY, server(80, "HTTP", "a"), server(80, "TCP", "*"), "payments"),
        "0399",
        "Gateways at port 80",
    )


def test_gateways_that_share_a_port_as_they_may_are_not() -> None:
    silent(two(GATEWAY, server(80, "HTTP", "a"), server(80, "HTTP", "a")), "0399")
    silent(
        two(GATEWAY, server(443, "HTTPS", "a", **key("one")), server(443, "HTTPS", "b", **key("two"))), "0399"
    )
    silent(
        two(GATEWAY, server(443, "HTTPS", "a", **key("one")), server(443, "HTTPS", "a", **key("one"))), "0399"
    )
    apart = server(443, "HTTPS", "a", **key("two")) | {"selector": {"istio": "other"}}
    silent(two(GATEWAY, server(443, "HTTPS", "a", **key("one")), apart), "0399")


def entry(**spec: Any) -> dict[str, Any]:
    """The spec of a ServiceEntry."""
    return {"hosts": ["api.bank.example.com"], "resolution": "DNS", "ports": [{"number": 443}]} | spec


def test_service_entries_that_somebody_sees_both_of_are_told() -> None:
    made = two(ENTRY, entry(), entry(resolution="STATIC"), "payments")
    assert advises(made, "0365", "ServiceEntries").objects == (
        "ServiceEntry shop/a",
        "ServiceEntry payments/b",
    )


def test_service_entries_that_agree_or_are_kept_apart_are_not() -> None:
    silent(two(ENTRY, entry(), entry(), "payments"), "0365")
    silent(two(ENTRY, entry(exportTo=["."]), entry(resolution="STATIC", exportTo=["."]), "payments"), "0365")
    silent(two(ENTRY, entry(), entry(resolution="STATIC")), "0365")


def test_objects_of_any_shape_do_not_stop_the_checks() -> None:
    made = shop()
    for kind in (VIRTUAL, RULE, GATEWAY, ENTRY):
        odd: list[dict[str, Any]] = [
            {},
            {"hosts": "x", "http": [None], "servers": [None, {"port": 1}], "subsets": [1]},
        ]
        for number, spec in enumerate(odd):
            made.resource(f"shop/odd-{number}", kind=kind, spec=spec)
    assert {f.code for f in findings(made)} == {f.code for f in findings(shop())}


def test_what_stays_behind_is_not_asked() -> None:
    made = two(ENTRY, entry(), entry(resolution="STATIC"), "payments")
    silent(made, "0365", excluded=("payments",))
