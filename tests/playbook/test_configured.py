"""What manifests say about the control plane that they install: the mesh configuration, the injector's values, istiod's environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from upgrader.model.version import Version
from upgrader.playbook.configured import configured
from upgrader.playbook.manifests import Release, load_releases
from upgrader.sandbox.charts.manifests import render_version

VERSION = Version.parse("1.28.10")
DATA = os.environ.get("UPGRADER_TEST_DATA", "")


def release(place: Path, old: str = "", new: str = "") -> Release:
    folder = place / str(VERSION)
    folder.mkdir(parents=True)
    for name, text in render_version(str(VERSION)).items():
        assert not old or name != "istiod.yaml" or old in text
        (folder / name).write_text(text.replace(old, new) if old else text)
    return load_releases(place, [VERSION])[str(VERSION)]


def test_configuration_values_and_environment_are_those_of_the_revision(tmp_path: Path) -> None:
    said = configured(release(tmp_path))
    assert said.revision == "1-28-10"
    assert said.config is not None
    assert said.config["trustDomain"] == "cluster.local"
    assert said.values["revision"] == "1-28-10"
    assert said.env["REVISION"] == "1-28-10"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  name: istio-1-28-10\n", "  name: istio-elsewhere\n"),
        ("trustDomain: cluster.local", "trustDomain: ["),
    ],
)
def test_what_is_not_there_or_cannot_be_read_is_not_taken_for_empty(
    tmp_path: Path, old: str, new: str
) -> None:
    said = configured(release(tmp_path, old, new))
    assert said.config is None
    assert said.values


@pytest.mark.skipif(not DATA, reason="UPGRADER_TEST_DATA is not set, so upstream's manifests are not there")
@pytest.mark.parametrize("version", ["1.14.6", "1.27.9", "1.30.3"])
def test_upstreams_own_manifests_say_it_too(version: str) -> None:
    parsed = Version.parse(version)
    found = load_releases(Path(DATA) / "manifests", [parsed])[version]
    said = configured(found)
    assert said.config is not None
    assert said.config["trustDomain"] == "cluster.local"
    assert "global" in said.values
    assert said.env["PILOT_CERT_PROVIDER"] == "istiod"
