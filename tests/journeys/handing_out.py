"""Roles of a plan handed out in the sandbox: each phase to a user of its name, who may do that and nothing more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tests.journeys.driving import Journey
from upgrader.cli.wiring import survey
from upgrader.model.change import HOME
from upgrader.model.kinds import Obj
from upgrader.planning.expect import expectations
from upgrader.planning.permissions import Ground, Phase, grants, phases
from upgrader.planning.plan import Plan
from upgrader.report.rbac import role_object
from upgrader.sandbox.world import World

GROUP = "rbac.authorization.k8s.io"
API = f"/apis/{GROUP}/v1"
SURVEYING = ("look", "verify", "h1-backup", "all")
"""Who reads the whole mesh."""


def phases_of(mesh: Journey, plan: Plan) -> dict[str, Phase]:
    """As ``check --rbac`` prints them, by name."""
    seen = survey(mesh.connection())
    ground = msgspec.structs.replace(Ground.of(seen), homeless=False)
    return {phase.name: phase for phase in phases(plan, ground, expectations(seen))}


def hand_out(world: World, found: Iterable[Phase]) -> None:
    """Make the roles, bind them, and enforce them from now on. Whoever surveys has those that may be left out as well."""
    local, found = world.local(), list(found)
    if local.get(f"/api/v1/namespaces/{HOME}") is None:
        local.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
    for phase in found:
        surveys = [p.name for p in found if p.name in SURVEYING]
        for role in grants(phase.rights):
            bind(world, role_object(phase, role), phase.name, *(surveys if phase.sort == "more" else ()))
    world.settle()
    world.api.rbac.enforced = True


def bind(world: World, role: Obj, *users: str) -> None:
    """Make one role and give it to users."""
    local, meta = world.local(), role["metadata"]
    place = f"{API}/namespaces/{meta['namespace']}" if "namespace" in meta else API
    plural = f"{role['kind'].lower()}s"
    local.create(f"{place}/{plural}", role)
    subjects = [{"apiGroup": GROUP, "kind": "User", "name": user} for user in users]
    binding: dict[str, Any] = {
        "metadata": {"name": meta["name"]},
        "roleRef": {"apiGroup": GROUP, "kind": role["kind"], "name": meta["name"]},
        "subjects": subjects,
    }
    local.create(f"{place}/{plural.removesuffix('s')}bindings", binding)


def refused(world: World) -> list[str]:
    """Every request that was answered with 403."""
    return [
        f"{e.user}: {e.verb} {e.resource} {e.namespace}/{e.name}"
        for e in world.audit.entries
        if e.status == 403
    ]
