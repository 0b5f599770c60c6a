"""Every scenario comes up healthy in virtual time, and brings the manifests its upgrade needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from upgrader.model.version import Version
from upgrader.sandbox.rest import Request
from upgrader.sandbox.scenarios import (
    Builder,
    StillUnhealthy,
    load,
    names,
    read_scenario,
    version_folders,
    write_manifests,
)
from upgrader.sandbox.scenarios.health import unhealthy
from upgrader.sandbox.world import World


def _loaded(name: str) -> World:
    world = World(kubernetes=read_scenario(name).kubernetes)
    load(world, name)
    return world


def _proxies(world: World, namespace: str) -> set[str]:
    """Revisions that the pods of a namespace carry."""
    pods = world.store.list("", "pods", namespace)
    return {pod["metadata"].get("annotations", {}).get("istio.io/rev", "") for pod in pods}


def test_there_are_five_scenarios_the_simplest_first() -> None:
    assert names() == ("empty", "shop", "stale-gateway", "legacy", "hostile")


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_scenario_comes_up_healthy_and_at_peace(name: str) -> None:
    world = _loaded(name)
    assert unhealthy(world.store) == []
    assert world.istio is not None
    assert world.istio.fights == []
    assert world.istio.emptied == []


def test_an_unknown_scenario_is_not_there() -> None:
    with pytest.raises(KeyError):
        read_scenario("nothing")


@pytest.mark.slow
def test_the_shop_is_on_its_revision_in_every_way_of_being_bound() -> None:
    world = _loaded("shop")
    for namespace in ("sandbox", "shop", "istio-ingress", "monitoring"):
        assert _proxies(world, namespace) == {"1-27-9"}, namespace
    assert "1-27-9" in _proxies(world, "payments")
    gateway = world.store.get(("apps", "deployments", "istio-ingress", "web-istio"))
    assert gateway is not None


@pytest.mark.slow
def test_the_metrics_of_istiod_are_read_through_the_api_server() -> None:
    world = _loaded("shop")
    (pod,) = [
        p for p in world.store.list("", "pods", "istio-system") if p["metadata"]["labels"]["app"] == "istiod"
    ]
    path = f"/api/v1/namespaces/istio-system/pods/{pod['metadata']['name']}:15014/proxy/metrics"
    answer = world.api.handle(Request("GET", path))
    proxies = [
        p for p in world.store.list("", "pods") if "istio.io/rev" in p["metadata"].get("annotations", {})
    ]
    running = [p for p in proxies if p["status"]["phase"] == "Running"]
    assert answer.status == 200
    assert f'pilot_xds{{version="1.27.9"}} {len(running)}\n' in answer.body.decode()


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_scenario_comes_up_where_news_travels_slowly(name: str) -> None:
    world = World(kubernetes=read_scenario(name).kubernetes, lag=0.5)
    load(world, name)
    assert unhealthy(world.store) == []


@pytest.mark.slow
def test_the_stale_gateway_runs_an_older_proxy_than_its_control_plane() -> None:
    world = _loaded("stale-gateway")
    deployment = world.store.get(("apps", "deployments", "istio-system", "istio-ingressgateway"))
    assert deployment is not None
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.15.7")


@pytest.mark.slow
def test_the_hostile_mesh_has_a_dangling_tag_that_refuses_pods() -> None:
    world = _loaded("hostile")
    local = world.local("admin", "kubectl")
    container = {"name": "x", "image": "x:1"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    with pytest.raises(Exception, match='service "istiod-1-26-8" not found'):
        local.create("/api/v1/namespaces/forgotten/pods", pod)


@pytest.mark.parametrize("name", names())
def test_a_scenario_brings_manifests_for_every_version_of_its_path(name: str, tmp_path: Path) -> None:
    scenario = read_scenario(name)
    folders = write_manifests(name, tmp_path)
    assert [folder.name for folder in folders] == list(scenario.versions)
    for folder in folders:
        assert {"crds.yaml", "base.yaml", "istiod.yaml"} <= {path.name for path in folder.iterdir()}
        text = (folder / "istiod.yaml").read_text()
        deployment = next(obj for obj in yaml.safe_load_all(text) if obj and obj["kind"] == "Deployment")
        assert deployment["metadata"]["labels"]["istio.io/rev"] == Version.parse(folder.name).revision


def test_only_scenarios_with_an_istioctl_gateway_bring_one() -> None:
    for name in names():
        kinds = {gateway.kind for gateway in read_scenario(name).gateways}
        for files in version_folders(name).values():
            assert ("istio-ingressgateway.yaml" in files) == ("istioctl" in kinds)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if read_scenario(name).versions])
def test_the_control_planes_of_the_whole_path_install_beside_the_old_one(name: str) -> None:
    world = _loaded(name)
    builder = Builder(world)
    for version, files in version_folders(name).items():
        builder.apply(files["crds.yaml"], "kubectl")
        builder.wait()
        builder.apply(files["istiod.yaml"], "kubectl")
        builder.wait()
        revision = Version.parse(version).revision
        assert world.store.get(("apps", "deployments", "istio-system", f"istiod-{revision}")) is not None
    assert world.istio is not None
    assert world.istio.fights == []
    assert world.istio.emptied == []


@pytest.mark.slow
def test_what_does_not_come_up_is_named() -> None:
    world = _loaded("empty")
    builder = Builder(world)
    container = {"name": "x", "image": "x:1"}
    meta = {"name": "p", "namespace": "default", "annotations": {"sandbox.upgrader/trouble": "never-ready"}}
    builder.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}})
    with pytest.raises(StillUnhealthy, match="pod default/p is not ready"):
        builder.wait()
