"""The files of the catalog beside the releases: each entry is read strictly, dated, and may be replaced by a site's own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from upgrader.catalog import filters, load_catalog, needs
from upgrader.catalog.load import FILES
from upgrader.model.errors import UpgradeError
from upgrader.model.version import Version

CATALOG = load_catalog()
DATA = Path(__file__).parents[2] / "upgrader" / "catalog" / "data"


def entries() -> list[tuple[str, Any]]:
    kinds = [kind.name for kind in FILES.values()]
    return [(f"{name}: {key}", one) for name in kinds for key, one in getattr(CATALOG, name).items()]


def test_every_file_of_the_catalog_is_read() -> None:
    assert {path.name for path in DATA.glob("*.yaml")} == {*FILES, filters.FILE.name, needs.FILE.name}
    assert all(getattr(CATALOG, kind.name) for kind in FILES.values())


@pytest.mark.parametrize("entry", [one for _, one in entries()], ids=[name for name, _ in entries()])
def test_every_entry_says_where_and_when_it_was_read(entry: Any) -> None:
    assert entry.source
    assert all(len(source) > 10 for source in entry.source)
    assert entry.seen.year >= 2026


def test_definitions_of_a_minor_are_those_of_its_latest_change() -> None:
    name = "virtualservices.networking.istio.io"
    storage = {m: CATALOG.served(m)[name].storage for m in CATALOG.minors()}
    assert (storage["1.12"], storage["1.21"]) == ("v1alpha3", "v1alpha3")
    assert (storage["1.22"], storage["1.26"], storage["1.27"]) == ("v1beta1", "v1beta1", "v1")
    assert "v1" in CATALOG.served("1.22")[name].served
    assert "v1" not in CATALOG.served("1.21")[name].served
    assert "proxyconfigs.networking.istio.io" not in CATALOG.served("1.12")


def test_no_minor_ever_dropped_a_version_that_it_served() -> None:
    for older, newer in pairwise(CATALOG.minors()):
        before, after = CATALOG.served(older), CATALOG.served(newer)
        assert before.keys() <= after.keys()
        assert all(set(before[name].served) <= set(after[name].served) for name in before)


def test_every_storage_version_is_served() -> None:
    assert all(one.storage in one.served for one in CATALOG.definitions.values())


def test_a_profile_behaves_like_an_older_minor() -> None:
    for minor, one in CATALOG.profiles.items():
        assert all(Version.parse(old) < Version.parse(minor) for old in one.behaves)


def test_a_flag_comes_back_after_it_went() -> None:
    assert all(Version.parse(f.removed) < Version.parse(f.back) for f in CATALOG.flags.values() if f.back)


@pytest.mark.parametrize("part", ["proxy", "cni", "cni-ambient", "ztunnel"])
def test_every_part_has_a_rule(part: str) -> None:
    assert CATALOG.skew[part].behind == 1
    assert CATALOG.skew[part].ahead == (1 if part == "cni" else 0)


def test_a_site_replaces_single_entries_of_any_file(tmp_path: Path) -> None:
    hub = "{hub: gcr.io/istio-release, last: '1.29', ends: never, instead: here, source: [our own mirror], seen: 2026-11-01}"
    (tmp_path / "hubs.yaml").write_text(f"schema: 1\nhubs: [{hub}]\n", encoding="utf-8")
    found = load_catalog(tmp_path)
    assert found.hubs["gcr.io/istio-release"].last == "1.29"
    assert found.hubs["registry.istio.io/release"] == CATALOG.hubs["registry.istio.io/release"]
    assert found.releases == CATALOG.releases
    assert list(found.site) == ["catalog/hubs.yaml"]
    assert CATALOG.site == {}


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        (
            "skew.yaml",
            "rules: [{part: engine, behind: 1, ahead: 0, source: [x], seen: 2026-01-01}]",
            "engine",
        ),
        ("skew.yaml", "rules: [{part: cni, behind: one, ahead: 0, source: [x], seen: 2026-01-01}]", "behind"),
        (
            "floors.yaml",
            "floors: [{id: a, leaving: ['1.x'], when: gateways-move, need: must, why: w, source: [x], seen: 2026-01-01}]",
            "not a minor",
        ),
        (
            "env.yaml",
            "flags: [{name: A, removed: '1.9', part: istiod, was: '', source: [], seen: 2026-01-01}]",
            "names no source",
        ),
        ("hubs.yaml", "hubs: [{hub: a, last: soon}]", "missing"),
        ("definitions.yaml", "definition: []", "definition"),
        ("profiles.yaml", "profiles: 3", "array"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_file(
    tmp_path: Path, file: str, text: str, says: str
) -> None:
    (tmp_path / file).write_text(f"schema: 1\n{text}\n", encoding="utf-8")
    with pytest.raises(UpgradeError) as refused:
        load_catalog(tmp_path)
    assert refused.value.code == "UPG-0003"
    assert file in refused.value.headline
    assert says in refused.value.what[0]
