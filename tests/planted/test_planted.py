"""Sixty worlds and more: a healthy mesh each, with one trap that people really met, which the checks must name.

The rows are those of the list of hazards that this tool was designed against.
"""

from __future__ import annotations

import pytest

from tests.planted import healthy as clean
from tests.planted.planting import healthy, said_of, worlds

pytestmark = pytest.mark.slow
ROWS = range(1, 96)


@pytest.mark.parametrize("name", healthy())
def test_a_healthy_mesh_is_not_blocked_and_says_exactly_this(name: str) -> None:
    one = healthy()[name]
    assert clean.said_of(one) == set(one.told)
    assert [line for line in one.told if " blocked" in line] == []


@pytest.mark.parametrize("name", worlds())
def test_a_planted_trap_is_found_and_nothing_else_changes_than_is_written_there(name: str) -> None:
    one = worlds()[name]
    before, after = clean.said_of(healthy()[one.mesh]), said_of(name)
    assert one.found in after - before
    assert sorted(after - before) == sorted({one.found, *one.besides})
    assert sorted(before - after) == sorted(one.gone)


def test_there_are_sixty_worlds_each_with_a_trap_of_its_own() -> None:
    rows = {row for one in worlds().values() for row in one.rows}
    codes = {one.found.split(" ")[0] for one in worlds().values()}
    print(f"\n{len(worlds())} worlds, {len(rows)} rows of hazards, {len(codes)} codes")  # noqa: T201  for a person to read
    assert len(worlds()) >= 60
    assert len({one.trap for one in worlds().values()}) == len(worlds())
    assert rows <= set(ROWS)
    assert len(rows) >= 60
