"""Whatever is on offer, a route is legal."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import given

from upgrader.model.errors import UpgradeError
from upgrader.model.version import Version
from upgrader.planning.route import explicit, route

VERSIONS = st.builds(
    Version, st.just(1), st.integers(20, 31), st.integers(0, 12), st.sampled_from(("", "", "", "rc.1"))
)
TARGETS = st.one_of(VERSIONS, st.builds(Version, st.just(1), st.integers(20, 31)))


def answer(ask: Callable[[], tuple[Version, ...]]) -> tuple[Version, ...] | UpgradeError:
    """The route, or the refusal."""
    try:
        return ask()
    except UpgradeError as refused:
        return refused


@given(VERSIONS, TARGETS, st.lists(VERSIONS, max_size=40))
def test_no_route_skips_a_minor_goes_back_or_invents_a_release(
    here: Version, to: Version, available: list[Version]
) -> None:
    found = answer(lambda: route(here, to, available))
    if isinstance(found, UpgradeError):
        assert found.code in {"UPG-0102", "UPG-0103", "UPG-0105"}
        return
    assert set(found) <= set(available)
    for before, after in zip((here, *found), found, strict=False):
        assert before < after
        assert before.minors_to(after) in (0, 1)
    assert (found[-1] if found else here).series == to.series


@given(VERSIONS, st.lists(TARGETS, max_size=4), st.lists(VERSIONS, max_size=40))
def test_a_written_path_obeys_the_same_rule(
    here: Version, path: list[Version], available: list[Version]
) -> None:
    found = answer(lambda: explicit(here, path, available))
    if isinstance(found, UpgradeError):
        assert found.code in {"UPG-0101", "UPG-0102", "UPG-0103", "UPG-0105"}
        return
    for before, after in zip((here, *found), found, strict=False):
        assert before < after
        assert before.minors_to(after) in (0, 1)
