"""Every way of asking for a sidecar, and of not asking; every kind of workload; every way of naming an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.meshes.building import INJECT, REV, Site, site
from tests.journeys.meshes.proving import prove, proxies
from tests.journeys.meshes.refusing import refusal
from upgrader.sandbox.charts.release import HUB

pytestmark = [pytest.mark.journey, pytest.mark.slow]

OLD, NEW = "1-28-10", "1-29-6"
IMAGE = "docker.io/istio/proxyv2:1.28.10"
LONG = {"sandbox.upgrader/runs-for": "600"}


def mesh(hub: str = HUB) -> Site:
    """A mesh with tags."""
    return site("1.28.10", tags=("prod", "default"), hub=hub)


def proxy(image: str) -> dict[str, Any]:
    """A pod that brings its own proxy container."""
    return {"containers": [{"name": "app", "image": "app"}, {"name": "istio-proxy", "image": image}]}


def restarted(here: Site) -> set[str]:
    """Deployments, StatefulSets and DaemonSets whose template we marked."""
    objects = [
        o
        for plural in ("deployments", "statefulsets", "daemonsets")
        for o in here.world.store.list("apps", plural)
    ]
    marked = [
        o
        for o in objects
        if "upgrader.istio/restarted-for" in (o["spec"]["template"]["metadata"].get("annotations") or {})
    ]
    return {f"{o['metadata']['namespace']}/{o['metadata']['name']}" for o in marked}


def test_labels_of_pod_templates_move_where_they_name_the_revision_and_follow_where_they_name_a_tag(
    tmp_path: Path,
) -> None:
    here = (
        mesh()
        .namespace("t")
        .deployment("t/revision", 2, labels={REV: OLD})
        .deployment("t/tag", labels={REV: "prod"})
    )
    here.deployment("t/default", labels={REV: "default"}).deployment(
        "t/asks", labels={INJECT: "true"}
    ).deployment("t/no")
    here.deployment("t/both", labels={INJECT: "true", REV: OLD}).workload(
        "CronJob", "t/cron", labels={REV: "prod"}
    ).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), backs=1)
    assert proof.wrong == []
    assert restarted(Site(proof.journey.world, here.release)) == {
        f"t/{n}" for n in ("revision", "tag", "default", "asks", "both")
    }


def test_beside_an_injection_label_a_revision_label_is_moved_too_since_gateways_heed_it(
    tmp_path: Path,
) -> None:
    here = mesh().namespace("agree", rev=OLD, injection="enabled").deployment("agree/api")
    here.namespace("by-tag", rev="default", injection="enabled").deployment("by-tag/api").wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    labels = {
        n["metadata"]["name"]: n["metadata"].get("labels")
        for n in proof.journey.world.store.list("", "namespaces")
    }
    assert labels["agree"] is not None
    assert labels["agree"][REV] == NEW


def test_two_labels_that_disagree_block_the_plan(tmp_path: Path) -> None:
    here = (
        mesh()
        .plane("1.28.8")
        .namespace("differ", rev="1-28-8", injection="enabled")
        .deployment("differ/api")
        .wait()
    )
    assert refusal(here, tmp_path, "1.29.6")["UPG-0318"].subject == "Namespace differ"


def test_what_does_not_ask_is_neither_touched_nor_counted(tmp_path: Path) -> None:
    here = mesh().namespace("off", injection="disabled").deployment("off/asks", labels={INJECT: "true"})
    here.deployment("off/names", labels={REV: OLD}).namespace("m", rev="prod").deployment("m/in")
    here.deployment("m/label", labels={INJECT: "false"}).deployment("m/note", notes={INJECT: "false"})
    here.workload("DaemonSet", "m/set", labels={INJECT: "false"}).deployment(
        "m/host", pod={"hostNetwork": True}
    ).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert restarted(Site(proof.journey.world, here.release)) == {"m/in"}
    assert proof.plan.counts["workloads"] == 1


def test_workloads_of_every_kind_move_and_those_without_pods_are_ready_to(tmp_path: Path) -> None:
    here = (
        mesh()
        .namespace("m", rev="prod")
        .workload("StatefulSet", "m/db", replicas=3)
        .workload("DaemonSet", "m/agent")
    )
    here.deployment("m/asleep", 0).workload("StatefulSet", "m/db-asleep", replicas=0).workload(
        "CronJob", "m/cron"
    )
    here.deployment("m/recreate", 2, spec={"strategy": {"type": "Recreate"}}).workload("Job", "m/ended")
    here.namespace("p").deployment("p/asleep", 0, labels={REV: OLD}).wait(60)
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), backs=1)
    assert proof.wrong == []
    woken = Site(proof.journey.world, here.release)
    for name in ("m", "p"):
        woken.patch(f"/apis/apps/v1/namespaces/{name}/deployments/asleep", {"spec": {"replicas": 1}})
    assert proxies(woken.wait().world).keys() == {"1.29.6"}


@pytest.mark.parametrize(
    ("code", "kind", "more"),
    [
        (
            "UPG-0314",
            "StatefulSet",
            {"replicas": 3, "spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}},
        ),
        ("UPG-0308", "DaemonSet", {"spec": {"updateStrategy": {"type": "OnDelete"}}}),
        ("UPG-0310", "Deployment", {"spec": {"paused": True}}),
        ("UPG-0311", "Pod", {}),
        ("UPG-0312", "Job", {"notes": LONG, "own": LONG}),
        ("UPG-0313", "Deployment", {"notes": {"sidecar.istio.io/proxyImage": IMAGE}}),
        ("UPG-0313", "Deployment", {"pod": proxy(IMAGE)}),
        (
            "UPG-0316",
            "Deployment",
            {"notes": {"sidecar.istio.io/status": "{}", "istio.io/rev": OLD}, "pod": proxy(IMAGE)},
        ),
    ],
)
def test_what_a_restart_would_not_move_blocks_the_plan_unless_left_behind(
    code: str, kind: str, more: dict[str, Any], tmp_path: Path
) -> None:
    here = mesh().namespace("m", rev=OLD).deployment("m/other")
    late = more.get("spec") == {"paused": True}
    here.workload(kind, "m/odd", **({} if late else more)).wait()
    if late:
        here.patch("/apis/apps/v1/namespaces/m/deployments/odd", {"spec": {"paused": True}})
    blocking = refusal(here, tmp_path, "1.29.6")
    assert set(blocking) == {code}
    assert blocking[code].subject == "m/odd"
    proof = prove(here, tmp_path / "left", here.manifests(tmp_path, "1.29.6"), exclude=("m/odd",))
    assert proof.wrong == []
    assert {n.partition("/")[2][:3] for n in proxies(proof.journey.world)["1.28.10"]} == {"odd"}


def test_a_cron_job_that_names_the_revision_blocks_the_plan_with_its_name(tmp_path: Path) -> None:
    here = (
        mesh()
        .namespace("t")
        .workload("CronJob", "t/cron", labels={REV: OLD})
        .deployment("t/api", labels={REV: OLD})
        .wait()
    )
    assert refusal(here, tmp_path, "1.29.6")["UPG-0328"].subject == "t/cron"


def test_variants_of_the_image_stay_and_mirrors_may_change(tmp_path: Path) -> None:
    here = mesh(hub="registry.corp/istio").namespace("m", rev="prod").deployment("m/api", pod=proxy("auto"))
    for name in ("distroless", "debug", "default"):
        here.deployment(f"m/{name}", notes={"sidecar.istio.io/proxyImageType": name})
    proof = prove(here.wait(), tmp_path, here.manifests(tmp_path, "1.29.6", hub="docker.io/istio"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6", "1.29.6-distroless", "1.29.6-debug"}


def test_sidecars_become_native_on_the_way_and_odd_answers_are_noticed(tmp_path: Path) -> None:
    here = site("1.26.8", tags=("prod", "default")).namespace("m", rev="prod").deployment("m/api", 2)
    here.deployment("m/yes", labels={INJECT: "yes"}).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.27.9"))
    assert proof.wrong == []
    pods = proof.journey.world.store.list("", "pods", "m")
    assert all(any(c["name"] == "istio-proxy" for c in p["spec"]["initContainers"]) for p in pods)
    here.deployment("m/no", labels={INJECT: "no"}).wait()
    assert refusal(here, tmp_path / "odd", "1.27.9")["UPG-0321"].subject == "m/no"


@pytest.mark.parametrize("kind", ["injected", "istioctl"])
def test_gateways_that_are_workloads_move(kind: str, tmp_path: Path) -> None:
    here = (
        mesh().namespace("g").namespace("tagged", rev="prod").namespace("lab", rev=OLD).deployment("lab/api")
    )
    if kind == "injected":
        here.injected_gateway("edge", "g", 2).injected_gateway("edge", "tagged")
    else:
        here.ingress()
    proof = prove(
        here.wait(), tmp_path, here.manifests(tmp_path, "1.29.6", ingress=kind == "istioctl"), backs=1
    )
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}


def test_an_ingress_gateway_without_manifests_is_told_once(tmp_path: Path) -> None:
    assert set(refusal(mesh().ingress().wait(), tmp_path, "1.29.6")) == {"UPG-0333"}


def test_a_mesh_without_workloads_moves_its_control_plane(tmp_path: Path) -> None:
    here = mesh()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert [d["metadata"]["name"] for d in proof.journey.world.store.list("apps", "deployments")] == [
        "istiod-1-29-6"
    ]
