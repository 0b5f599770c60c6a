"""The version folders that come with a scenario, so that planning and applying need nothing else."""

from __future__ import annotations

from pathlib import Path

from upgrader.model.version import Version
from upgrader.sandbox.charts.manifests import render, render_ingress_gateway
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.scenarios.scenario import Scenario, read_scenario

Files = dict[str, str]


def version_folders(name: str, kubernetes: str = "") -> dict[str, Files]:
    """For every release on a scenario's path its files: version, file name, text.

    Where the scenario has an ingress gateway of istioctl's kind, its rendering for that revision is among them.

    Raises:
        KeyError: there is no scenario of that name.
    """
    scenario = read_scenario(name)
    minor = kubernetes or scenario.kubernetes
    return {
        version: _files(scenario, Release(version, _revision(version), kubernetes=minor))
        for version in scenario.versions
    }


def write_manifests(name: str, folder: Path, kubernetes: str = "") -> list[Path]:
    """Write `version_folders` below *folder*; returns the folders in the order of the path.

    Raises:
        KeyError: there is no scenario of that name.
        OSError: the folder cannot be written.
    """
    written = []
    for version, files in version_folders(name, kubernetes).items():
        place = folder / version
        place.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (place / file).write_text(text, encoding="utf-8")
        written.append(place)
    return written


def _files(scenario: Scenario, release: Release) -> Files:
    files = render(release)
    if any(gateway.kind == "istioctl" for gateway in scenario.gateways):
        files["istio-ingressgateway.yaml"] = render_ingress_gateway(release)
    return files


def _revision(version: str) -> str:
    return Version.parse(version).revision
