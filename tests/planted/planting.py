"""A trap, and how it is put into a mesh that had none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson
import yaml

from tests.planted.healthy import Healthy, brought_up
from tests.planted.told import told
from upgrader.model.installing import Configured
from upgrader.model.kinds import Obj
from upgrader.model.version import Version
from upgrader.sandbox.charts.manifests import render, render_ingress_gateway
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.scenarios.builder import Builder
from upgrader.sandbox.scenarios.scenario import Ingress, Mesh, Part
from upgrader.sandbox.world import World, path_of

_HERE = Path(__file__).parent


class Planted(Part, frozen=True, kw_only=True):
    """A healthy mesh with one trap.

    Attributes:
        rows: The rows of the list of hazards that the trap is from.
        trap: What somebody did, or left undone, and what an upgrade would meet.
        forbidden: Resources that whoever looks may not read.
        found: What the checks must say about it, as ``told`` writes it.
        mesh: Name of the healthy mesh.
        path: Versions to move to, where they are others than the healthy mesh's.
        plant: Objects that are written: merged into what is there, or created.
        remove: ``Kind namespace/name`` of what is taken away.
        runs: ``Kind namespace/name`` of a workload to the image that its proxies run.
        bound: ``Kind namespace/name`` of a workload to the revision that its pods say made them.
        install: A second control plane.
        gateways: Gateways of an installer.
        kubernetes: Minor of the cluster, where it is another than the healthy mesh's.
        manager: Who applies what is planted on the server, instead of writing it with kubectl.
        wait: Whether the controllers act on it before somebody looks.
        parts: Version to the parts that its manifests have.
        configured: Version to what its manifests say about the control plane.
        besides: What else the checks say, and did not say about the healthy mesh.
        gone: What they said about the healthy mesh, and do not say any more.
    """

    rows: tuple[int, ...]
    trap: str
    found: str
    mesh: str = "shop"
    path: tuple[str, ...] = ()
    plant: tuple[Obj, ...] = ()
    remove: tuple[str, ...] = ()
    runs: Mapping[str, str] = {}
    bound: Mapping[str, str] = {}
    install: Mesh | None = None
    gateways: tuple[Ingress, ...] = ()
    kubernetes: str = ""
    manager: str = ""
    wait: bool = False
    parts: Mapping[str, frozenset[str]] = {}
    configured: Mapping[str, Configured] = {}
    forbidden: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@cache
def healthy() -> Mapping[str, Healthy]:
    """The meshes without a trap, by name."""
    return msgspec.convert(_read(_HERE / "healthy.yaml"), dict[str, Healthy])


@cache
def worlds() -> Mapping[str, Planted]:
    """``file-name`` to the trap; a name says what is planted."""
    found: dict[str, Planted] = {}
    for file in sorted((_HERE / "worlds").glob("*.yaml")):
        for name, body in _read(file).items():
            found[f"{file.stem}/{name}"] = msgspec.convert(body, Planted)
    return found


@cache
def said_of(name: str) -> frozenset[str]:
    """What the checks say about a planted world."""
    one = worlds()[name]
    path = one.path or healthy()[one.mesh].path
    return told(planted(one), tuple(map(Version.parse, path)), one.parts, one.configured)


def planted(one: Planted) -> World:
    """The healthy mesh of *one*, with its trap in it."""
    base = healthy()[one.mesh]
    kubernetes = one.kubernetes or base.kubernetes
    world = brought_up(msgspec.structs.replace(base, kubernetes=kubernetes)).fork()
    builder = Builder(world)
    if one.install:
        builder.apply(render(one.install.release(kubernetes))["istiod.yaml"], one.install.manager)
    release = Release(
        base.running, Version.parse(base.running).revision, kubernetes=kubernetes, installer="istioctl"
    )
    for gateway in one.gateways:
        builder.apply(render_ingress_gateway(release, gateway.image_version), "istio-operator")
    if one.install or one.gateways:
        builder.wait()
    for obj in one.plant:
        _write(world, builder, obj, one.manager)
        if obj["kind"] == "CustomResourceDefinition":
            builder.wait()  # until it is served
    for title in one.remove:
        world.store.remove(_found(world, title))
    if one.wait:
        world.advance(60)
    if one.forbidden:
        world.api.rbac.deny("*", resources=one.forbidden)
    for workload in {**one.runs, **one.bound}:
        _change_pods(world, workload, one.runs.get(workload, ""), one.bound.get(workload, ""))
    return world


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    return found


def _write(world: World, builder: Builder, obj: Obj, manager: str) -> None:
    path = path_of(world, obj)
    if manager:
        builder.apply(yaml.safe_dump(obj), manager)
        return
    builder.create(obj)  # unless it is there
    body = orjson.dumps({k: v for k, v in obj.items() if k not in {"apiVersion", "kind"}})
    group = str(obj["apiVersion"]).rpartition("/")[0]
    own = group.endswith("istio.io") or group.startswith("gateway.")
    way = "merge" if own else "strategic-merge"  # the API server merges by name what it knows itself
    for part in ("", "/status") if "status" in obj else ("",):
        builder.local.patch(f"{path}{part}", body, f"application/{way}-patch+json")


def _found(world: World, title: str) -> tuple[str, str, str, str]:
    """Where ``Kind namespace/name`` is in the store."""
    kind, _, name = title.partition(" ")
    namespace, _, short = name.rpartition("/")
    for resource in world.api.catalogue:
        key = (resource.group, resource.plural, namespace, short)
        if resource.kind == kind and world.store.get(key) is not None:
            return key
    raise KeyError(title)


def _change_pods(world: World, workload: str, image: str, revision: str) -> None:
    """The pods of *workload* run another proxy, or were made by another revision; as if they had never been restarted."""
    owner = world.store.get(_found(world, workload))
    assert owner is not None
    selector, namespace = owner["spec"]["selector"]["matchLabels"].items(), owner["metadata"]["namespace"]
    for pod in world.store.list("", "pods", namespace):
        if selector <= (pod["metadata"].get("labels") or {}).items():
            world.store.put(("", "pods", namespace, pod["metadata"]["name"]), _changed(pod, image, revision))


def _changed(pod: Obj, image: str, revision: str) -> Obj:
    made: Obj = orjson.loads(orjson.dumps(pod))
    for container in (*made["spec"]["containers"], *made["spec"].get("initContainers", ())):
        if image and container["name"] in {"istio-proxy", "istio-init"}:
            container["image"] = image
    if revision:
        made["metadata"]["annotations"]["istio.io/rev"] = revision
    return made
