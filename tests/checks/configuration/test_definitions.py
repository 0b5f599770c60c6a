"""Rows 30, 39, 10 and 74: definitions too old or missing, Gateways without an owner, nobody who validates."""

from __future__ import annotations

from typing import Any

from tests.checks.asking import advises, blocks, silent
from tests.meshes import Mesh, entries, mesh, shop
from upgrader.model.kinds import Kind
from upgrader.model.snapshot import Definition, Unread

GRPC = "grpcroutes.gateway.networking.k8s.io"
ROUTES = "httproutes.gateway.networking.k8s.io"
TLS = "tlsroutes.gateway.networking.k8s.io"
GROUP = "gateway.networking.k8s.io"


def crd(name: str, *served: str, stored: tuple[str, ...] = (), bundle: str = "") -> Definition:
    """One definition."""
    return Definition(
        name=name, uid=name, served=served, storage=served[0], stored=stored or served[:1], bundle=bundle
    )


def with_crds(*definitions: Definition, made: Mesh | None = None) -> Mesh:
    """A mesh that has these and no others."""
    return (made or shop()).having(definitions=definitions)


def using(plural: str, kind: str, made: Mesh | None = None) -> Mesh:
    """A mesh with an object of the Gateway API."""
    return (made or shop()).resource("shop/a", kind=Kind(GROUP, "v1", plural, kind))


def test_a_definition_that_a_hop_no_longer_reads_blocks_where_it_is_used() -> None:
    old = crd(ROUTES, "v1beta1", bundle="v0.8.1")
    found = blocks(
        with_crds(old, made=using("httproutes", "HTTPRoute")),
        "0355",
        f"CRD {ROUTES}",
        "1.27.9 1.28.10 1.29.6",
    )
    assert (found.hop, found.allowable) == (2, True)
    assert "HTTPRoute shop/a" in found.objects
    assert "v1.0.0/standard-install.yaml" in found.do[0]


def test_a_definition_that_nothing_uses_yet_is_an_advisory() -> None:
    assert advises(with_crds(crd(ROUTES, "v1beta1")), "0355", f"CRD {ROUTES}", "1.28.10 1.29.6").hop == 1


def test_a_definition_that_serves_what_is_read_is_as_it_should_be() -> None:
    silent(with_crds(crd(ROUTES, "v1", "v1beta1", bundle="v1.0.0"), made=using("httproutes", "HTTPRoute")), "0355", "1.28.10 1.29.6")  # fmt: skip
    silent(with_crds(crd(ROUTES, "v1beta1", bundle="v0.8.1")), "0355", "1.27.9 1.28.10")
    silent(with_crds(crd(ROUTES, "v1beta1")), "0355", "1.29.6 1.29.7")
    silent(shop(), "0355", "1.28.10 1.29.6")


def test_gateways_of_another_controller_and_their_routes_are_not_read_anyway() -> None:
    """Neither blocks; a route of a Service is one of the mesh."""
    old = crd(ROUTES, "v1beta1", bundle="v0.8.1")
    bare = mesh().plane("1.28.10").namespace("shop").api_gateway("shop/web", class_name="nginx")

    def asked(**parent: str) -> tuple[Mesh, str, str, str]:
        kind = Kind(GROUP, "v1beta1", "httproutes", "HTTPRoute")
        made = bare.resource("shop/a", kind=kind, spec={"parentRefs": [{"name": "web", **parent}]})
        return with_crds(old, made=made), "0355", f"CRD {ROUTES}", "1.28.10 1.29.6"

    advises(*asked())
    blocks(*asked(kind="Service"))


