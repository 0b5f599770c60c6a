"""The loader of advisories refuses what it does not understand, and says where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from upgrader.catalog.advisories import advisories_of, advisory, minors_with_advisories, near_ids
from upgrader.model.errors import Exit, UpgradeError

ENTRY = """
schema: 1
advisories:
- id: 1.99-first
  title: Port 22 is closed
  area: traffic
  severity: breaking
  change: It was open.
  do: [open it]
  detect:
  - kind: Service
    path: spec.ports[*].port
    equals: 22
  source: [istio/istio 1.99.0 somewhere]
  seen: 2026-11-01
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        (tmp_path / "advisories").mkdir(exist_ok=True)
        (tmp_path / "advisories" / "1.99.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return written


def refused(folder: Path) -> UpgradeError:
    with pytest.raises(UpgradeError) as error:
        advisories_of("1.99", folder)
    assert error.value.code == "UPG-0003"
    assert error.value.exit_code is Exit.CONFIG
    assert "1.99.yaml" in error.value.headline
    return error.value


def test_an_entry_is_read_as_it_is_written(write: Write) -> None:
    [one] = advisories_of("1.99", write(ENTRY))
    assert (one.id, one.minor, one.detect[0].equals) == ("1.99-first", "1.99", 22)


def test_a_minor_without_a_file_has_none(tmp_path: Path) -> None:
    assert advisories_of("1.99", tmp_path) == ()
    assert advisories_of("1.99") == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("title:", "titel: x\n  title:", "1.99-first: Object contains unknown field `titel`"),
        ("equals: 22", "equal: 22", "unknown field `equal`"),
        ("severity: breaking", "severity: bad", "Invalid enum value 'bad'"),
        ("severity: breaking", "severity: breaking\n  severity: info", "key 'severity' is said twice"),
        ("id: 1.99-first", "id: 1.98-first", "its id belongs into 1.98.yaml"),
        ("id: 1.99-first", "id: First", "an id is a minor and words"),
        ("title: Port 22 is closed", "title: Port 22 is closed.", "without a full stop"),
        ("do: [open it]", "do: []", "says nothing to do"),
        ("[istio/istio 1.99.0 somewhere]", "[]", "names no source"),
        ("do: [open it]", "do: [open it]\n  undetectable: who knows", "goes with neither detect nor ask"),
        ("kind: Service", "kind: Servce", "kind 'Servce' is none"),
        ("kind: Service", "kind: Gateway", "have their group"),
        ("kind: Service", "kind: Service\n    injected: true", "only a Workload is injected"),
        ("kind: Service", "kind: Service\n    selector: a in (b)", "selector 'a in (b)'"),
        ("path: spec.ports[*].port", "path: spec.ports[].port", "detect[0]: path 'spec.ports[].port'"),
        ("equals: 22", "equals: 22\n    exists: true", "exists and equals: one test is asked at a time"),
        ("equals: 22", "matches: '('", "matches '('"),
        ("equals: 22", "below: newest", "'newest' is not a version"),
        ("equals: 22", "below: 1.20", "Expected `str`, got `float`"),
        ("equals: 22", "check: something", "a named check stands alone"),
        ("equals: 22", "where: [{kind: Node}]", "where[0]: it is asked of the same value"),
        ("equals: 22", "where: [{path: '.a'}]", "where[0]: path '.a'"),
        ("equals: 22", "unless: [{kind: Nod}]", "unless[0]: kind 'Nod' is none"),
        ("equals: 22", "also: [{path: a}]", "also[0]: kind '' is none"),
        ("schema: 1", "schema: 2", "schema"),
        ("schema: 1", "schema: [", "while parsing"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(
    old: str, new: str, says: str, write: Write
) -> None:
    assert old in ENTRY
    assert says in "\n".join(refused(write(ENTRY.replace(old, new, 1))).what)


def test_one_way_of_seeing_it_is_needed(write: Write) -> None:
    bare = ENTRY.replace(ENTRY[ENTRY.index("  detect:") : ENTRY.index("  source:")], "")
    assert "one of detect, ask and undetectable is needed" in refused(write(bare)).what[0]


def test_a_question_alone_is_never_certain(write: Write) -> None:
    found = ENTRY[ENTRY.index("  detect:") : ENTRY.index("  source:")]
    asked = ENTRY.replace(found, "  certain: true\n  ask: Is it?\n")
    assert "only what a detector saw is certain" in refused(write(asked)).what[0]


def test_an_id_is_used_once(write: Write) -> None:
    twice = ENTRY + ENTRY[ENTRY.index("- id") :]
    assert "its id is used twice" in refused(write(twice)).what[0]


def test_a_site_lays_its_own_over_ours_by_id(write: Write) -> None:
    """Ours has none of 1.99, so both layers are the site's here."""
    folder = write(ENTRY)
    assert advisory("1.99-FIRST", folder) == advisories_of("1.99", folder)[0]
    assert advisory("1.99-second", folder) is None
    assert "1.99" in minors_with_advisories(folder)
    assert "1.99" not in minors_with_advisories()


def test_minors_come_in_their_order_and_not_in_that_of_the_alphabet(tmp_path: Path) -> None:
    (tmp_path / "advisories").mkdir()
    for minor in ("1.100", "1.99"):
        (tmp_path / "advisories" / f"{minor}.yaml").write_text("{schema: 1, advisories: []}")
    assert minors_with_advisories(tmp_path)[-2:] == ("1.99", "1.100")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("1.13-prot-22", "1.13-port-22"), ("1.14-port-22", "1.13-port-22"), ("port-22", "1.13-port-22")],
)
def test_a_slip_in_an_id_is_understood(typed: str, meant: str) -> None:
    assert near_ids(typed, ["1.13-port-22", "1.22-duplicate-subsets"])[0] == meant
