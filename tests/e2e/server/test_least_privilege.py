"""The printed roles on a real API server: whichever one the kubeconfig in UPGRADER_BED_KUBECONFIG leads to.

No controller is needed: what is asked and written here depends on authorization alone. What is made is removed again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.journeys.driving import Journey
from tests.journeys.handing_out import GROUP, hand_out, phases_of
from upgrader.cluster.access import Access
from upgrader.cluster.identity import may
from upgrader.cluster.kube import KubeTransport
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import FilesReader
from upgrader.host.clock import SystemClock
from upgrader.model.change import ApiChange, Apply, Create, Delete
from upgrader.model.failures import ClusterFailure, Conflict, Forbidden
from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    Obj,
    Ref,
)
from upgrader.planning.permissions import Permission, Phase, grants
from upgrader.planning.plan import Plan
from upgrader.report.rbac import role_object
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World
from upgrader.steps import ApplyManifests

KUBECONFIG = os.environ.get("UPGRADER_BED_KUBECONFIG", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KUBECONFIG, reason="UPGRADER_BED_KUBECONFIG names no API server to ask"),
]


def connect(user: str = "") -> RestCluster:
    return RestCluster(KubeTransport(Access(KUBECONFIG, "", user, (), 30.0), SystemClock()))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """The mesh that the plan is for; it lives in the sandbox, and its roles are tried on the real server."""
    world = World(kubernetes="1.34")
    load(world, "shop")
    return Journey.of(world, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def plan(shop: Journey) -> Plan:
    return shop.plan("1.28")


@pytest.fixture(scope="module")
def phases(shop: Journey, plan: Plan) -> dict[str, Phase]:
    """By name; the users and roles on the server have a name of their own each time."""
    mark = secrets.token_hex(3)
    found = phases_of(shop, plan)
    return {name: msgspec.structs.replace(p, name=f"{name}-{mark}") for name, p in found.items()}


@pytest.fixture(scope="module")
def bed(phases: dict[str, Phase]) -> Iterator[RestCluster]:
    """The real server, with every phase handed out to a user of its name."""
    admin = connect()
    made: list[Ref] = []
    try:
        spaces = sorted({right.namespace for phase in phases.values() for right in phase.rights} - {""})
        changes: list[Create | Apply] = [_namespace(space) for space in spaces]
        changes += [change for phase in phases.values() for change in _roles(phase)]
        for change in changes:
            if isinstance(change, Create) and admin.get(change.ref) is not None:
                continue
            admin.perform(change)
            made.append(change.ref)
        yield admin
    finally:
        for ref in reversed(made):
            _remove(admin, ref)


def _namespace(name: str) -> Create:
    return Create(Ref(NAMESPACE, name), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def _roles(phase: Phase) -> Iterator[Apply]:
    for role in grants(phase.rights):
        found = role_object(phase, role)
        name, namespace = found["metadata"]["name"], role.namespace
        kinds = (ROLE, ROLE_BINDING) if namespace else (CLUSTER_ROLE, CLUSTER_ROLE_BINDING)
        yield Apply(Ref(kinds[0], name, namespace), found)
        binding: dict[str, Any] = {
            "apiVersion": found["apiVersion"],
            "kind": kinds[1].kind,
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            "roleRef": {"apiGroup": GROUP, "kind": found["kind"], "name": name},
            "subjects": [{"apiGroup": GROUP, "kind": "User", "name": phase.name}],
        }
        yield Apply(Ref(kinds[1], name, namespace), binding)


def _remove(admin: RestCluster, ref: Ref) -> None:
    there = admin.get(ref)
    if there is not None:
        with suppress(ClusterFailure):
            admin.perform(Delete(ref, there["metadata"]["uid"]))


def test_every_right_of_every_phase_is_granted_and_no_right_of_another(
    bed: RestCluster, shop: Journey, phases: dict[str, Phase], tmp_path: Path
) -> None:
    """Asked of both servers, the answers are equal: also to what the phase may not do."""
    here = shop.fork(tmp_path)
    hand_out(here.world, phases.values())
    every = sorted({right for phase in phases.values() for right in phase.rights})
    for phase in phases.values():
        there, sandbox = connect(phase.name), RestCluster(here.world.transport(phase.name))
        for right in every:
            answer, other = _may(there, right), _may(sandbox, right)
            assert answer == other, (phase.name, str(right))
            assert answer or right not in phase.rights, (phase.name, str(right))
    assert bed.get(Ref(CLUSTER_ROLE, f"upgrader-{phases['look'].name}")) is not None


def _may(cluster: RestCluster, right: Permission) -> bool:
    return may(cluster, right.verb, right.kind, namespace=right.namespace, name=right.name)


def _changes(plan: Plan, cluster: RestCluster, manifests: Path) -> list[ApiChange]:
    reader = FilesReader(cluster, None, {"manifests": manifests})
    found: list[ApiChange] = []
    for _, wave, item in plan.items():
        if wave.kind == "install" and isinstance(item.action, ApplyManifests):
            found += [c for c in item.action.diff(item.action.observe(reader)) if isinstance(c, Apply)]
    return found


def _as_sent(change: ApiChange) -> Apply:
    assert isinstance(change, Apply)
    return Apply(change.ref, change.manifest)


def test_the_install_phase_may_apply_all_that_it_applies_roles_of_istiod_included(
    bed: RestCluster, shop: Journey, phases: dict[str, Phase], plan: Plan
) -> None:
    installer = connect(phases["h1-install"].name)
    changes = [_as_sent(c) for c in _changes(plan, installer, shop.manifests)]
    before = {c.ref for c in changes if bed.get(c.ref) is not None}
    try:
        for change in changes:
            _sent(installer, change)
        assert {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} <= {
            c.ref.kind.kind for c in changes
        }
    finally:
        for change in reversed(changes):
            if change.ref not in before:
                _remove(bed, change.ref)


def _sent(cluster: RestCluster, change: Apply) -> None:
    """Accepted, or in conflict with another manager of an object that is there: authorization comes before that."""
    with suppress(Conflict):
        cluster.perform(change)


def test_without_escalate_both_servers_refuse_a_role_of_istiod_in_the_same_words(
    bed: RestCluster, shop: Journey, tmp_path: Path
) -> None:
    name = "upgrade-probe-role"
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]
    body: Obj = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    here = shop.fork(tmp_path)
    admin = here.world.local()
    words = set()
    allowed = {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["patch", "create"]}
    maker: Obj = {**body, "metadata": {"name": "upgrade-probe-maker"}, "rules": [allowed]}
    bound: Obj = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "upgrade-probe-maker"},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "upgrade-probe-maker"},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": "maker"}],
    }
    admin.create(f"/apis/{GROUP}/v1/clusterroles", maker)
    admin.create(f"/apis/{GROUP}/v1/clusterrolebindings", bound)
    here.world.api.rbac.enforced = True
    refs = [Ref(CLUSTER_ROLE, "upgrade-probe-maker"), Ref(CLUSTER_ROLE_BINDING, "upgrade-probe-maker")]
    try:
        for ref, one in zip(refs, (maker, bound), strict=True):
            bed.perform(Apply(ref, one))
        for cluster in (connect("maker"), RestCluster(here.world.transport("maker"))):
            with pytest.raises(Forbidden) as told:
                cluster.perform(Apply(Ref(CLUSTER_ROLE, name), body))
            words.add(told.value.message)
    finally:
        for ref in refs:
            _remove(bed, ref)
    assert len(words) == 1, "\n".join(words)
    assert "attempting to grant RBAC permissions not currently held" in words.pop()
