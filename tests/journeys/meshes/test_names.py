"""Revisions under any name, half installed, installed already, left over; tags that point anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.journeys.meshes.building import Site, named, site
from tests.journeys.meshes.proving import prove, proxies, remains
from tests.journeys.meshes.refusing import refusal
from upgrader.sandbox.charts.manifests import render, render_gateway_api, render_tag
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.journey, pytest.mark.slow]

ROOT = "mesh-system"
PLANES = "/apis/apps/v1/namespaces/istio-system/deployments"


def filled(here: Site, *, gateways: bool = True) -> Site:
    """Bound by a label, by a tag and by the default tag."""
    here.namespace("lab", rev=here.release.name).deployment("lab/api").namespace("shop", rev="prod")
    here.deployment("shop/cart", 2).namespace("leg", injection="enabled").deployment("leg/api")
    if gateways:
        here.gateway("lab/gw").gateway("plain/gw")
    return here.wait()


def mesh(version: str = "1.28.10", revision: str | None = None) -> Site:
    """A mesh with tags, gateways and workloads."""
    return filled(site(version, revision, tags=("prod", "default"), gateway_api="1.4.1"))


@pytest.mark.parametrize(
    ("old", "new"),
    [("stable", "canary"), ("blue", "blue-2"), ("1-28-10", "1")],
)
def test_any_names_will_do_also_where_one_begins_with_the_other(old: str, new: str, tmp_path: Path) -> None:
    here = mesh(revision=old)
    proof = prove(here, tmp_path, here.manifests(tmp_path, ("1.29.6", new)))
    assert proof.wrong == []
    istiods = [
        d["metadata"]["name"] for d in proof.journey.world.store.list("apps", "deployments", "istio-system")
    ]
    assert istiods == [f"istiod-{new}"]


def test_a_patch_of_the_same_minor_is_a_hop_like_any_other(tmp_path: Path) -> None:
    here = mesh("1.28.8")
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.28.10"), to="1.28.10")
    assert proof.wrong == []
    assert remains(proof.journey.world, "1-28-8") == []


def part(text: str, *kinds: str) -> str:
    """The documents of these kinds."""
    return "---\n".join(
        yaml.dump(d) for d in yaml.load_all(text, Loader=yaml.CSafeLoader) if d and d["kind"] in kinds
    )


def half(here: Site) -> Site:
    """Accounts, roles and configuration of the new revision are there, its istiod is not."""
    kinds = ("ServiceAccount", "ConfigMap", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    return here.apply(part(render(here.also("1.29.6"))["istiod.yaml"], *kinds))


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(lambda s: s.plane("1.29.6", parts=("crds",)), id="definitions"),
        pytest.param(half, id="half"),
        pytest.param(lambda s: s.plane("1.29.6"), id="whole"),
        pytest.param(
            lambda s: s.plane("1.29.6", manager="somebody", parts=("istiod",)), id="by somebody else"
        ),
    ],
)
def test_what_of_the_target_is_there_already_is_taken_over_and_left_by_a_rollback(
    begun: Callable[[Site], Site], tmp_path: Path
) -> None:
    here = begun(mesh()).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), backs=1)
    assert proof.wrong == []
    assert remains(proof.journey.world, "1-28-10") == []


def test_two_istiods_that_were_there_are_two_again_after_going_back(tmp_path: Path) -> None:
    here = mesh().plane("1.29.6").patch(f"{PLANES}/istiod-1-29-6", {"spec": {"replicas": 2}}).wait()
    assert prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), backs=3).wrong == []


def test_a_target_that_is_scaled_to_zero_blocks_the_plan(tmp_path: Path) -> None:
    here = mesh().plane("1.29.6").patch(f"{PLANES}/istiod-1-29-6", {"spec": {"replicas": 0}})
    assert "--replicas=1" in refusal(here.wait(), tmp_path, "1.29.6")["UPG-0332"].do[0]


@pytest.mark.parametrize(
    ("begun", "moved"),
    [
        pytest.param(lambda s: s.tag("prod", s.also("1.29.6")), "shop/cart", id="tag"),
        pytest.param(lambda s: s.relabel("lab", rev="1-29-6"), "lab/api", id="namespace"),
    ],
)
def test_what_is_bound_to_the_target_before_stays_so_after_going_back(
    begun: Callable[[Site], Site], moved: str, tmp_path: Path
) -> None:
    """Its next pod would have been the target's anyway, so that is what a pod made on the way back gets."""
    here = begun(filled(site("1.28.10", tags=("prod", "default")), gateways=False).plane("1.29.6")).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), backs=2, left=(f".{moved} ",))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}


