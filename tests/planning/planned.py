"""Plans in few words, over meshes of ``tests.meshes`` and the sandbox's own small manifests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.meshes import Mesh
from upgrader.model.playbook import Playbook, WaveRule
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version
from upgrader.planning.plan import Gate, Plan, Planned
from upgrader.planning.planner import Request, make_plan
from upgrader.playbook.manifests import Release, load_releases
from upgrader.sandbox.charts.manifests import render_ingress_gateway, render_version
from upgrader.sandbox.charts.release import Release as Rendered
from upgrader.steps import AnyStep

MADE = datetime(2026, 9, 14, 12, 31, tzinfo=UTC)
PLAYBOOK = Playbook(
    schema=1,
    name="test",
    waves=(
        WaveRule(name="canary", namespaces=("sandbox",), soak=timedelta(minutes=10)),
        WaveRule(name="rest", at_once=2),
    ),
)
T = TypeVar("T")
_ENV = "- {name: REVISION, value: "
_ALPHA = '- {name: PILOT_ENABLE_ALPHA_GATEWAY_API, value: "true"}\n        '


@cache
def release(version: str, *, gateway: bool = False, alpha: bool = False) -> Release:
    """The manifests of a version as the sandbox renders them; *alpha* switches on what is alpha in the Gateway API."""
    parsed = Version.parse(version)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / version
        place.mkdir()
        for name, text in render_version(version).items():
            (place / name).write_text(text.replace(_ENV, f"{_ALPHA}{_ENV}") if alpha else text)
        if gateway:
            text = render_ingress_gateway(Rendered(version, parsed.revision))
            (place / "gateway.yaml").write_text(text)
        return load_releases(Path(folder), [parsed])[version]


def plan(
    mesh: Mesh | Snapshot, *targets: str, gateway: bool = False, alpha: bool = False, **fields: Any
) -> Plan:
    """The plan that leads a mesh over *targets*."""
    snapshot = mesh if isinstance(mesh, Snapshot) else mesh.snapshot()
    settings: dict[str, Any] = {
        "mesh": snapshot,
        "path": tuple(map(Version.parse, targets)),
        "releases": {t: release(t, gateway=gateway, alpha=alpha) for t in targets},
        "playbook": PLAYBOOK,
        "made": MADE,
    }
    return make_plan(Request(**(settings | fields)))


def titles(plan: Plan, hop: int = 1) -> list[str]:
    """Titles of the steps of one hop, gates left out."""
    return [i.title for h, _, i in plan.items() if h.number == hop and not isinstance(i.action, Gate)]


def steps(plan: Plan, kind: type[T]) -> Iterator[T]:
    """Every step of one kind, in order."""
    for _, _, item in plan.items():
        if isinstance(item.action, kind):
            yield item.action


def position(plan: Plan, words: str) -> int:
    """Where the first step or gate with these words stands."""
    return next(n for n, (_, _, i) in enumerate(plan.items()) if words in i.title)


def begun(plan: Plan, hop: int = 1, *, until: str = "-") -> frozenset[str]:
    """Ids of a hop's steps before the first one with mark *until*."""
    found: list[Planned] = []
    for h, _, item in plan.items():
        if h.number == hop:
            if item.mark == until:
                break
            found.append(item)
    return frozenset(i.id for i in found)


def codes(plan: Plan) -> list[str]:
    """Codes of the planner's findings."""
    return [f.code for f in plan.findings]


__all__ = ["PLAYBOOK", "AnyStep", "begun", "codes", "plan", "position", "release", "steps", "titles"]
