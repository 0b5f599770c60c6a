from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.meshes import HUB, Mesh, image, mesh, shop
from upgrader.model.snapshot import RunningImage

MIRROR = "registry.corp/istio/proxyv2"


def cart(version: str = "1.27.9") -> Mesh:
    return mesh().plane(version).namespace("shop", rev=version.replace(".", "-")).default_validator("1-27-9")


def test_the_stale_ingress_gateway_two_minors_behind_is_refused() -> None:
    stale = (
        mesh("v1.26.0")
        .plane("1.17.8")
        .default_validator("1-17-8")
        .namespace("shop", rev="1-17-8")
        .deployment("shop/frontend", proxies=2)
        .ingress_gateway("1.15.7", on="1-17-8")
    )
    found = blocks(stale, "0201", "istio-system/istio-ingressgateway", "1.17.8 1.18.7")
    assert "1 of 1 pods run 1.15.7, two minors behind revision 1-17-8 (1.17.8)" in found.summary
    assert "at most one minor behind" in found.why
    assert found.do[0].endswith(
        "set image deployment/istio-ingressgateway istio-proxy=docker.io/istio/proxyv2:1.17.8"
    )
    assert not found.allowable


def test_an_ingress_gateway_of_the_right_version_is_consistent() -> None:
    silent(cart().ingress_gateway("1.27.9"), "0201")


def test_a_pinned_proxy_is_refused_with_the_command_that_unpins_it() -> None:
    pinned = (
        cart()
        .deployment("shop/search", proxies=4, pins=f"{HUB}:1.27.7")
        .pods_of("shop/search", 2, on="1-27-9")
    )
    found = blocks(pinned, "0201", "shop/search")
    assert "4 of 6 pods run 1.27.7, revision 1-27-9 injects 1.27.9" in found.summary
    assert f"cause: annotation sidecar.istio.io/proxyImage pins {HUB}:1.27.7" in found.what
    assert found.do[0].startswith("kubectl -n shop patch deployment/search --type=json")
    assert "--exclude shop/search" in found.do[-1]


def test_what_is_excluded_may_be_inconsistent() -> None:
    pinned = cart().deployment("shop/search", proxies=4, pins=f"{HUB}:1.27.7")
    silent(pinned, "0201", excluded=("shop/search",))
    silent(pinned, "0201", excluded=("shop",))
    assert said(pinned, "0201", excluded=("shop/searches",))


def test_a_proxy_that_was_not_restarted_since_the_last_patch_is_stale() -> None:
    found = blocks(cart().deployment("shop/cart", proxies=3, version="1.27.8"), "0201", "shop/cart")
    assert "cause: not restarted since its revision changed" in found.what
    assert found.do[0] == "kubectl -n shop rollout restart deployment/cart"
    assert found.allowable


def test_a_rollout_that_is_under_way_is_named_as_the_cause() -> None:
    rolling = (
        cart()
        .deployment("shop/cart", proxies=1, settled=False)
        .pods_of("shop/cart", 1, on="1-27-9", version="1.27.8")
    )
    assert blocks(rolling, "0201", "shop/cart").do[0] == "kubectl -n shop rollout status deployment/cart"


def test_a_pod_on_its_way_out_does_not_count() -> None:
    leaving = cart().deployment("shop/cart", proxies=1)
    silent(leaving.pods_of("shop/cart", 1, on="1-27-9", version="1.27.8", terminating=True), "0201")


def test_a_proxy_ahead_of_its_istiod_is_never_allowed() -> None:
    found = blocks(cart().deployment("shop/cart", proxies=1, version="1.28.10"), "0201", "shop/cart")
    assert "one minor ahead of revision 1-27-9" in found.summary
    assert not found.allowable


def test_the_worst_proxy_of_a_workload_speaks() -> None:
    mixed = (
        cart()
        .deployment("shop/cart", proxies=1, version="1.27.8")
        .pods_of("shop/cart", 1, on="1-27-9", version="1.25.5")
    )
    assert "two minors behind" in blocks(mixed, "0201", "shop/cart").summary


def test_another_registry_is_refused_until_it_is_declared_a_mirror() -> None:
    mirrored = cart().deployment("shop/cart", proxies=2, run=f"{MIRROR}:1.27.9")
    found = blocks(mirrored, "0201", "shop/cart")
    assert found.do[0].endswith("mirrors: {docker.io/istio: registry.corp/istio}")
    assert found.allowable
    silent(mirrored, "0201", mirrors={"docker.io/istio": "registry.corp/istio"})


