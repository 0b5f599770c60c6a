from __future__ import annotations

import msgspec
import pytest

from tests.checks.asking import advises, blocks, context, findings, said, silent
from tests.meshes import Mesh, image, mesh, shop
from upgrader.catalog import load_catalog
from upgrader.checks import CHECKS, run_checks, skip_refusal
from upgrader.checks.context import Context
from upgrader.model.finding import Severity
from upgrader.model.snapshot import Unread
from upgrader.model.version import Version


def test_a_healthy_mesh_has_no_finding_but_that_its_gateway_is_emptied_on_leaving() -> None:
    assert [f.code for f in findings(shop(), "1.27.9 1.28.10 1.29.6")] == ["UPG-0327"]


def test_a_healthy_mesh_on_a_fixed_release_has_no_finding_at_all() -> None:
    assert findings(shop("1.29.6"), "1.29.6 1.30.3") == ()


def test_every_check_is_asked_of_a_mesh() -> None:
    assert run_checks(shop().snapshot(), context()).ran == len(CHECKS) == len(set(CHECKS))


def test_an_empty_cluster_is_no_mesh_and_says_nothing_else() -> None:
    empty = mesh().namespace("shop", injection="enabled")
    assert [f.code for f in findings(empty, "")] == ["UPG-0106"]
    blocks(empty, "0106", path="")


def test_one_istiod_is_enough_to_be_a_mesh() -> None:
    silent(mesh().plane("1.27.9"), "0106")


def test_control_planes_in_two_namespaces_are_two_meshes() -> None:
    two = mesh().plane("1.27.9").plane("1.27.9", "other", namespace="istio-two")
    assert "istio-system, istio-two" in blocks(two, "0107").summary


def serving(*versions: str) -> Mesh:
    made = mesh()
    for version in versions:
        made.plane(version)
    for version in versions:
        revision = Version.parse(version).revision
        made.namespace(f"on-{revision}", rev=revision).deployment(f"on-{revision}/app", proxies=1)
    return made


def test_three_serving_revisions_are_one_too_many() -> None:
    blocks(serving("1.26.8", "1.27.9", "1.28.10"), "0107")


def test_two_serving_revisions_and_an_idle_third_are_not_too_many() -> None:
    silent(serving("1.26.8", "1.27.9").plane("1.28.10"), "0107")


def test_two_namespaces_and_too_many_revisions_are_one_finding_with_both_facts() -> None:
    made = serving("1.26.8", "1.27.9", "1.28.10").plane("1.27.9", "other", namespace="istio-two")
    found = blocks(made, "0107")
    assert "istio-two" in found.summary
    assert any("3 revisions" in line for line in found.what)


def test_what_could_not_be_read_is_not_taken_for_none() -> None:
    found = blocks(shop().unread("secrets in payments"), "0303")
    assert found.what[0] == "secrets in payments: forbidden"


def test_what_could_not_be_read_is_told_even_where_no_istiod_is_seen() -> None:
    assert [f.code for f in findings(mesh().unread("deployments"), "")] == ["UPG-0303", "UPG-0106"]


def test_a_mesh_that_was_read_whole_is_not_called_unread() -> None:
    silent(shop(), "0303")
    silent(shop(), "0351")


def test_what_only_checks_ask_about_blocks_nothing_and_is_told_where_it_was_not_seen() -> None:
    made = shop().unread("networkpolicies.networking.k8s.io", optional=True)
    silent(made, "0303")
    assert advises(made, "0351").objects == ("networkpolicies.networking.k8s.io",)
    assert made.snapshot().unseen("networkpolicies.networking.k8s.io")
    assert not made.snapshot().unseen("networkpolicies")


@pytest.mark.parametrize(
    ("server", "severity"),
    [
        ("v1.28.9", Severity.BLOCKED),  # below what istioctl 1.28 accepts
        ("v1.29.1", Severity.ADVISORY),  # tested, not supported
        ("v1.30.0", None),
        ("v1.33.4-eks-1", None),
        ("v1.34.4", Severity.ADVISORY),  # 1.28 supports it, 1.27, which runs, does not
        ("v1.35.0", Severity.ADVISORY),  # released later
        ("nonsense", Severity.ADVISORY),
    ],
)
def test_kubernetes_must_go_with_the_target(server: str, severity: Severity | None) -> None:
    found = said(mesh(server).plane("1.27.9"), "0304")
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_each_hop_is_compared_with_kubernetes_and_says_which_one_it_is() -> None:
    found = said(mesh("v1.30.2").plane("1.27.9"), "0304", "1.27.9 1.28.10 1.29.6 1.30.3")
    assert [(f.hop, f.severity) for f in found] == [(2, Severity.ADVISORY), (3, Severity.BLOCKED)]


