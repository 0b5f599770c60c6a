"""The catalog's files about filters and definitions are read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from upgrader.catalog import load_catalog
from upgrader.catalog.filters import FILE, filter_changes, read_filters
from upgrader.catalog.needs import FILE as DEFINITIONS
from upgrader.catalog.needs import read_needs
from upgrader.model.errors import UpgradeError

ENTRY = """\
schema: 1
changes:
- id: 1.21-x
  place: anchor
  names: [x]
  change: is gone
  do: [write y]
  source: [istio/istio 1.21.0 a]
  seen: 2026-11-30
"""


def test_every_change_belongs_to_a_minor_that_is_known() -> None:
    known = set(load_catalog().minors())
    assert {c.minor for c in read_filters(FILE)} <= known
    assert {n.minor for n in read_needs(DEFINITIONS)} <= known
    assert [c.id for c in filter_changes("1.22")] == ["1.22-wavm"]
    assert filter_changes("1.99") == ()


def test_changes_and_needs_are_in_the_order_of_their_minors() -> None:
    for minors in ([c.minor for c in read_filters(FILE)], [n.minor for n in read_needs(DEFINITIONS)]):
        assert minors == sorted(minors, key=lambda m: [int(n) for n in m.split(".")])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (ENTRY.replace("place: anchor", "place: somewhere"), "somewhere"),
        (ENTRY.replace("  seen", "  sen: x\n  seen"), "unknown field"),
        (ENTRY.replace("1.21-x", "next-x"), "not a version"),
        (ENTRY + ENTRY.partition("changes:\n")[2], "twice"),
        (ENTRY.replace("[istio/istio 1.21.0 a]", "[]"), "no source"),
        ("changes: [", "while parsing"),
    ],
)
def test_a_file_that_is_not_understood_is_not_believed(wrong: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "filters.yaml"
    file.write_text(wrong, encoding="utf-8")
    with pytest.raises(UpgradeError) as caught:
        read_filters(file)
    assert caught.value.code == "UPG-0003"
    assert told in "".join(caught.value.what)


def test_a_file_that_is_not_there_and_a_bundle_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(UpgradeError):
        read_filters(tmp_path / "none.yaml")
    file = tmp_path / "definitions.yaml"
    need = "{minor: '1.29', names: [a], serves: v1, bundle: newest, source: [x], seen: 2026-11-30}"
    file.write_text(f"schema: 1\nneeds: [{need}]\n", encoding="utf-8")
    with pytest.raises(UpgradeError):
        read_needs(file)
