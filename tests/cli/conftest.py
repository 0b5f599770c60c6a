"""Commands as typed, in this process, against a served cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgrader.cli.entry import run
from upgrader.host.shipped import playbooks
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.scenarios.versions import write_manifests
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Desk:
    """A user's folder with a kubeconfig, and the cluster behind it."""

    world: World
    place: Path
    capture: pytest.CaptureFixture[str]

    def type(self, *words: str) -> Said:
        self.capture.readouterr()
        code = run(
            [*words, "--kubeconfig", str(self.place / "kubeconfig"), "--state", str(self.place / "runs")]
        )
        shown = self.capture.readouterr()
        return Said(code, shown.out, shown.err)

    def plan(self, *words: str) -> Path:
        path = self.place / "plan.json"
        said = self.type("plan", "--playbook", str(self.swift()), "--out", str(path), *words)
        assert said.code in {0, 3}, said.text
        return path

    def swift(self) -> Path:
        """A playbook as ``quick``, for a cluster that lives faster than its user."""
        path = self.place / "swift.yaml"
        quick = (playbooks() / "quick" / "playbook.yaml").read_text()
        path.write_text(quick.replace("1s", "50ms"))
        return path

    def writes(self) -> list[str]:
        """What this tool changed on the cluster."""
        ours = [e for e in self.world.audit.writes() if e.agent.startswith("upgrade")]
        return [f"{e.method} {e.path}" for e in ours]


@pytest.fixture(scope="session")
def loaded() -> Callable[[str], World]:
    """Each scenario is loaded once; take forks."""
    worlds: dict[str, World] = {}

    def get(name: str) -> World:
        if name not in worlds:
            worlds[name] = World(kubernetes=read_scenario(name).kubernetes, seed=len(worlds))
            load(worlds[name], name)
        return worlds[name]

    return get


@pytest.fixture
def desk(
    loaded: Callable[[str], World],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Desk]]:
    """Makes a desk at a scenario; several, if a test wants several clusters."""
    servers: list[Server] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name in ("UPGRADER_CONTEXT", "KUBECONFIG", "UPGRADER_STATE", "CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def make(scenario: str = "shop", name: str = "") -> Desk:
        place = tmp_path / (name or scenario)
        place.mkdir()
        world = loaded(scenario).fork()
        write_manifests(scenario, place / "manifests", world.kubernetes)
        servers.append(Server(world).start())
        write_kubeconfig(place / "kubeconfig", servers[-1].url)
        return Desk(world, place, capsys)

    yield make
    for server in servers:
        server.stop()
