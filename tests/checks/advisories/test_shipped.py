"""The advisories that are shipped: how each is dealt with, and that none of upstream's notes is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from upgrader.catalog import load_catalog
from upgrader.catalog.advisories import minors_with_advisories
from upgrader.catalog.advisory import Advisory
from upgrader.checks.advisories.choosing import known
from upgrader.checks.advisories.named import NAMED
from upgrader.report.advisory import WAYS, advisory_page, counts

MINORS = minors_with_advisories()
DATA = os.environ.get("UPGRADER_TEST_DATA", "")


LATER = sorted(set(load_catalog().minors()) - set(MINORS))
whole = pytest.mark.skipif(bool(LATER), reason=f"no advisories yet for {', '.join(LATER)}")


def every() -> list[Advisory]:
    return [one for minor in MINORS for one in known(minor)]


def test_every_way_of_dealing_with_them_is_counted() -> None:
    """``pytest -s`` prints the table."""
    print(f"\n{'minor':8}" + "".join(f"{word:>12}" for word in WAYS))  # noqa: T201
    for minor in MINORS:
        print(f"{minor:8}" + "".join(f"{number:12}" for number in counts(known(minor)).values()))  # noqa: T201
    total = counts(every())
    print(f"{'all':8}" + "".join(f"{number:12}" for number in total.values()))  # noqa: T201
    assert sum(total.values()) == len(every())


@pytest.mark.skipif(
    not DATA, reason="UPGRADER_TEST_DATA is not set: the list of upstream's notes is not part of the project"
)
@whole
def test_every_note_of_upstream_is_dealt_with() -> None:
    notes = yaml.load(Path(DATA, "upgrade_notes.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    wanted = {entry["id"] for hop in notes["hops"] for entry in hop["entries"]}
    assert sorted(wanted - {one.id for one in every()}) == []


def test_there_is_no_file_for_a_minor_that_nobody_can_move_onto() -> None:
    assert set(MINORS) <= set(load_catalog().minors())


@whole
def test_every_named_check_is_used_and_every_used_one_exists() -> None:
    used = {detector.check for one in every() for detector in one.detect if detector.check}
    assert used == set(NAMED)


@pytest.mark.parametrize("minor", MINORS)
def test_what_an_advisory_says_fits_into_a_plan(minor: str) -> None:
    for one in known(minor):
        assert len(one.title) <= 100, one.id
        assert all("\n" not in line.strip() for line in (*one.do, one.ask, one.revert)), one.id
        assert not one.ask or one.ask.endswith("?"), one.id
        assert one.id in advisory_page(one)
