"""The real process, killed with SIGKILL at random requests, over real HTTP; slower than the rest, so run by `make journeys`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.life import Life
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World

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


@contextmanager
def terminal_at(world: World, manifests: Path, place: Path) -> Iterator[Terminal]:
    """A terminal at a cluster of its own, which is served until the end of the block."""
    journey = Journey(world.fork(), place, manifests)
    server, life = Server(journey.world).start(), Life(journey.world, SPEED).start()
    try:
        yield Terminal(journey, server)
    finally:
        life.stop()
        server.stop()


@pytest.fixture(scope="module")
def undisturbed(
    shop_world: World, shop_manifests: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, dict[str, object]]:
    """How many writes an upgrade takes that nothing disturbs, and what it leaves."""
    with terminal_at(shop_world, shop_manifests, tmp_path_factory.mktemp("straight")) as straight:
        code, text = straight.run("apply", "plan.json", *planned(straight))
        assert code == 0, text
        return straight.writes(), without_marks(contents(straight.journey.world))


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


@pytest.mark.parametrize("seed", range(POINTS))
def test_killed_with_sigkill_at_a_random_request_resume_ends_where_an_undisturbed_run_ends(
    seed: int,
    undisturbed: tuple[int, dict[str, object]],
    shop_world: World,
    shop_manifests: Path,
    tmp_path: Path,
) -> None:
    total, end = undisturbed
    with terminal_at(shop_world, shop_manifests, tmp_path) as terminal:
        approvals = planned(terminal)
        at = random.Random(seed).randint(2, total - 2)
        assert terminal.kill_at(at, "apply", "plan.json", *approvals) == -signal.SIGKILL

        code, text = terminal.run("resume", *approvals)

        assert code == 0, f"killed at write {at} of {total}:\n{text}"
        left = without_marks(contents(terminal.journey.world))
        assert differences(end, left) == [], f"killed at write {at}"
