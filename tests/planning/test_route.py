"""Which versions an upgrade passes."""

from __future__ import annotations

import pytest

from tests.meshes import mesh
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.version import Version
from upgrader.planning.route import explicit, route, running

OFFER = [
    Version.parse(v) for v in ("1.27.9", "1.28.6", "1.28.10", "1.29.4", "1.29.6", "1.30.0-rc.1", "1.31.2")
]
HERE = Version.parse("1.27.9")


def way(to: str | None, here: Version = HERE) -> list[str]:
    return [str(v) for v in route(here, Version.parse(to) if to else None, OFFER)]


def test_a_minor_is_reached_one_minor_at_a_time_by_the_best_patch() -> None:
    assert way("1.29") == ["1.28.10", "1.29.6"]


def test_an_exact_release_is_taken_as_it_is_and_the_way_there_by_best_patches() -> None:
    assert way("1.29.4") == ["1.28.10", "1.29.4"]


def test_without_a_target_it_is_the_next_minor() -> None:
    assert way(None) == ["1.28.10"]


def test_a_newer_patch_of_the_same_minor_is_one_hop() -> None:
    assert way("1.28", Version.parse("1.28.6")) == ["1.28.10"]
    assert way("1.28.10", Version.parse("1.28.6")) == ["1.28.10"]


@pytest.mark.parametrize("to", ["1.27", "1.27.9"])
def test_what_runs_already_needs_no_hop(to: str) -> None:
    assert way(to) == []


def test_a_release_candidate_is_taken_only_where_nothing_else_is() -> None:
    assert way("1.30", Version.parse("1.29.6")) == ["1.30.0-rc.1"]


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("1.26", "UPG-0102"),
        ("1.27.1", "UPG-0102"),
        ("1.29.5", "UPG-0103"),
        ("2.0", "UPG-0103"),
        ("1.32", "UPG-0105"),
    ],
)
def test_targets_that_cannot_be_reached_are_refused_with_a_way_out(to: str, code: str) -> None:
    with pytest.raises(UpgradeError) as refused:
        way(to)
    assert (refused.value.code, refused.value.exit_code) == (code, Exit.BLOCKED)
    assert refused.value.do
    assert refused.value.why


def test_a_skipped_minor_is_refused_and_the_path_with_every_hop_is_offered() -> None:
    with pytest.raises(UpgradeError) as refused:
        explicit(HERE, [Version.parse("1.29")], OFFER)
    assert refused.value.code == "UPG-0101"
    assert refused.value.headline == "1.27.9 -> 1.29 skips a minor version (1.28)"
    assert "1.27.9 -> 1.28.10 -> 1.29.6" in refused.value.do[0]
    assert "two-minor jump" in refused.value.why


def test_a_skip_later_in_the_path_is_refused_as_well() -> None:
    with pytest.raises(UpgradeError) as refused:
        explicit(HERE, [Version.parse("1.28.6"), Version.parse("1.31")], OFFER)
    assert refused.value.headline == "1.28.6 -> 1.31 skips 2 minor versions (1.29, 1.30)"


def test_a_written_path_may_name_patches() -> None:
    path = [Version.parse(v) for v in ("1.28.6", "1.28.10", "1.29")]
    assert [str(v) for v in explicit(HERE, path, OFFER)] == ["1.28.6", "1.28.10", "1.29.6"]


def test_an_upgrade_starts_from_the_oldest_control_plane_that_something_depends_on() -> None:
    both = mesh().plane("1.27.9").plane("1.28.10").namespace("a", rev="1-27-9").namespace("b", rev="1-28-10")
    found = running(both.snapshot())
    assert found is not None
    assert found.version == "1.27.9"


def test_what_only_a_tag_names_is_not_where_an_upgrade_starts_while_another_has_proxies() -> None:
    used = mesh().plane("1.27.9").plane("1.28.10").tag("unused", "1-27-9").namespace("b", rev="1-28-10")
    found = running(used.deployment("b/api", proxies=1).snapshot())
    assert found is not None
    assert found.version == "1.28.10"


def test_a_forgotten_control_plane_is_not_where_an_upgrade_starts() -> None:
    found = running(mesh().plane("1.27.9").plane("1.28.10").namespace("b", rev="1-28-10").snapshot())
    assert found is not None
    assert found.version == "1.28.10"


def test_an_injection_label_depends_on_the_control_plane_without_a_revision() -> None:
    two = (
        mesh()
        .plane("1.27.9", "default")
        .plane("1.28.10")
        .namespace("a", injection="enabled")
        .namespace("b", rev="1-28-10")
    )
    found = running(two.snapshot())
    assert found is not None
    assert found.revision == "default"


def test_no_control_plane_is_nowhere_to_start_from() -> None:
    assert running(mesh().snapshot()) is None