@pytest.mark.parametrize("version", ["1.27.9", "1.28.8", "1.30.3"])
def test_an_idle_third_revision_is_neither_moved_nor_removed(version: str, tmp_path: Path) -> None:
    here = mesh().plane(version)
    here.tag("unused", here.also(version)).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}
    assert f"deployments.apps istio-system/istiod-{named(version)}" in remains(
        proof.journey.world, named(version)
    )


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "Service"])
def test_a_half_moved_tag_is_moved_whole_or_named_where_it_leads_elsewhere(kind: str, tmp_path: Path) -> None:
    here = filled(site("1.28.10", tags=("prod", "default")), gateways=False).plane("1.29.6")
    here.apply(part(render_tag("prod", here.also("1.29.6")), kind)).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), left=("-revision-tag-prod",))
    assert proof.wrong == []
    strange = filled(site("1.28.10", tags=("prod", "default")), gateways=False).plane("1.28.8")
    strange.apply(part(render_tag("prod", strange.also("1.28.8")), kind)).wait()
    assert refusal(strange, tmp_path / "strange", "1.29.6")["UPG-0325"].subject == "tag prod"


def test_a_tag_that_is_only_a_service_moves(tmp_path: Path) -> None:
    here = mesh().delete(
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-revision-tag-prod"
    )
    here.relabel("shop", rev="1-28-10").gateway("plain/by-service", rev="prod").wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []


def rooted(text: str) -> str:
    """Manifests for another namespace; injectors and tags are named after it (chart istio-discovery)."""
    objects = [o for o in yaml.load_all(text.replace("istio-system", ROOT), Loader=yaml.CSafeLoader) if o]
    for obj in objects:
        if obj["kind"] == "MutatingWebhookConfiguration":
            obj["metadata"]["name"] += f"-{ROOT}"
    return "---\n".join(map(yaml.dump, objects))


@pytest.mark.parametrize(("revision", "tags"), [("1-28-10", ("prod", "default")), ("", ())])
def test_istiod_may_live_in_another_namespace(revision: str, tags: tuple[str, ...], tmp_path: Path) -> None:
    release = Release("1.28.10", revision, kubernetes="1.33")
    here = (
        Site(World(kubernetes="1.33"), release)
        .namespace(ROOT)
        .namespace("plain")
        .apply(render_gateway_api("1.4.1"))
    )
    files = render(release)
    for text in (
        files["crds.yaml"],
        files["base.yaml"],
        files["istiod.yaml"],
        *(render_tag(t, release) for t in tags),
    ):
        here.apply(rooted(text))
    here.namespace("lab", rev=release.name).deployment("lab/api").namespace("leg", injection="enabled")
    here.deployment("leg/api").gateway("plain/gw").deployment(
        "plain/asks", labels={"sidecar.istio.io/inject": "true"}
    ).wait()
    manifests = here.manifests(tmp_path, "1.29.6")
    for file in (manifests / "1.29.6").iterdir():
        file.write_text(rooted(file.read_text()))
    proof = prove(here, tmp_path, manifests, backs=1)
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}


def test_slow_controllers_change_nothing_but_the_time(tmp_path: Path) -> None:
    here = mesh()
    slow = World(kubernetes="1.33", former=here.world, lag=0.3)
    proof = prove(Site(slow, here.release), tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}