def test_where_istiod_asks_for_the_release_a_definition_without_one_is_too_old() -> None:
    alpha: dict[str, Any] = {"env": {"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}}
    made = using(
        "grpcroutes",
        "GRPCRoute",
        mesh().plane("1.21.6", **alpha).namespace("shop", rev="1-21-6").api_gateway("shop/web", rev="1-21-6"),
    )
    blocks(with_crds(crd(GRPC, "v1"), made=made), "0355", f"CRD {GRPC}", "1.21.6 1.22.8")
    silent(with_crds(crd(GRPC, "v1", bundle="v1.1.0-rc1"), made=made), "0355", "1.21.6 1.22.8")
    silent(with_crds(crd(ROUTES, "v1"), made=using("httproutes", "HTTPRoute")), "0355", "1.28.10 1.29.6")


def test_routes_that_were_only_read_on_request_are_lost_only_then() -> None:
    routes = crd(TLS, "v1alpha2", bundle="v1.4.0")
    advises(with_crds(routes, made=using("tlsroutes", "TLSRoute")), "0355", f"CRD {TLS}", "1.29.6 1.30.3")


NEEDED = "proxyconfigs.networking.istio.io"
ISTIO = ("virtualservices.networking.istio.io", "v1alpha3")


def test_a_definition_that_the_manifests_bring_is_an_advisory() -> None:
    made = with_crds(crd(*ISTIO))
    parts = {"1.13.9": frozenset({"control-plane", "crds"})}
    assert "must have it" in advises(made, "0356", f"CRD {NEEDED}", "1.12.9 1.13.9").summary
    assert advises(made, "0356", f"CRD {NEEDED}", "1.12.9 1.13.9", parts=parts).hop == 1
    silent(made, "0356", "1.12.9 1.13.9", parts={"1.13.9": frozenset({"control-plane"})})


def test_definitions_that_are_there_need_nothing() -> None:
    silent(with_crds(crd(*ISTIO), crd(NEEDED, "v1beta1")), "0356", "1.12.9 1.13.9")
    silent(shop(), "0356", "1.12.9 1.13.9")
    silent(with_crds(crd(*ISTIO)), "0356", "1.13.8 1.13.9")


def test_istiod_reads_the_first_version_of_everything_from_1_24_on() -> None:
    found = advises(with_crds(crd(*ISTIO)), "0356", "CRDs of Istio", "1.22.8 1.23.6 1.24.6")
    assert (found.hop, len(found.objects)) == (2, 11)


def free_gateway(version: str, *, tagged: bool = False, **fields: Any) -> Mesh:
    """A mesh with a Gateway that names no revision."""
    made = mesh().plane(version)
    made = made.tag("default", version.replace(".", "-")) if tagged else made
    return made.namespace("shop").api_gateway("shop/web", **fields)


LONG = "1.17.8 1.18.7 1.19.10 1.20.8 1.21.6 1.22.8 1.23.6 1.24.6"


def test_a_gateway_without_a_revision_loses_its_owner_hop_by_hop() -> None:
    found = advises(free_gateway("1.17.8"), "0387", "Gateways without a revision", "1.17.8 1.18.7")
    assert found.hop == 1
    silent(free_gateway("1.16.7"), "0387", "1.16.7 1.17.8")


def test_from_1_24_3_on_it_is_not_served_either() -> None:
    from tests.checks.asking import said

    first, second = said(free_gateway("1.17.8"), "0387", LONG)
    assert (first.hop, second.hop) == (1, 7)
    assert second.blocks
    assert len(said(free_gateway("1.17.8"), "0387", LONG.replace("1.24.6", "1.24.2"))) == 1


def test_a_default_tag_that_leads_to_no_istiod_makes_nobody_an_owner() -> None:
    lost = free_gateway("1.17.8").tag("default", "gone")
    found = advises(lost, "0387", "Gateways without a revision", "1.17.8 1.18.7")
    assert found.summary.endswith("tag default leads to no istiod")


def test_pods_that_somebody_brings_for_a_gateway_lose_nothing_before_1_24_3() -> None:
    """Today (0326) and with a hop (0387) each mesh hears of it once."""
    own = mesh().plane("1.22.8").namespace("shop").api_gateway("shop/web", managed=False)
    for code in ("0326", "0387"):
        silent(own, code, "1.22.8 1.23.6 1.24.2")
    lost = blocks(own, "0387", "Gateways without a revision", "1.22.8 1.23.6 1.24.6")
    assert (lost.hop, lost.objects) == (2, ("Gateway shop/web",))
    silent(own, "0326", "1.22.8 1.23.6 1.24.6")


def test_a_default_tag_a_label_or_an_installation_without_a_revision_owns_it() -> None:
    silent(free_gateway("1.17.8", tagged=True), "0387", LONG)
    silent(free_gateway("1.17.8", rev="1-17-8"), "0387", LONG)
    unnamed = mesh().plane("1.17.8", "default").namespace("shop").api_gateway("shop/web")
    silent(unnamed, "0387", LONG)


def narrow() -> Mesh:
    """A mesh whose validator takes objects of its revision alone."""
    own = {"matchLabels": {"istio.io/rev": "1-27-9"}}
    made = mesh().plane("1.27.9", injector=False).namespace("shop", rev="1-27-9")
    made.webhook("istio-sidecar-injector-1-27-9", "1-27-9", entries("1-27-9", "istio-system/istiod-1-27-9", default=False))  # fmt: skip
    return made.validator("istio-validator-1-27-9-istio-system", "1-27-9", "istio-system/istiod-1-27-9", object_selector=own)  # fmt: skip


def test_configuration_that_no_webhook_looks_at_is_told() -> None:
    found = advises(narrow().resource("shop/a"), "0386", "validation")
    assert found.objects == ("VirtualService shop/a",)


def test_configuration_that_some_webhook_looks_at_is_not() -> None:
    silent(narrow().resource("shop/a", labels={"istio.io/rev": "1-27-9"}), "0386")
    silent(narrow().default_validator("1-27-9").resource("shop/a"), "0386")
    silent(narrow().resource("shop/a", kind=Kind(GROUP, "v1", "httproutes", "HTTPRoute")), "0386")


def test_a_validator_that_leads_nowhere_is_another_finding() -> None:
    made = narrow().validator("istiod-default-validator", "gone", "istio-system/istiod-gone")
    silent(made.resource("shop/a"), "0386")


def test_what_could_not_be_read_leaves_its_questions_open() -> None:
    found = blocks(shop().unread("envoyfilters.networking.istio.io"), "0303")
    assert "not known: whether EnvoyFilters name what a hop takes away" in "".join(found.what)
    made = shop().having(unread=(Unread(what="Secret istio-system/cacerts", why="forbidden", optional=True),))
    assert "when certificates of the authority end" in "".join(advises(made, "0351").what)
    assert len(blocks(shop().unread("jobs.batch"), "0303").what) == 1
