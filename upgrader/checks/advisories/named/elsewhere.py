"""What other checks of a plan say already, with objects and a way out of their own."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.world import Hit, World


def said_by_another_check(world: World) -> Iterator[Hit]:
    """Nothing: a check of its own looks for exactly this in every plan, and the same thing is not said twice.

    They are UPG-0304 (Kubernetes), UPG-0321 (values of the injection label), UPG-0326 (Gateways with no owner or two),
    UPG-0327 (Gateways that their old istiod empties), UPG-0352 and UPG-0398 (EnvoyFilters that bring, or hold on to, what
    a hop takes away) and UPG-0355 (definitions of the Gateway API that are too old for a hop).
    """
    del world
    yield from ()
