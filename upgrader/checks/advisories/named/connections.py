"""How long proxies take to come back."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.world import Hit, World

_RATE = 25
"""New connections a second that an istiod of 1.13 accepts. Source: pilot/pkg/features/pilot.go of 1.13.0."""
_PATIENCE = 60
"""Seconds."""


def slow_reconnection(world: World) -> Iterator[Hit]:
    """Control planes without a rate of their own whose proxies need more than a minute to connect, all at once."""
    for one in world.objects("ControlPlane"):
        if "PILOT_MAX_REQUESTS_PER_SECOND" in (one.body.get("env") or {}):
            continue
        proxies = world.mesh.proxies_on(one.body["revision"])
        seconds = proxies / (_RATE * max(1, one.body["replicas"]))
        if seconds > _PATIENCE:
            yield Hit(one.title, f"{proxies} proxies need {seconds:.0f} s")
