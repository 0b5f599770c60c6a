from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.meshes import Mesh, entries, mesh, shop


def test_two_labels_that_agree_are_untidy() -> None:
    both = (
        mesh().plane("1.27.9").tag("default", "1-27-9").namespace("both", rev="1-27-9", injection="enabled")
    )
    found = advises(both, "0318", "Namespace both")
    assert "its pods get revision 1-27-9" in found.summary
    assert "kubectl label namespace both istio-injection-" in found.do[0]


def test_two_labels_that_disagree_are_refused() -> None:
    two = mesh().plane("1.27.9").plane("1.28.10").tag("default", "1-27-9")
    blocks(two.namespace("both", rev="1-28-10", injection="enabled"), "0318", "Namespace both")


def test_a_revision_beside_disabled_injection_is_refused() -> None:
    off = mesh().plane("1.27.9").namespace("both", rev="1-27-9", injection="disabled")
    assert "its pods get no sidecar" in blocks(off, "0318", "Namespace both").summary


@pytest.mark.parametrize("labels", [{"rev": "1-27-9"}, {"injection": "enabled"}])
def test_one_label_is_enough(labels: dict[str, str]) -> None:
    silent(mesh().plane("1.27.9").tag("default", "1-27-9").namespace("one", **labels), "0318")


def test_a_namespace_of_a_revision_that_nobody_serves_loses_its_sidecars_silently() -> None:
    lost = mesh().plane("1.27.9").namespace("shop", rev="canary")
    advises(lost, "0319", "Namespace shop")
    found = blocks(lost.deployment("shop/cart", proxies=2, on="1-27-9"), "0319", "Namespace shop")
    assert "2 pods with an injected proxy run there" in found.what[0]
    assert found.do[0] == "kubectl label namespace shop istio.io/rev=1-27-9 --overwrite"


def test_an_injected_gateway_would_not_start_again_either() -> None:
    lost = mesh().plane("1.27.9").namespace("edge", rev="canary")
    found = blocks(lost.injected_gateway("edge/public", on="1-27-9"), "0319", "Namespace edge")
    assert "2 pods with an injected proxy run there" in found.what[0]


def test_a_gateway_that_istioctl_wrote_out_needs_no_injection() -> None:
    lost = mesh().plane("1.27.9").namespace("edge", rev="canary")
    advises(lost.ingress_gateway("1.27.9", name="edge/public", on="1-27-9"), "0319", "Namespace edge")


def test_the_empty_revision_label_matches_nothing() -> None:
    advises(mesh().plane("1.27.9").namespace("shop", rev=""), "0319", "Namespace shop")


def test_enabled_injection_without_a_default_is_served_by_nobody() -> None:
    advises(mesh().plane("1.27.9").namespace("shop", injection="enabled"), "0319", "Namespace shop")
    silent(mesh().plane("1.27.9", "default").namespace("shop", injection="enabled"), "0319")


def test_disabled_injection_asks_for_nothing() -> None:
    silent(mesh().plane("1.27.9").namespace("shop", injection="disabled"), "0319")


def test_a_workload_of_a_revision_that_nobody_serves_is_told_where_its_label_decides() -> None:
    lost = mesh().plane("1.27.9").namespace("free").namespace("bound", rev="1-27-9")
    blocks(
        lost.deployment("free/a", proxies=1, on="1-27-9", template={"istio.io/rev": "canary"}),
        "0319",
        "free/a",
    )
    bound = mesh().plane("1.27.9").namespace("bound", rev="1-27-9")
    silent(bound.deployment("bound/a", proxies=1, template={"istio.io/rev": "canary"}), "0319")


def test_a_default_tag_beside_a_live_unnamed_injector_injects_twice() -> None:
    left = mesh().plane("1.27.9", "default").plane("1.28.10").tag("default", "1-28-10")
    found = blocks(left.namespace("shop", injection="enabled"), "0320", "Namespace shop")
    assert "1-28-10 and default" in found.summary
    assert "istio-sidecar-injector" in found.do[0]


def test_two_configurations_of_one_revision_inject_once() -> None:
    silent(
        mesh().plane("1.27.9", "default").tag("default", "default").namespace("shop", injection="enabled"),
        "0320",
    )


