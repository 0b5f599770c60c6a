"""Stopped in the middle, in every way a process can be stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from upgrader.sandbox.serving.life import Life

pytestmark = [pytest.mark.slow]

UPGRADE = Path(sys.executable).with_name("upgrade")
PAUSE = threading.Event()


class Busy:
    """A run that soaks: it waits in a gate of the first wave until somebody stops it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.events = desk.place / "events.jsonl"
        self.environment = os.environ | {
            "KUBECONFIG": str(desk.place / "kubeconfig"),
            "UPGRADER_STATE": str(desk.place / "runs"),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(UPGRADE), *words], cwd=self.desk.place, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        out, err = process.communicate()
        return process.returncode, out + err

    def apply_until_it_soaks(self) -> subprocess.Popen[str]:
        code, text = self.run("plan", "--to", "1.28", "--playbook", "canary", "--out", "plan.json")
        assert code == 0, text
        process = self.start("apply", "plan.json", "--events", str(self.events))
        while process.poll() is None and not self._soaks():
            PAUSE.wait(0.02)
        assert process.poll() is None, process.communicate()
        return process

    def _soaks(self) -> bool:
        return self.events.exists() and "soaking" in self.events.read_text()

    def last_event(self) -> dict[str, object]:
        return json.loads(self.events.read_text().splitlines()[-1])  # type: ignore[no-any-return]


@pytest.fixture
def busy(desk: Callable[..., Desk]) -> Iterator[Busy]:
    place = desk()
    with Life(place.world, 50.0):
        yield Busy(place)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_at_a_safe_point_and_says_how_to_go_on(
    busy: Busy, number: signal.Signals, code: int
) -> None:
    process = busy.apply_until_it_soaks()

    process.send_signal(number)
    out, err = process.communicate()

    assert process.returncode == code
    assert "no new step will start" in err
    assert "Stopped at a safe point" in out
    assert "Safe to leave like this: yes" in out
    assert "upgrade resume r-" in out
    assert "upgrade rollback r-" in out
    assert busy.last_event()["type"] == "stream.end"
    status, shown = busy.run("status")
    assert status == 0
    assert "INTERRUPTED" in shown
    assert "Lock       free" in shown


def test_after_kill_9_status_says_so_and_resume_and_rollback_work(busy: Busy) -> None:
    process = busy.apply_until_it_soaks()
    process.kill()
    process.communicate()

    code, shown = busy.run("status")

    assert code == 0
    assert "no process holds this run" in shown
    assert "Safe to leave like this: yes" in shown
    code, shown = busy.run("rollback", "--yes")
    assert code == 0, shown
    assert "Rolled back" in shown


def test_a_second_process_is_refused_while_the_first_is_alive(busy: Busy) -> None:
    process = busy.apply_until_it_soaks()
    before = len(busy.desk.writes())

    code, shown = busy.run("resume")

    assert code == 7
    assert "UPG-0501" in shown
    process.send_signal(signal.SIGTERM)
    process.communicate()
    ours = busy.desk.writes()[before:]
    assert all("istio-upgrade" in write for write in ours)


def test_a_reader_that_went_away_is_a_hangup(busy: Busy) -> None:
    code, text = busy.run("plan", "--to", "1.28", "--playbook", "canary", "--out", "plan.json")
    assert code == 0, text
    process = subprocess.Popen(
        f"exec 2>&1; {UPGRADE} apply plan.json; echo $? > code", shell=True, cwd=busy.desk.place,
        env=busy.environment, text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait()

    assert (busy.desk.place / "code").read_text().strip() == "129"
    _, shown = busy.run("status")
    assert "Lock       free" in shown


def test_a_reading_command_ends_quietly_when_nobody_reads(busy: Busy) -> None:
    process = busy.start("plan", "--to", "1.28", "-o", "wide")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert process.returncode == 141
    assert err == ""


def test_a_gate_without_anybody_parks_the_run_and_an_approval_from_elsewhere_lets_it_go_on(
    busy: Busy,
) -> None:
    code, _ = busy.run("plan", "--to", "1.28", "--playbook", "quick", "--out", "plan.json")
    assert code == 0

    code, shown = busy.run("apply", "plan.json", "--gate-wait", "0")

    assert code == 10
    assert "Parked at a safe point" in shown
    approve = next(line for line in shown.splitlines() if line.startswith("Approve"))
    words = approve.split()[2:]
    code, shown = busy.run(*words)
    assert code == 0, shown
    code, shown = busy.run("resume")
    assert code == 0, shown
    assert "Done" in shown
