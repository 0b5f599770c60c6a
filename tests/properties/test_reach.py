"""Every pair of minors on every Kubernetes: a route is complete, or ends at a point that is named, and each hop of it is served."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest

from upgrader.catalog import Support, load_catalog, window
from upgrader.model.version import Version
from upgrader.planning.routes.reach import Reach, reach
from upgrader.planning.routes.rest import rest_of_the_way

pytestmark = pytest.mark.slow
CATALOG = load_catalog()
MINORS = CATALOG.minors()
SERVERS = [f"1.{minor}" for minor in range(15, 41)]
SERVED = {Support.SUPPORTED, Support.TESTED}
AHEAD = {*SERVED, Support.NEWER}
"""A server that came out after a minor is left by going on; it is never taken back."""


@cache
def routes(server: str) -> tuple[tuple[str, tuple[str, ...], Reach], ...]:
    """Every running minor with every way up from it."""
    ways = [
        (running, MINORS[start + 1 : end + 1])
        for start, running in enumerate(MINORS)
        for end in range(start + 1, len(MINORS))
    ]
    return tuple((r, path, reach(r, path, f"v{server}.3", CATALOG)) for r, path in ways)


@pytest.mark.parametrize("server", SERVERS)
def test_no_minor_is_left_out_and_the_rest_of_the_way_is_always_named(server: str) -> None:
    for running, path, found in routes(server):
        stretches = [minor for stage in found.later for minor in stage.minors]
        assert (*found.now, *stretches) == path
        assert all(stage.minors and stage.kubernetes for stage in found.later)
        told = list(rest_of_the_way(running, found, server, CATALOG))
        assert len(told) == bool(found.later)
        assert all(len(f.do) == len(found.later) for f in told)


@pytest.mark.parametrize("server", SERVERS)
def test_every_hop_that_is_planned_is_served_or_waits_for_a_kubernetes_that_serves_all(server: str) -> None:
    for running, _, found in routes(server):
        if found.first is None:
            for old, new in pairwise((running, *found.now)):
                assert CATALOG.supports(new, server) in AHEAD
                assert old == running or CATALOG.supports(old, server) in AHEAD
        else:
            serves(found.first.first, found.first.last, (running, *found.now), server)


@pytest.mark.parametrize("server", SERVERS)
def test_every_stretch_that_is_left_has_a_kubernetes_for_each_of_its_minors_and_never_an_older_one(
    server: str,
) -> None:
    for running, _, found in routes(server):
        here, at = (running, *found.now)[-1], server
        for stage in found.later:
            assert stage.kubernetes is not None
            serves(stage.kubernetes.first, stage.kubernetes.last, (here, *stage.minors), at)
            here, at = stage.minors[-1], stage.kubernetes.first


def serves(first: str, last: str, minors: tuple[str, ...], least: str) -> None:
    assert Version.parse(least) <= Version.parse(first) <= Version.parse(last)
    for number in range(Version.parse(first).minor, Version.parse(last).minor + 1):
        assert {CATALOG.supports(m, f"1.{number}") for m in minors} <= SERVED


def test_neighbours_always_have_a_kubernetes_in_common_that_both_support() -> None:
    for old, new in pairwise(MINORS):
        found = window(CATALOG, (old, new))
        assert found is not None
        assert found.supported