def test_a_mirror_whose_name_only_begins_alike_is_another_registry() -> None:
    blocks(
        cart().deployment("shop/cart", proxies=1, run="registry.corp/istio-old/proxyv2:1.27.9"),
        "0201",
        "shop/cart",
        mirrors={"docker.io/istio": "registry.corp/istio"},
    )


def test_the_registries_of_the_project_itself_hold_the_same_images() -> None:
    silent(cart().deployment("shop/cart", proxies=1, run="gcr.io/istio-release/proxyv2:1.27.9"), "0201")


def test_a_variant_is_not_another_image() -> None:
    silent(cart().deployment("shop/cart", proxies=1, run=f"{HUB}:1.27.9-distroless"), "0201")


def test_one_tag_with_two_digests_is_refused_for_the_fewer() -> None:
    two = (
        cart()
        .deployment("shop/cart", proxies=3, digest_="sha256:aaaa")
        .deployment("shop/search", proxies=1, digest_="sha256:bbbb")
    )
    found = blocks(two, "0201", "shop/search")
    assert "cause: same tag, other digest" in found.what
    assert found.allowable


def test_one_digest_everywhere_is_consistent() -> None:
    same = cart().deployment("shop/cart", proxies=3, digest_="sha256:aaaa")
    silent(same.deployment("shop/search", proxies=1, digest_="sha256:aaaa"), "0201")


def test_a_proxy_of_latest_names_no_release() -> None:
    found = blocks(cart().deployment("shop/cart", proxies=1, run=f"{HUB}:latest"), "0201", "shop/cart")
    assert "names no release" in found.summary


def test_versions_are_compared_even_if_the_injector_could_not_be_read() -> None:
    unread = mesh().plane("1.27.9", proxy_image=None).namespace("shop", rev="1-27-9")
    silent(unread.deployment("shop/cart", proxies=1, version="1.27.9"), "0201")
    blocks(unread.deployment("shop/search", proxies=1, version="1.27.8"), "0201", "shop/search")


def test_an_injected_gateway_that_was_left_behind_is_told_to_restart() -> None:
    left = cart().namespace("edge", rev="1-27-9").injected_gateway("edge/public", version="1.26.8")
    found = blocks(left, "0201", "edge/public")
    assert "one minor behind" in found.summary
    assert found.do[0] == "kubectl -n edge rollout restart deployment/public"


def test_a_gateway_that_istiod_writes_is_not_told_to_restart() -> None:
    left = cart().namespace("edge", rev="1-27-9").api_gateway("edge/web", made_by="1-27-9")
    left.pods_of("edge/web-istio", 1, on="1-27-9", version="1.26.8")
    found = blocks(left, "0201", "edge/web-istio")
    assert "istiod writes this Deployment for Gateway edge/web" in found.what[-1]


def test_proxies_of_a_revision_that_is_gone_have_no_control_plane() -> None:
    lost = cart().deployment("shop/cart", proxies=2, on="1-26-8")
    assert "of revision 1-26-8, which is not installed" in blocks(lost, "0203", "shop/cart").summary
    silent(cart().deployment("shop/cart", proxies=2), "0203")


def test_proxies_that_nothing_ties_to_a_control_plane_are_told() -> None:
    lost = cart().deployment("shop/cart", proxies=1).pods_of("shop/cart", 1, on="", run=f"{HUB}:1.27.9")
    assert "1 pod of no known revision" in blocks(lost, "0203", "shop/cart").summary


def test_a_pin_that_is_right_today_would_still_stay_behind() -> None:
    pinned = cart().deployment("shop/search", proxies=2, pins=f"{HUB}:1.27.9")
    found = blocks(pinned, "0313", "shop/search")
    assert "would not move 2 pods" in found.summary
    silent(pinned, "0201")
    silent(pinned, "0313", excluded=("shop/search",))


def test_a_pin_that_is_wrong_today_is_told_once() -> None:
    silent(cart().deployment("shop/search", proxies=2, pins=f"{HUB}:1.27.7"), "0313")


def test_a_template_with_a_proxy_of_its_own_would_stay_behind() -> None:
    own = {"app": "docker.io/shop/cart:1", "istio-proxy": f"{HUB}:1.27.9"}
    found = blocks(cart().deployment("shop/cart", proxies=1, images=own), "0313", "shop/cart")
    assert found.do[0] == "kubectl -n shop set image deployment/cart istio-proxy=auto"
    silent(cart().deployment("shop/cart", proxies=1, images=own | {"istio-proxy": "auto"}), "0313")


