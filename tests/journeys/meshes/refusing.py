"""Meshes that cannot be upgraded as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.journeys.meshes.building import Site
from tests.journeys.meshes.proving import Watched
from upgrader.model.finding import Finding


def refusal(here: Site, place: Path, *targets: str, ingress: bool = False, **wish: Any) -> dict[str, Finding]:
    """What blocks the plan, by code; each says what to do."""
    before = len(here.world.audit.writes(user="admin"))
    plan = Watched.at(here, place / "refused", here.manifests(place, *targets, ingress=ingress)).plan(**wish)
    assert plan.blocked
    blocking = {f.code: f for f in plan.findings if f.blocks}
    assert all(f.do for f in blocking.values())
    assert len(here.world.audit.writes(user="admin")) == before
    return blocking
