from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.accepting import accepts
from upgrader.catalog import Catalog, Release, Support, load_catalog
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.ownership import old_has_drop
from upgrader.model.version import Version

ENTRY = """
schema: 1
releases:
- minor: "1.29"
  released: 2026-02-16
  end_of_life: 2026-10-12
  kubernetes: {supported: ["1.31", "1.35"], tested: ["1.26", "1.30"], minimum: "1.30"}
  latest: 1.29.99
  source: [our own mirror]
  seen: 2026-11-01
"""


def every() -> list[Release]:
    catalog = load_catalog()
    return [found for minor in catalog.minors() if (found := catalog.release(minor))]


def test_every_minor_from_1_12_to_1_31_is_known_without_a_gap() -> None:
    assert load_catalog().minors() == tuple(f"1.{minor}" for minor in range(12, 32))


@pytest.mark.parametrize("release", every(), ids=lambda r: r.minor)
def test_every_entry_says_where_and_when_it_was_read(release: Release) -> None:
    assert all(len(source) > 10 for source in release.source)
    assert release.source
    assert date(2026, 1, 1) < release.seen
    assert all(fault.source and fault.why for fault in release.known_bad)


@pytest.mark.parametrize("release", every(), ids=lambda r: r.minor)
def test_every_entry_makes_sense_in_itself(release: Release) -> None:
    assert release.released < release.end_of_life
    assert Version.parse(release.latest).series == release.minor
    known = release.kubernetes
    first, last = Version.parse(known.supported[0]), Version.parse(known.supported[1])
    assert Version.parse(known.tested[0]) <= Version.parse(known.tested[1]) < first <= last
    assert Version.parse(known.tested[0]) <= Version.parse(known.minimum) <= first
    assert load_catalog().fault(Version.parse(release.latest)) is None


def test_neighbours_have_a_kubernetes_version_in_common() -> None:
    for older, newer in pairwise(every()):
        assert Version.parse(newer.kubernetes.supported[0]) <= Version.parse(older.kubernetes.supported[1])
        assert older.released < newer.released


def test_only_a_day_that_lies_ahead_may_be_called_expected() -> None:
    assert [r.minor for r in every() if r.end == "expected"] == ["1.29", "1.30", "1.31"]


@pytest.mark.parametrize(
    ("kubernetes", "support"),
    [
        ("v1.29.9", Support.TOO_OLD),
        ("v1.30.0", Support.TESTED),
        ("v1.31.0", Support.SUPPORTED),
        ("v1.35.2+k3s1", Support.SUPPORTED),
        ("v1.36.0", Support.NEWER),
        ("1.34", Support.SUPPORTED),
        ("latest", Support.UNKNOWN),
    ],
)
def test_a_release_supports_a_range_of_kubernetes(kubernetes: str, support: Support) -> None:
    assert load_catalog().supports("1.29", kubernetes) is support


def test_between_the_minimum_and_what_was_tried_is_older() -> None:
    odd = ENTRY.replace(
        'tested: ["1.26", "1.30"], minimum: "1.30"', 'tested: ["1.28", "1.29"], minimum: "1.26"'
    )
    assert read(odd).supports("1.29", "v1.27.1") is Support.OLDER


def test_nothing_is_known_about_other_minors() -> None:
    catalog = load_catalog()
    assert catalog.release("1.11") is None
    assert catalog.latest_patch("1.11") is None
    assert catalog.supports("1.11", "v1.20.0") is Support.UNKNOWN
    assert not catalog.ended("1.11", date(2030, 1, 1))
    assert catalog.fault(Version.parse("1.11.0")) is None


def test_the_newest_patch_is_a_version_and_not_a_text() -> None:
    assert load_catalog().latest_patch("1.28") == Version(1, 28, 10)


def test_support_ends_after_its_last_day() -> None:
    catalog = load_catalog()
    assert not catalog.ended("1.28", date(2026, 7, 1))
    assert catalog.ended("1.28", date(2026, 7, 2))