@pytest.mark.parametrize(("path", "hop"), [("1.26.8 1.27.9", 1), ("1.25.5 1.26.8 1.27.9", 2)])
def test_a_value_that_opts_out_only_before_1_27_is_refused_at_that_hop(path: str, hop: int) -> None:
    version = path.split(maxsplit=1)[0]
    made = mesh().plane(version).namespace("shop", rev=version.replace(".", "-"))
    found = blocks(
        made.deployment("shop/db", template={"sidecar.istio.io/inject": "no"}), "0321", "shop/db", path
    )
    assert found.hop == hop
    assert '"labels":{"sidecar.istio.io/inject":"false"}' in found.do[0]


@pytest.mark.parametrize("value", ["true", "false", "yes"])
def test_a_value_that_means_the_same_before_and_after_is_no_finding(value: str) -> None:
    made = mesh().plane("1.26.8").namespace("shop", rev="1-26-8")
    silent(made.deployment("shop/db", template={"sidecar.istio.io/inject": value}), "0321", "1.26.8 1.27.9")


def test_an_odd_value_where_nothing_injects_is_no_finding() -> None:
    made = mesh().plane("1.26.8").namespace("quiet")
    silent(made.deployment("quiet/db", template={"sidecar.istio.io/inject": "no"}), "0321", "1.26.8 1.27.9")


def test_an_odd_value_is_old_news_after_1_27() -> None:
    assert said(shop().deployment("shop/db", template={"sidecar.istio.io/inject": "no"}), "0321") == []


def test_a_namespace_that_is_being_deleted_or_is_ambient_is_not_called_lost() -> None:
    silent(mesh().plane("1.27.9").namespace("shop", rev="canary", terminating=True), "0319")
    silent(
        mesh().plane("1.27.9").namespace("shop", rev="canary", labels={"istio.io/dataplane-mode": "ambient"}),
        "0319",
    )


def test_only_sidecars_would_be_lost_by_a_namespace_without_an_injector() -> None:
    made = mesh().plane("1.27.9").namespace("shop", rev="canary").namespace("other")
    advises(made.api_gateway("shop/web", made_by="1-27-9"), "0319", "Namespace shop")


def test_a_revision_label_on_pods_counts_for_nothing_where_the_namespace_has_one() -> None:
    two = mesh().plane("1.27.9").plane("1.28.10").tag("prod", "1-27-9").namespace("shop", rev="prod")
    found = advises(
        two.deployment("shop/cart", proxies=1, template={"istio.io/rev": "1-28-10"}), "0338", "pods of shop"
    )
    assert found.what == ("Deployment shop/cart: istio.io/rev=1-28-10, injected by 1-27-9",)
    assert found.objects == ("Deployment shop/cart",)


def test_one_that_says_the_same_or_decides_itself_counts() -> None:
    two = (
        mesh()
        .plane("1.27.9")
        .plane("1.28.10")
        .tag("prod", "1-27-9")
        .namespace("shop", rev="prod")
        .namespace("free")
    )
    for name, asked in (("shop/a", "1-27-9"), ("shop/b", "prod"), ("free/c", "prod")):
        two.deployment(name, proxies=1, template={"istio.io/rev": asked})
    silent(two, "0338")
    silent(
        two.deployment("shop/d", template={"istio.io/rev": "1-28-10", "sidecar.istio.io/inject": "false"}),
        "0338",
    )


def _unlabelled(entry: bool = False, **fields: Any) -> Mesh:
    """Pods that got their sidecars without a label, with or without the entry that gives them."""
    made = mesh().plane("1.27.9")
    if entry:
        auto = msgspec.structs.replace(
            entries("default", "istio-system/istiod-1-27-9", default=True)[0],
            name="auto.sidecar-injector.istio.io",
            namespace_selector={"matchExpressions": [{"key": "istio.io/rev", "operator": "DoesNotExist"}]},
        )
        made = made.webhook("istio-revision-tag-default", "1-27-9", (auto,), tag="default")
    return made.namespace("free").deployment("free/api", **({"proxies": 2, "on": "1-27-9"} | fields))


def test_sidecars_that_no_label_asks_for_and_nothing_gives_again_are_refused() -> None:
    found = blocks(_unlabelled(), "0347", "free/api")
    assert found.what == ("2 pods with an injected proxy would lose it at their next start",)


def test_what_is_injected_without_a_label_or_by_hand_or_not_at_all_is_no_trap() -> None:
    silent(_unlabelled(entry=True), "0347")
    silent(_unlabelled(images={"istio-proxy": "docker.io/istio/proxyv2:1.27.9"}), "0347")
    silent(_unlabelled(proxies=0), "0347")
    silent(_unlabelled(), "0347", excluded=("free",))
