"""Brings a whole scenario up: nodes, namespaces, the mesh, gateways, workloads, in the order people did it."""

from __future__ import annotations

from upgrader.sandbox.charts.manifests import (
    render,
    render_gateway,
    render_gateway_api,
    render_ingress_gateway,
    render_operator_definition,
    render_tag,
)
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.scenarios.builder import Builder
from upgrader.sandbox.scenarios.expand import namespace, node, objects_of
from upgrader.sandbox.scenarios.scenario import BASIS, Ingress, Mesh, Scenario, read_scenario
from upgrader.sandbox.world import World


def load(world: World, name: str) -> Scenario:
    """Bring a scenario up and wait, in virtual time, until its mesh is healthy.

    Raises:
        KeyError: there is no scenario of that name.
        StillUnhealthy: the mesh did not come up.
    """
    scenario = read_scenario(name)
    bring_up(world, scenario)
    return scenario


def bring_up(world: World, scenario: Scenario) -> None:
    """Like ``load``, with a scenario of one's own.

    Raises:
        StillUnhealthy: the mesh did not come up.
    """
    basis = read_scenario(BASIS)
    builder = Builder(world)
    kubernetes = world.kubernetes
    for number in range(1, scenario.nodes + 1):
        builder.create(node(number, kubernetes))
    for one, labels in (basis.namespaces | scenario.namespaces).items():
        builder.create(namespace(one, labels))
    _create_workloads(builder, basis)
    if scenario.mesh is not None:
        _install(builder, scenario.mesh, kubernetes)
    for obj in scenario.objects:
        builder.create(obj)
    if scenario.mesh is not None:
        for gateway in scenario.gateways:
            _install_gateway(builder, scenario.mesh, scenario.mesh.release(kubernetes), gateway)
    _create_workloads(builder, scenario)
    builder.wait()
    _finish(builder, scenario)


def _install(builder: Builder, mesh: Mesh, kubernetes: str) -> None:
    release = mesh.release(kubernetes)
    files = render(release)
    builder.create(namespace("istio-system", {}))
    builder.apply(files["crds.yaml"], mesh.manager)
    if mesh.gateway_api:
        builder.apply(render_gateway_api(mesh.gateway_api), "kubectl")
    if mesh.operator:
        builder.apply(render_operator_definition(), mesh.manager)
    builder.wait()
    builder.apply(files["base.yaml"], mesh.manager)
    builder.apply(files["istiod.yaml"], mesh.manager)
    for tag in mesh.tags:
        builder.apply(render_tag(tag, release), mesh.manager)
    builder.wait()


def _install_gateway(builder: Builder, mesh: Mesh, release: Release, gateway: Ingress) -> None:
    if gateway.kind == "istioctl":
        builder.apply(render_ingress_gateway(release, gateway.image_version), mesh.manager)
    else:
        text = render_gateway(release, gateway.name, gateway.namespace, gateway.replicas)
        builder.apply(text, mesh.manager)


def _create_workloads(builder: Builder, scenario: Scenario) -> None:
    for workload in scenario.workloads:
        for obj in objects_of(workload):
            builder.create(obj)


def _finish(builder: Builder, scenario: Scenario) -> None:
    late = [workload for workload in scenario.workloads if workload.later_spec]
    for workload in late:
        *_, obj = objects_of(workload)
        builder.merge(obj, {"spec": workload.later_spec})
    if late:
        builder.wait()