def test_what_is_supported_on_a_day_was_released_and_has_not_ended() -> None:
    catalog = load_catalog()
    assert catalog.supported(date(2026, 1, 5)) == ("1.27", "1.28")
    assert catalog.supported(date(2026, 2, 16)) == ("1.27", "1.28", "1.29")
    assert catalog.supported(date(2026, 4, 7))[0] == "1.27"
    assert catalog.supported(date(2026, 4, 8))[0] == "1.28"


def test_a_fault_is_of_single_patches() -> None:
    catalog = load_catalog()
    assert catalog.fault(Version.parse("1.30.1"))
    assert catalog.fault(Version.parse("1.30.2")) is None


def test_the_age_is_that_of_the_newest_comparison() -> None:
    catalog = load_catalog()
    newest = max(r.seen for r in every())
    assert catalog.age(newest + timedelta(days=40)) == timedelta(days=40)


def read(text: str, folder: Path | None = None) -> Catalog:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        (Path(place) / "releases.yaml").write_text(text, encoding="utf-8")
        return load_catalog.__wrapped__(folder or Path(place))


def test_a_site_lays_its_own_entries_over_ours() -> None:
    with accepts("UPG-0003"):
        catalog = read(ENTRY)
    assert str(catalog.latest_patch("1.29")) == "1.29.99"
    assert str(catalog.latest_patch("1.28")) == "1.28.10"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY + "  colour: blue\n", "1.29: Object contains unknown field `colour`"),
        (ENTRY + "  latest: 1.29.98\n", "key 'latest' is said twice"),
        (ENTRY.replace("schema: 1", "schema: 2"), "schema"),
        (ENTRY.replace("2026-02-16", "soon"), "released"),
        (ENTRY.replace('"1.29"', '"1.x"'), "1.x"),
        (ENTRY.replace("1.29.99", "1.30.1"), "1.30.1 is not a release of 1.29"),
        (ENTRY.replace("1.29.99", "newest"), "newest"),
        (ENTRY.replace("[our own mirror]", "[]"), "names no source"),
        ("releases: [", "while parsing"),
        ("", "object"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(UpgradeError) as refused:
        read(text)
    assert refused.value.code == "UPG-0003"
    assert refused.value.exit_code is Exit.CONFIG
    assert "releases.yaml" in refused.value.headline
    assert says in refused.value.what[0]


def test_a_folder_without_a_file_of_the_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UpgradeError, match="UPG-0003"):
        load_catalog(tmp_path)
    with pytest.raises(UpgradeError, match="UPG-0003"):
        load_catalog(tmp_path / "nowhere")


def test_a_file_that_the_catalog_does_not_have_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "release.yaml").write_text(ENTRY, encoding="utf-8")
    with pytest.raises(UpgradeError) as refused:
        load_catalog(tmp_path)
    assert "did you mean releases.yaml?" in refused.value.what[0]


def test_an_entry_that_is_there_twice_is_refused() -> None:
    twice = ENTRY + ENTRY.partition("releases:")[2]
    with pytest.raises(UpgradeError) as refused:
        read(twice)
    assert refused.value.what == ("1.29 is there twice",)


def test_the_floor_for_gateways_that_are_emptied_is_what_steps_and_gates_go_by() -> None:
    """Whoever makes a plan asks the catalog, what is done and looked at cannot: the fact is in two rooms."""
    mended = [Version.parse(v) for v in load_catalog().floors["gateways-emptied"].leaving]
    for first in mended:
        assert not old_has_drop(first)
        assert old_has_drop(Version(first.major, first.minor, first.patch - 1))
    told = {v.series for v in mended}
    for minor in map(Version.parse, load_catalog().minors()):
        latest = Version(minor.major, minor.minor, 99)
        assert old_has_drop(latest) == (latest < mended[0] and latest.series not in told), minor
