"""An istioctl is what it says it is, as JSON, and the file that said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accepting import accepts
from tests.istioctl import asked, write_istioctl
from upgrader.host.istioctl import Found, ask, find, identify, places
from upgrader.model.errors import UpgradeError
from upgrader.model.installing import Binary


def look(
    *named: Path, configured: str = "", cache: Path = Path("/nonexistent"), seconds: float = 20
) -> Found:
    return find(places([str(n) for n in named], configured, cache), seconds=seconds)


@pytest.fixture(autouse=True)
def bare_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def test_a_folder_of_several_gives_one_for_each_release(tmp_path: Path) -> None:
    for version in ("1.29.6", "1.28.10"):
        write_istioctl(tmp_path / f"istioctl-{version}", version)
    write_istioctl(tmp_path / "1.30.3" / "istioctl", "1.30.3")
    with accepts("UPG-0108"):
        found = look(tmp_path)
    assert [b.version for b in found.binaries] == ["1.28.10", "1.29.6", "1.30.3"]
    assert found.newest is not None
    assert found.newest.version == "1.30.3"
    assert {b.origin for b in found.binaries} == {"option"}


def test_a_named_one_comes_before_the_cache_and_the_cache_before_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = write_istioctl(tmp_path / "named" / "istioctl", "1.28.10")
    for version in ("1.28.10", "1.29.6"):
        write_istioctl(tmp_path / "cache" / version / "istioctl", version)
    for version in ("1.28.10", "1.29.6", "1.30.3"):
        write_istioctl(tmp_path / "bin" / f"istioctl-{version}", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    found = look(named, cache=tmp_path / "cache")
    assert [(b.version, b.origin) for b in found.binaries] == [
        ("1.28.10", "option"),
        ("1.29.6", "cache"),
        ("1.30.3", "path"),
    ]
    assert [b.origin for b in look(configured=str(named)).binaries][:1] == ["configuration"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("echo 'client version: 1.28.10'", "does not say its version as JSON"),
        ('echo \'{"clientVersion": {"version": "unknown"}}\'', "does not say its version as JSON"),
        ('echo \'{"clientVersion": {"version": "1.28"}}\'', "which is no release"),
        ('echo \'{"clientVersion": {"version": "1.28.10"}}\'; exit 4', "exit status 4"),
        ("exec sleep 60", "did not end in time"),
    ],
    ids=["no-json", "unknown", "no-release", "status", "hang"],
)
def test_one_that_does_not_say_its_release_is_refused_where_it_was_named(
    tmp_path: Path, told: str, why: str
) -> None:
    place = write_istioctl(tmp_path / "istioctl", "1.28.10", told=told)
    with pytest.raises(UpgradeError, match="UPG-0108") as refused:
        look(place, seconds=0.5)
    assert why in refused.value.what[0]


def test_one_of_path_that_is_none_is_passed_over_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_istioctl(tmp_path / "istioctl-1.28.10", "1.28.10", told="exit 1")
    (tmp_path / "istioctl-readme.txt").write_text("no program")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = look()
    assert found.binaries == ()
    assert found.passed_over == (f"{tmp_path / 'istioctl-1.28.10'}: it ended with exit status 1",)


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda _: None], ids=["empty-folder", "nothing"])
def test_a_place_that_holds_none_is_refused(tmp_path: Path, make: object) -> None:
    place = tmp_path / "bin"
    assert callable(make)
    make(place)
    with pytest.raises(UpgradeError, match="UPG-0108"):
        look(place)


def test_a_file_that_was_swapped_is_not_run(tmp_path: Path) -> None:
    place = write_istioctl(tmp_path / "istioctl", "1.28.10")
    binary = identify(place, "option")
    assert isinstance(binary, Binary)
    before = asked(place)
    place.write_text(place.read_text() + "# swapped\n")
    with pytest.raises(UpgradeError, match="UPG-0108") as refused:
        ask(binary, ["manifest", "generate"], seconds=20, home=tmp_path, stopped=lambda: False)
    assert "SHA-256" in refused.value.what[0]
    assert asked(place) == before


def test_it_is_asked_without_the_settings_and_credentials_of_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/secret")
    place = write_istioctl(tmp_path / "istioctl", "1.28.10", render="env")
    binary = identify(place, "option")
    assert isinstance(binary, Binary)
    ended = ask(binary, ["manifest"], seconds=20, home=tmp_path, stopped=lambda: False)
    assert b"/secret" not in ended.out
    assert f"HOME={tmp_path}".encode() in ended.out