def test_gateways_that_carry_their_image_on_purpose_are_not_pinned() -> None:
    silent(shop().ingress_gateway("1.27.9"), "0313")


def test_a_template_of_kube_inject_would_not_move() -> None:
    written = cart().deployment("shop/cart", proxies=2, annotations={"sidecar.istio.io/status": "{}"})
    blocks(written, "0316", "shop/cart")
    silent(written, "0316", excluded=("shop",))
    silent(cart().deployment("shop/cart", proxies=2), "0316")


def why(mesh: Mesh, name: str) -> str:
    return blocks(mesh, "0201", name).why


def test_the_reason_given_is_that_of_the_worst_difference() -> None:
    assert "newer than its istiod" in why(cart().deployment("shop/a", proxies=1, version="1.28.10"), "shop/a")
    assert "at most one minor" in why(cart().deployment("shop/a", proxies=1, version="1.25.5"), "shop/a")
    assert "mix two changes" in why(cart().deployment("shop/a", proxies=1, version="1.26.8"), "shop/a")
    assert "mix two changes" in why(cart().deployment("shop/a", proxies=1, run=f"{MIRROR}:1.27.9"), "shop/a")
    gateway = "istio-system/istio-ingressgateway"
    assert "further than the mesh" in why(cart().ingress_gateway("1.26.8", on="1-27-9"), gateway)


def test_two_builds_of_one_tag_are_mirrored_again() -> None:
    two = cart().deployment("shop/cart", proxies=3, digest_="sha256:aaaa")
    found = blocks(two.deployment("shop/search", proxies=1, digest_="sha256:bbbb"), "0201", "shop/search")
    assert found.why.startswith("one tag with two digests")
    assert found.summary == "shop/search: 1 of 1 pods run another build of 1.27.9 than the rest of the mesh"
    assert found.what[1] == f"1 run {HUB}:1.27.9 (sha256:bbbb)"
    assert found.do[0] == "mirror docker.io/istio again, then:"
    assert found.do[1] == "kubectl -n shop rollout restart deployment/search"


def test_a_stale_pod_without_an_owner_is_deleted_and_a_stale_job_is_left_to_end() -> None:
    assert blocks(cart().pod("shop/debug", version="1.27.8"), "0201", "shop/debug").do[0] == (
        "kubectl -n shop delete pod debug"
    )
    found = blocks(cart().job("shop/reindex", proxies=1, version="1.27.8"), "0201", "shop/reindex")
    assert "Job shop/reindex has not replaced its pods" in found.what[-1]


def test_a_template_of_kube_inject_is_named_as_the_cause() -> None:
    written = cart().deployment(
        "shop/cart", proxies=2, version="1.26.8", annotations={"sidecar.istio.io/status": "{}"}
    )
    assert "kube-inject" in blocks(written, "0201", "shop/cart").what[-1]


def test_a_template_with_its_own_image_is_named_as_the_cause() -> None:
    own = cart().deployment("shop/cart", proxies=1, version="1.26.8", images={"istio-proxy": f"{HUB}:1.26.8"})
    assert "its own istio-proxy container" in blocks(own, "0201", "shop/cart").what[-1]


def test_a_digest_that_is_the_expected_one_is_right_whatever_it_is_called() -> None:
    known = (
        mesh()
        .plane("1.27.9", proxy_image=image(f"{HUB}:1.27.9", "sha256:aaaa"))
        .namespace("shop", rev="1-27-9")
    )
    silent(known.deployment("shop/a", proxies=1, run=f"{MIRROR}:corp-7", digest_="sha256:aaaa"), "0201")
    blocks(
        known.deployment("shop/b", proxies=1, run=f"{MIRROR}:corp-7", digest_="sha256:bbbb"), "0201", "shop/b"
    )


def test_a_mirror_may_stand_for_a_whole_registry() -> None:
    mirrored = cart().deployment("shop/cart", proxies=1, run="registry.corp/hub/istio/proxyv2:1.27.9")
    silent(mirrored, "0201", mirrors={"docker.io": "registry.corp/hub"})


def test_a_proxy_of_latest_is_refused_even_if_the_injector_could_not_be_read() -> None:
    unread = mesh().plane("1.27.9", proxy_image=None).namespace("shop", rev="1-27-9")
    blocks(unread.deployment("shop/cart", proxies=1, run=f"{HUB}:latest"), "0201", "shop/cart")


