"""The real process, killed with SIGKILL at random requests, over real HTTP; slower than the rest, so run by `make crash`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.server import Life, Server
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.crash]

POINTS = 8
SPEED = 100.0
UPGRADE = Path(sys.executable).with_name("upgrade")


class Terminal:
    """A machine with the command on it, and a cluster that lives meanwhile."""

    def __init__(self, journey: Journey, server: Server) -> None:
        self.journey = journey
        self.place = journey.place
        self.config = self.place / "kubeconfig"
        write_kubeconfig(self.config, server.url)
        self.environment = os.environ | {
            "KUBECONFIG": str(self.config),
            "UPGRADER_STATE": str(self.place / "runs"),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(UPGRADE), *words], cwd=self.place, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        text, _ = process.communicate()
        return process.returncode, text

    def kill_at(self, writes: int, *words: str) -> int:
        """Run, and send SIGKILL when the server has seen so many writes of ours."""
        process = self.start(*words)
        pause = threading.Event()
        while process.poll() is None and self.writes() < writes:
            pause.wait(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode

    def writes(self) -> int:
        return sum(
            e.mutating and e.agent.startswith("upgrade") for e in list(self.journey.world.audit.entries)
        )


@pytest.fixture
def terminals(shop_world: World, shop_manifests: Path, tmp_path: Path) -> Iterator[object]:
    """Makes terminals, each at a cluster of its own."""
    running: list[tuple[Server, Life]] = []

    def make(name: str) -> Terminal:
        place = tmp_path / name
        place.mkdir()
        journey = Journey(shop_world.fork(), place, shop_manifests)
        server, life = Server(journey.world).start(), Life(journey.world, SPEED).start()
        running.append((server, life))
        return Terminal(journey, server)

    yield make
    for server, life in running:
        life.stop()
        server.stop()


def gates(terminal: Terminal) -> list[str]:
    from upgrader.engine.keeping.folder import read_plan
    from upgrader.planning.plan import Gate

    plan = read_plan(terminal.place / "plan.json")
    manual = [
        (i.id, i.action.approval)
        for _, _, i in plan.items()
        if isinstance(i.action, Gate) and i.action.approval
    ]
    return [word for gate, name in manual for word in ("--approve", f"{gate}={name}")]


def planned(terminal: Terminal) -> list[str]:
    code, text = terminal.run(
        "plan",
        "--to",
        "1.28",
        "--playbook",
        "quick",
        "--manifests",
        str(terminal.journey.manifests),
        "--out",
        "plan.json",
    )
    assert code == 0, text
    return gates(terminal)


def without_marks(found: dict[str, object]) -> dict[str, object]:
    """Each run has its own plan, and so its own restart mark."""
    import json
    import re

    return json.loads(re.sub(r'"(\d+-\d+-\d+)\.[0-9a-f]{8}"', r'"\1"', json.dumps(found)))  # type: ignore[no-any-return]


def test_killed_with_sigkill_at_random_requests_resume_ends_where_an_undisturbed_run_ends(
    terminals: object,
) -> None:
    straight = terminals("straight")  # type: ignore[operator]
    approvals = planned(straight)
    code, text = straight.run("apply", "plan.json", *approvals)
    assert code == 0, text
    total, end = straight.writes(), without_marks(contents(straight.journey.world))
    chance = random.Random(7)
    for number in range(POINTS):
        terminal = terminals(f"killed-{number}")  # type: ignore[operator]
        approvals = planned(terminal)
        at = chance.randint(2, total - 2)
        assert terminal.kill_at(at, "apply", "plan.json", *approvals) == -signal.SIGKILL

        code, text = terminal.run("resume", *approvals)

        assert code == 0, f"killed at write {at} of {total}:\n{text}"
        assert differences(end, without_marks(contents(terminal.journey.world))) == [], (
            f"killed at write {at}"
        )
