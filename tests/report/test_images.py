"""The images of a mesh at one glance."""

from __future__ import annotations

from dataclasses import replace

from tests.checks.test_images import nodes, runs
from tests.meshes import HUB
from upgrader.report.images import ImageRow, image_rows, images_text
from upgrader.report.style import Style

SEEN = (
    nodes()
    .plane("1.28.10")
    .deployment("shop/cart", proxies=3, digest_="sha256:aaaaaaaaaaaaaaaa")
    .deployment("shop/web", proxies=1, run=f"{HUB}:1.27.9-distroless")
    .deployment("shop/old", proxies=2, version="1.26.8")
    .pods_of("shop/cart", 1, on="1-27-9", version="1.27.9", native=True)
    .pods_of("shop/cart", 1, on="1-27-9", version="1.26.0", terminating=True)
    .deployment("shop/lost", proxies=1, on="1-24-0", run=f"{HUB}:1.24.0")
    .ingress_gateway("1.25.5", on="1-27-9")
    .snapshot()
)
PLAIN = Style()


def rows() -> list[ImageRow]:
    return list(image_rows(SEEN, {}))


def test_every_component_of_every_revision_is_there_odd_ones_first() -> None:
    found = [(r.component, r.revision, r.pods, r.image.rpartition("/")[2], r.remark) for r in rows()]
    assert found == [
        ("istiod", "1-27-9", 2, "pilot:1.27.9", ""),
        ("istiod", "1-28-10", 2, "pilot:1.28.10", ""),
        ("gateway", "1-27-9", 1, "proxyv2:1.25.5", "another release than its revision injects"),
        ("sidecar", "1-24-0", 1, "proxyv2:1.24.0", "no istiod of that revision"),
        ("sidecar", "1-27-9", 2, "proxyv2:1.26.8", "another release than its revision injects"),
        ("sidecar", "1-27-9", 3, "proxyv2:1.27.9", ""),
        ("sidecar", "1-27-9", 1, "proxyv2:1.27.9-distroless", ""),
        ("native sidecar", "1-27-9", 1, "proxyv2:1.27.9", ""),
        ("ztunnel", "", 3, "ztunnel:1.27.9", ""),
        ("istio-cni", "", 1, "install-cni:1.27.9", ""),
    ]


def test_the_table_says_who_runs_what() -> None:
    lines = images_text(rows(), PLAIN).splitlines()
    assert lines[0].split() == ["COMPONENT", "REVISION", "PODS", "IMAGE", "DIGEST", "REMARK"]
    cart = next(line for line in lines if "aaaaaaaaaaaa" in line)
    assert cart.split() == ["sidecar", "1-27-9", "3", f"{HUB}:1.27.9", "aaaaaaaaaaaa"]
    assert len({line.index("docker.io") for line in lines[1:]}) == 1


def test_a_voice_gets_a_line_each() -> None:
    said = images_text(rows(), replace(PLAIN, accessible=True)).splitlines()
    assert (
        said[2]
        == f"gateway of revision 1-27-9: 1 run {HUB}:1.25.5: another release than its revision injects"
    )


def test_what_the_pods_of_istiod_and_of_the_plugin_run_is_told_with_its_digest() -> None:
    istiod, plugin = "Deployment istio-system/istiod-1-27-9", "DaemonSet istio-system/istio-cni-node"
    pilot, cni = "docker.io/istio/pilot:1.27.9", "docker.io/istio/install-cni:1.27.9"
    made = runs(
        nodes(), (istiod, 2, pilot, "sha256:a"), (istiod, 1, pilot, "sha256:b"), (plugin, 3, cni, "sha256:c")
    )
    found = [r for r in image_rows(made.snapshot(), {}) if r.component in {"istiod", "istio-cni"}]
    assert [(r.component, r.pods, r.image, r.digest, r.remark) for r in found] == [
        ("istiod", 1, pilot, "sha256:b", "same tag, other digest"),
        ("istiod", 2, pilot, "sha256:a", ""),
        ("istio-cni", 3, cni, "sha256:c", ""),
    ]


def test_a_mirror_that_was_declared_is_not_odd() -> None:
    made = nodes().deployment("shop/cart", proxies=1, run="registry.corp/istio/proxyv2:1.27.9").snapshot()
    mirrors = {"docker.io/istio": "registry.corp/istio"}
    assert [r.remark for r in image_rows(made, {}) if r.component == "sidecar"] == [
        "another registry than its revision injects"
    ]
    assert [r.remark for r in image_rows(made, mirrors) if r.component == "sidecar"] == [""]
