"""Whole clusters, as the sandbox brings them up."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import yaml

from upgrader.cluster.identity import identify
from upgrader.cluster.paths import item
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, ReadOnly
from upgrader.model.kinds import Kind, Ref
from upgrader.model.ownership import owners_of
from upgrader.model.snapshot import Snapshot
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import names, read_scenario
from upgrader.sandbox.world import World
from upgrader.survey import snapshot_digest, take

DATA = os.environ.get("UPGRADER_TEST_DATA", "")
VERSIONS = sorted(p.name for p in Path(DATA, "manifests").iterdir()) if DATA else []
CHART_PARTS = ("crds", "base", "istiod", "gateway")

pytestmark = pytest.mark.slow


def up(scenario: str) -> World:
    world = World(kubernetes=read_scenario(scenario).kubernetes)
    load(world, scenario)
    return world


def survey(world: World) -> Snapshot:
    cluster = RestCluster(world.transport())
    return take(ReadOnly(cluster), identify(cluster, "sandbox", "http://sandbox"), world.clock.now())


@pytest.fixture(scope="module", params=names())
def world(request: pytest.FixtureRequest) -> World:
    return up(request.param)


def test_a_survey_writes_nothing_and_reads_everything(world: World) -> None:
    revision, counting = world.store.revision, Counting(world.transport())
    cluster = RestCluster(counting)
    found = take(cluster, identify(cluster, "sandbox", "http://sandbox"), world.clock.now())
    assert set(counting.sent) == {"GET"}
    assert world.store.revision == revision
    assert found.unread == ()
    assert found.nodes == 3


def test_an_hour_in_which_nobody_does_anything_changes_no_digest(world: World) -> None:
    before = survey(world)
    world.advance(3600)
    after = survey(world)
    assert snapshot_digest(after) == snapshot_digest(before)
    assert msgspec.structs.replace(after, at=before.at) == before


def test_a_snapshot_is_read_back_from_its_json(world: World) -> None:
    found = survey(world)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Snapshot) == found


def test_a_rollout_of_what_is_there_changes_no_digest() -> None:
    world = up("shop")
    before = snapshot_digest(survey(world))
    for pod in world.local("admin", "kubectl").list("/api/v1/namespaces/shop/pods"):
        world.local("admin", "kubectl").delete(f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")
    world.advance(60)
    assert snapshot_digest(survey(world)) == before


def test_the_shop_is_on_one_revision_with_its_tags_and_gateways() -> None:
    found = survey(up("shop"))
    assert [(p.revision, p.version, p.settled, p.ready) for p in found.control_planes] == [
        ("1-27-9", "1.27.9", True, 1)
    ]
    assert {(w.tag, w.revision) for w in found.injectors} == {
        ("", "1-27-9"),
        ("prod", "1-27-9"),
        ("default", "1-27-9"),
    }
    assert {(p.revision, p.version, p.ready) for p in found.proxies} == {("1-27-9", "1.27.9", True)}
    assert all(p.image.digest.startswith("sha256:") for p in found.proxies)
    assert Counter(w.gateway for w in found.workloads if w.gateway) == {"injected": 1, "api": 1}
    web = found.api_gateways[0]
    assert (web.managed, web.deployment, web.rendered_by) == (True, "istio-ingress/web-istio", "1-27-9")
    assert owners_of(web, found) == {"1-27-9"}
    assert {p.native for p in found.proxies if p.kind == "sidecar"} == {True}
    assert {w.ref.kind.kind for w in found.workloads} == {
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
    }
    assert {n.name for n in found.namespaces} >= {"shop", "payments", "monitoring", "kube-system"}
    assert all(w.settled for w in found.workloads)


def test_the_shop_has_every_kind_of_configuration_and_each_object_once() -> None:
    found = survey(up("shop"))
    kinds = Counter(r.ref.kind.kind for r in found.resources)
    assert kinds["VirtualService"] == 2
    assert {"Gateway", "HTTPRoute", "GatewayClass", "EnvoyFilter", "Sidecar", "Telemetry"} <= set(kinds)
    assert len({r.uid for r in found.resources}) == len(found.resources)
    assert not any("status" in r.body or "managedFields" in r.body["metadata"] for r in found.resources)
    assert {d.name for d in found.definitions} >= {
        "gateways.gateway.networking.k8s.io",
        "sidecars.networking.istio.io",
    }


def test_what_belongs_to_a_revision_is_everything_but_what_is_shared() -> None:
    found = survey(up("shop"))
    mine = {(b.ref.kind.kind, b.ref.name) for b in found.belongings if b.revision == "1-27-9"}
    assert ("Deployment", "istiod-1-27-9") in mine
    assert ("MutatingWebhookConfiguration", "istio-sidecar-injector-1-27-9") in mine
    assert ("ClusterRole", "istiod-clusterrole-1-27-9-istio-system") in mine
    assert not {
        n for _, n in mine if "tag" in n or "default-validator" in n or n == "istio-reader-service-account"
    }


def test_an_installation_of_2022_without_revision_is_understood() -> None:
    found = survey(up("legacy"))
    plane = found.control_planes[0]
    assert (plane.revision, plane.unnamed, plane.version, plane.installer) == (
        "default",
        True,
        "1.12.9",
        "istioctl",
    )
    assert {(p.revision, p.version) for p in found.proxies} == {("default", "1.12.9")}
    assert [w.name for w in found.workloads if w.gateway == "istioctl"] == [
        "istio-system/istio-ingressgateway"
    ]
    filters = {b.ref.name for b in found.belongings if b.ref.kind.kind == "EnvoyFilter"}
    assert "stats-filter-1.12" in filters
    assert "larger-headers" not in filters


def test_a_gateway_left_behind_shows_its_own_version() -> None:
    found = survey(up("stale-gateway"))
    assert {(p.kind, p.version) for p in found.proxies} == {("sidecar", "1.17.8"), ("gateway", "1.15.7")}


def test_everything_that_a_restart_cannot_do_is_seen() -> None:
    found = survey(up("hostile"))
    by_name = {w.ref.name: w for w in found.workloads}
    assert by_name["redis-cart"].strategy == "OnDelete"
    assert by_name["ledger"].strategy == "Recreate"
    assert by_name["frozen"].paused
    assert by_name["debug"].ref.kind.kind == "Pod"
    assert by_name["reindex"].ref.kind.kind == "Job"
    pinned = [p for p in found.proxies if p.pinned]
    assert {(p.workload, p.version) for p in pinned} == {("Deployment shop/search", "1.26.8")}
    dangling = next(w for w in found.injectors if w.tag == "canary")
    assert dangling.entries[0].service not in found.services


def test_an_empty_cluster_is_a_snapshot_too() -> None:
    found = survey(up("empty"))
    assert (found.control_planes, found.proxies, found.resources) == ((), (), ())
    assert found.root_namespace == "istio-system"


def test_a_user_who_may_not_read_everything_gets_gaps_and_not_an_empty_mesh() -> None:
    world = up("shop")
    world.api.rbac.deny("ana", verbs=("list",), resources=("pods",), namespaces=("payments", ""))
    world.api.rbac.deny("ana", resources=("envoyfilters",))
    cluster = RestCluster(world.transport(user="ana"))
    found = take(cluster, identify(cluster, "c", "s"), world.clock.now())
    assert [u.what for u in found.unread if "pods" in u.what] == ["pods in namespace payments"]
    assert any("envoyfilters.networking.istio.io" in u.what for u in found.unread)
    assert {p.namespace for p in found.proxies} == {"sandbox", "shop", "monitoring", "istio-ingress"}


@pytest.mark.skipif(not VERSIONS, reason="set UPGRADER_TEST_DATA to survey upstream manifests")
@pytest.mark.parametrize("version", VERSIONS)
def test_upstream_manifests_of_every_release_are_understood(version: str) -> None:
    world = World(kubernetes="1.24" if version < "1.25" else "1.33")
    client = world.local("admin", "kubectl")
    paths = {k.kind: k for k in RestCluster(world.transport()).kinds()}
    for name in ("istio-system", "istio-ingress"):
        client.create(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
    for part in CHART_PARTS:
        for obj in yaml.load_all(
            Path(DATA, "manifests", version, f"{part}.yaml").read_text(), Loader=yaml.CSafeLoader
        ):
            _apply(world, obj, paths)
        world.advance(5)
        paths = {k.kind: k for k in RestCluster(world.transport()).kinds()}
    found = survey(world)
    revision = version.replace(".", "-")
    assert [(p.revision, p.version) for p in found.control_planes] == [(revision, version)]
    assert found.unread == ()
    assert f"istio-system/istiod-{revision}" in found.services
    assert {b.revision for b in found.belongings if b.component == "Pilot"} == {revision}
    assert [w.name for w in found.workloads if w.gateway == "injected"] == [
        "istio-ingress/istio-ingressgateway"
    ]


def _apply(world: World, obj: dict[str, object] | None, paths: dict[str, Kind]) -> None:
    kind = paths.get(str((obj or {}).get("kind")))
    if not obj or kind is None:
        return
    metadata = obj["metadata"]
    assert isinstance(metadata, dict)
    version = str(obj["apiVersion"]).rpartition("/")[2]
    kind = msgspec.structs.replace(kind, version=version)
    ref = Ref(kind, metadata["name"], metadata.get("namespace", "istio-ingress") if kind.namespaced else "")
    world.local("admin", "kubectl").apply(item(ref), obj, "helm")