def test_a_mirror_may_be_declared_for_any_registry_of_the_project() -> None:
    mirrored = cart().deployment("shop/cart", proxies=1, run=f"{MIRROR}:1.27.9")
    silent(mirrored, "0201", mirrors={"registry.istio.io/release": "registry.corp/istio"})


def test_a_lost_pod_is_deleted_and_a_lost_workload_restarted() -> None:
    assert blocks(cart().pod("shop/debug", on="1-26-8"), "0203", "shop/debug").do == (
        "kubectl -n shop delete pod debug",
    )
    assert blocks(cart().deployment("shop/cart", proxies=1, on="1-26-8"), "0203", "shop/cart").do == (
        "kubectl -n shop rollout restart deployment/cart",
    )


def test_a_proxy_whose_owner_was_not_read_is_still_compared() -> None:
    made = cart().deployment("shop/cart", proxies=1, version="1.26.8")
    blocks(made.having(workloads=()), "0201", "shop/cart")


# what is there once a node, and the rest of a mesh


def nodes(run: str = "docker.io/istio/ztunnel:1.27.9", digest_: str = "", **fields: Any) -> Mesh:
    """Three nodes with ztunnel and istio-cni."""
    made = (
        cart()
        .namespace("istio-system")
        .daemon_set(
            "istio-system/istio-cni-node", images={"install-cni": "docker.io/istio/install-cni:1.27.9"}
        )
    )
    images = {"istio-proxy": run}
    made = made.daemon_set("istio-system/ztunnel", images=images, **fields)
    return made.pods_of("istio-system/ztunnel", 3, on="", run=run, digest_=digest_, kind="ztunnel")


def test_node_parts_of_one_image_and_one_registry_are_consistent() -> None:
    silent(nodes(), "0204")


@pytest.mark.parametrize(
    "other",
    [
        {"run": "docker.io/istio/ztunnel:1.27.8"},
        {"run": "registry.corp/istio/ztunnel:1.27.9"},
        {"run": "docker.io/istio/ztunnel:1.27.9", "digest_": "sha256:bbbb"},
        {"run": "docker.io/istio/ztunnel:1.27.9-distroless"},
    ],
)
def test_a_node_whose_ztunnel_differs_is_told(other: dict[str, Any]) -> None:
    mixed = nodes(digest_="sha256:aaaa").pods_of("istio-system/ztunnel", 1, on="", kind="ztunnel", **other)
    found = advises(mixed, "0204", "istio-system/ztunnel")
    assert found.summary == "istio-system/ztunnel: 4 pods run several images"
    assert found.what[0] == "3 run docker.io/istio/ztunnel:1.27.9 (sha256:aaaa)"


def test_a_ztunnel_that_is_going_away_and_a_mirror_are_no_other_image() -> None:
    going = nodes().pods_of(
        "istio-system/ztunnel",
        1,
        on="",
        kind="ztunnel",
        run="docker.io/istio/ztunnel:1.27.8",
        terminating=True,
    )
    silent(going, "0204")
    mirrors = {"docker.io/istio": "registry.corp/istio"}
    there = nodes().pods_of(
        "istio-system/ztunnel", 1, on="", kind="ztunnel", run="registry.corp/istio/ztunnel:1.27.9"
    )
    silent(there, "0204", mirrors=mirrors)


def test_a_digest_that_nobody_says_is_no_other_digest() -> None:
    run = "docker.io/istio/ztunnel:1.27.9"
    made = nodes().pods_of("istio-system/ztunnel", 1, on="", kind="ztunnel", run=run, digest_="sha256:bbbb")
    silent(made, "0204")


def test_a_rollout_over_the_nodes_that_has_not_finished_is_told() -> None:
    found = advises(nodes(settled=False, strategy="OnDelete"), "0204", "istio-system/ztunnel")
    assert found.summary.endswith("its rollout has not finished, strategy OnDelete")
    silent(nodes(strategy="OnDelete"), "0204")


def test_a_plugin_of_another_registry_than_istiod_is_told_until_that_is_a_mirror() -> None:
    image = "registry.corp:5000/istio/install-cni:1.27.9"
    made = cart().daemon_set(
        "istio-system/istio-cni-node", images={"install-cni": image, "agent": "corp/agent"}
    )
    found = advises(made, "0204", "istio-system/istio-cni-node")
    assert found.what == (f"it names {image}", "istiod is docker.io/istio/pilot:1.27.9")
    silent(made, "0204", mirrors={"docker.io/istio": "registry.corp:5000/istio"})