def test_a_mesh_on_kubernetes_1_24_that_asks_for_1_20_is_refused_and_told_which_one_serves_every_hop() -> (
    None
):
    for start in ("1.17.8 1.18.7 1.19.10 1.20.8", "1.18.7 1.19.10 1.20.8", "1.19.10 1.20.8"):
        first, *_ = start.split()
        found = said(mesh("v1.24.17").plane(first), "0304", start)[-1]
        assert found.severity is Severity.BLOCKED
        assert found.allowable
        assert "Istio 1.20 needs a newer one" in found.summary
        assert found.do[0].startswith("upgrade Kubernetes to 1.25 to 1.2")
        assert "serves every hop" in found.do[0]


def test_what_runs_must_go_with_kubernetes_as_well_while_both_run() -> None:
    found = advises(mesh("v1.34.4").plane("1.27.9"), "0304")
    assert "Istio 1.27, which runs, supports 1.29 to 1.33" in found.summary
    silent(mesh("v1.33.4").plane("1.27.9"), "0304")


def test_a_kubernetes_that_nobody_tried_a_release_on_is_refused() -> None:
    odd = load_catalog().releases["1.28"]
    known = msgspec.structs.replace(odd.kubernetes, tested=("1.28", "1.29"), minimum="1.20")
    releases = {**load_catalog().releases, "1.28": msgspec.structs.replace(odd, kubernetes=known)}
    asked = Context(
        path=(Version.parse("1.27.9"), Version.parse("1.28.10")),
        catalog=msgspec.structs.replace(load_catalog(), releases=releases),
    )
    found = run_checks(mesh("v1.27.1").plane("1.27.9").snapshot(), asked).findings
    assert Severity.BLOCKED in {f.severity for f in found if f.code == "UPG-0304"}


def test_a_minor_between_known_ones_that_the_catalog_lacks_is_said_to_be_unknown() -> None:
    releases = {m: r for m, r in load_catalog().releases.items() if m != "1.28"}
    asked = Context(
        path=(Version.parse("1.27.9"), Version.parse("1.28.10")),
        catalog=msgspec.structs.replace(load_catalog(), releases=releases),
    )
    [found] = [f for f in run_checks(shop().snapshot(), asked).findings if f.code == "UPG-0304"]
    assert "nothing is known" in found.summary


def test_a_control_plane_with_a_missing_replica_is_not_ready() -> None:
    blocks(mesh().plane("1.27.9", ready=1), "0305", "istio-system/istiod-1-27-9")


def test_a_control_plane_that_is_rolling_is_not_ready() -> None:
    blocks(mesh().plane("1.27.9", settled=False), "0305", "istio-system/istiod-1-27-9")


def test_a_control_plane_at_zero_is_not_ready_while_proxies_use_it() -> None:
    frozen = mesh().plane("1.27.9", replicas=0, ready=0).namespace("shop", rev="1-27-9")
    silent(frozen, "0305")
    blocks(frozen.deployment("shop/cart", proxies=1), "0305", "istio-system/istiod-1-27-9")


def test_a_sick_control_plane_that_nothing_uses_does_not_block() -> None:
    left = mesh().plane("1.27.9").plane("1.26.8", ready=0)
    advises(left, "0305", "istio-system/istiod-1-26-8")
    blocks(mesh().plane("1.27.9").plane("1.28.10", ready=0), "0305", "istio-system/istiod-1-28-10")


def test_one_ready_replica_is_ready() -> None:
    silent(mesh().plane("1.27.9", replicas=1, ready=1), "0305")


def test_two_istiods_under_one_revision_must_be_one_version() -> None:
    blocks(mesh().plane("1.27.9", "prod").plane("1.27.8", "prod"), "0202", "revision prod")
    silent(mesh().plane("1.27.9", "blue").plane("1.27.8", "green"), "0202")


def test_an_istiod_that_injects_another_version_than_its_own_is_mixed() -> None:
    moved = mesh().plane("1.27.9", proxy_image=image("docker.io/istio/proxyv2:1.26.8"))
    blocks(moved, "0202", "revision 1-27-9")


def test_a_distroless_proxy_image_is_not_another_version() -> None:
    silent(mesh().plane("1.27.9", proxy_image=image("docker.io/istio/proxyv2:1.27.9-distroless")), "0202")


def test_a_control_plane_of_latest_has_no_known_version() -> None:
    found = blocks(mesh().plane("latest"), "0103", "istio-system/istiod-latest", path="")
    assert "tag latest" in found.summary


def test_a_control_plane_of_a_release_candidate_has_a_known_version() -> None:
    silent(mesh().plane("1.31.0-rc.0"), "0103")


def test_a_hop_does_not_stop_at_a_release_with_a_known_fault() -> None:
    found = blocks(mesh().plane("1.28.10"), "0104", "Istio 1.29.3", "1.28.10 1.29.3")
    assert found.allowable
    silent(mesh().plane("1.28.10"), "0104", "1.28.10 1.29.6")


def test_a_target_without_support_is_an_advisory() -> None:
    found = advises(mesh().plane("1.25.5"), "0104", "Istio 1.26", "1.25.5 1.26.8")
    assert "2025-12-22" in found.summary
    assert found.do[0].startswith("upgrade plan --to 1.29")


def test_a_minor_on_the_way_may_be_out_of_support() -> None:
    silent(mesh().plane("1.27.9"), "0104", "1.27.9 1.28.10 1.29.6")


def test_a_skip_is_refused_with_the_way_there() -> None:
    path = [Version.parse(v) for v in ("1.27.9", "1.28.10", "1.29.6")]
    refused = skip_refusal(path[0], path[2], path)
    assert refused.code == "UPG-0101"
    assert refused.exit_code == 3
    assert refused.headline == "1.27.9 -> 1.29.6 skips a minor version (1.28)"
    assert refused.do == ("upgrade plan --to 1.29            # 1.27.9 -> 1.28.10 -> 1.29.6",)
    assert "no override" in refused.why


def test_a_skip_of_several_minors_names_them_all() -> None:
    refused = skip_refusal(Version.parse("1.26.8"), Version.parse("1.29.6"), ())
    assert "skips minor versions (1.27, 1.28)" in refused.headline


def test_no_path_and_no_catalog_entry_break_no_check() -> None:
    bare = Context(path=(), catalog=msgspec.structs.replace(load_catalog(), releases={}))
    assert run_checks(shop().snapshot(), bare).ran == len(CHECKS)


def test_a_revision_that_only_a_tag_names_is_set_aside_by_name() -> None:
    third = mesh().plane("1.27.9").plane("1.28.10").tag("unused", "1-27-9").namespace("b", rev="1-28-10")
    found = advises(third.deployment("b/api", proxies=1), "0343", "revision 1-27-9", "1.28.10 1.29.6")
    assert "tag unused" in found.what[0]


def test_what_is_known_of_the_proxies_of_a_revision_that_is_set_aside_is_said_and_no_more() -> None:
    third = mesh().plane("1.27.9").plane("1.28.10").tag("unused", "1-27-9").namespace("b", rev="1-28-10")
    about = ("0343", "revision 1-27-9", "1.28.10 1.29.6")
    assert "no proxy runs on it" in advises(third, *about).summary
    third.deployment("c/old", proxies=2, on="1-27-9")
    assert "2 pods run on it, and no step of a plan moves it" in advises(third, *about).summary
    path = ("0343", "revision 1-27-5", "1.26.8 1.27.9 1.28.10")
    between = mesh().plane("1.26.8").plane("1.27.5").deployment("a/old", proxies=1, on="1-26-8")
    silent(between, "0343", path[2])
    assert "1 pod runs on it" in advises(between.deployment("c/own", proxies=1, on="1-27-5"), *path).summary
    unseen = Unread(what="pods in namespace d", why="forbidden")
    blind = mesh().plane("1.27.9").plane("1.28.10").tag("unused", "1-27-9").having(unread=(unseen,))
    assert "proxy" not in advises(blind, *about).summary


def test_an_older_revision_that_is_still_named_is_told_where_nothing_else_is_to_be_done() -> None:
    made = mesh().plane("1.27.9").plane("1.28.10").tag("prod", "1-27-9").namespace("a", rev="1-27-9")
    done = made.namespace("b", rev="1-28-10").deployment("b/api", proxies=1).default_validator("1-27-9")
    found = advises(done, "0343", "revision 1-27-9", "1.28.10")
    assert found.what == ("named by tag prod, namespace a, the default validator",)
    assert found.do[1:] == (
        "kubectl label namespace a istio.io/rev=1-28-10 --overwrite",
        "istioctl tag set prod --revision 1-28-10 --overwrite",
    )
    silent(mesh().plane("1.27.9").plane("1.28.10").namespace("b", rev="1-28-10"), "0343", "1.28.10")


def test_a_revision_that_nothing_names_is_nobodys_concern() -> None:
    silent(mesh().plane("1.27.9").plane("1.28.10").namespace("b", rev="1-28-10"), "0343", "1.28.10 1.29.6")
    silent(mesh().plane("1.28.10").plane("1.30.3").tag("next", "1-30-3"), "0343", "1.28.10 1.29.6")