def runs(made: Mesh, *pods: tuple[str, int, str, str]) -> Mesh:
    """Workload, pods, image and digest of what has no proxy."""
    found = (RunningImage(workload=w, count=n, image=image(i, d)) for w, n, i, d in pods)
    return made.having(running_images=tuple(found))


CNI = "DaemonSet istio-system/istio-cni-node"
PLUGIN = "docker.io/istio/install-cni:1.27.9"


def test_a_node_whose_plugin_is_another_build_is_told() -> None:
    mixed = runs(nodes(), (CNI, 2, PLUGIN, "sha256:aaaa"), (CNI, 1, PLUGIN, "sha256:bbbb"))
    found = advises(mixed, "0204", "istio-system/istio-cni-node")
    assert found.what == (f"2 run {PLUGIN} (sha256:aaaa)", f"1 run {PLUGIN} (sha256:bbbb)")
    silent(runs(nodes(), (CNI, 2, PLUGIN, "sha256:aaaa"), (CNI, 1, PLUGIN, "")), "0204")


ISTIOD = "Deployment istio-system/istiod-1-27-9"
PILOT = "docker.io/istio/pilot:1.27.9"


def test_an_istiod_whose_pods_are_of_two_builds_is_told() -> None:
    mixed = runs(cart(), (ISTIOD, 1, PILOT, "sha256:bbbb"), (ISTIOD, 2, PILOT, "sha256:aaaa"))
    found = advises(mixed, "0206", "istio-system/istiod-1-27-9")
    assert found.summary == f"istio-system/istiod-1-27-9: 3 pods run 2 builds of {PILOT}"
    assert found.what == (f"2 run {PILOT} (sha256:aaaa)", f"1 run {PILOT} (sha256:bbbb)")


@pytest.mark.parametrize(
    "other",
    [
        (ISTIOD, 1, PILOT, "sha256:aaaa"),
        (ISTIOD, 1, PILOT, ""),
        (ISTIOD, 1, "docker.io/istio/pilot:1.27.8", "sha256:bbbb"),
        ("Deployment istio-system/istiod-1-28-10", 1, PILOT, "sha256:bbbb"),
    ],
)
def test_one_build_an_untold_one_and_a_rollout_are_no_moved_tag(other: tuple[str, int, str, str]) -> None:
    silent(runs(cart(), (ISTIOD, 2, PILOT, "sha256:aaaa"), other), "0206")


def test_a_stale_waypoint_is_named_with_its_cause() -> None:
    left = cart().namespace("edge", rev="1-27-9").api_gateway("edge/waypoint", made_by="1-27-9")
    left.pods_of("edge/waypoint-istio", 1, on="1-27-9", version="1.26.8", kind="waypoint")
    found = blocks(left, "0201", "edge/waypoint-istio")
    assert "istiod writes this Deployment for Gateway edge/waypoint" in found.what[-1]


def test_a_native_sidecar_counts_like_any_other() -> None:
    native = (
        cart()
        .deployment("shop/cart", proxies=1)
        .pods_of("shop/cart", 1, on="1-27-9", version="1.27.8", native=True)
    )
    assert "1 of 2 pods run 1.27.8" in blocks(native, "0201", "shop/cart").summary
    same = cart().deployment("shop/cart", proxies=1)
    silent(same.pods_of("shop/cart", 1, on="1-27-9", version="1.27.9", native=True), "0201")


def started(init: str, **fields: Any) -> Mesh:
    made = cart().deployment("shop/cart", proxies=1)
    return made.pods_of("shop/cart", 2, on="1-27-9", init_image=image(init), **fields)


@pytest.mark.parametrize("init", ["docker.io/istio/proxyv2:1.26.8", "registry.old/istio/proxyv2:1.27.9"])
def test_an_init_container_of_another_release_or_registry_than_its_proxy_is_told(init: str) -> None:
    found = advises(started(init), "0205", f"init containers of {init}")
    assert found.summary.endswith("2 pods with a proxy of another release or registry")
    assert found.objects == ("Deployment shop/cart",)


def test_an_init_container_of_the_same_release_is_no_other_one() -> None:
    silent(cart().deployment("shop/cart", proxies=2), "0205")
    silent(started("docker.io/istio/proxyv2:1.27.9-distroless"), "0205")
    silent(started("gcr.io/istio-release/proxyv2:1.27.9"), "0205")
    silent(started("docker.io/istio/proxyv2:1.26.8", terminating=True), "0205")
    mirrors = {"docker.io/istio": "registry.corp/istio"}
    silent(started("registry.corp/istio/proxyv2:1.27.9"), "0205", mirrors=mirrors)
