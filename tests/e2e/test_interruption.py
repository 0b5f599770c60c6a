"""The tool is killed, again and again, and somebody else goes on; or goes back."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed
from tests.bed.processes import await_
from tests.bed.versions import NEW
from tests.e2e.audit import without_intent, writes
from tests.e2e.conftest import NAMESPACES, NEW_REVISION, OLD_REVISION
from tests.e2e.operator import PLAYBOOK, Operator
from tests.e2e.prober import Prober
from tests.e2e.proving import wrong_with

PHASES = ("backing-up", "installing", "shifting", "soaking", "retiring")
WRITES_OF_A_PHASE = 2
"""It is killed when that many changes of a phase are in its journal: in the middle of them, not between two."""


def test_killed_in_every_phase_it_is_resumed_to_the_same_end(
    mesh: Bed, tmp_path: Path, say: Callable[[str], None]
) -> None:
    operator = Operator(mesh, tmp_path)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0

    with Prober(mesh.api, {n.name: n.about for n in NAMESPACES}) as prober:
        process = operator.start("apply", "plan.json")
        for phase in PHASES:
            kill_in(phase, process, operator)
            process = operator.start("resume")
        text, _ = process.communicate()

    assert process.returncode == 0, text
    say(f"killed in {len(PHASES)} phases: {prober.asked} probes, {len(prober.faults)} failed")
    assert prober.faults == []
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []
    unannounced = without_intent(writes(mesh, operator.user), operator.journal())
    assert [str(w) for w in unannounced] == []


def test_rolled_back_before_the_old_revision_goes_the_mesh_is_as_before(
    mesh: Bed, tmp_path: Path, say: Callable[[str], None]
) -> None:
    operator = Operator(mesh, tmp_path, playbook=PLAYBOOK.replace("approvals: []", "approvals: [retire]"))
    operator.render(NEW)
    assert operator.plan(NEW).code == 0

    with Prober(mesh.api, {n.name: n.about for n in NAMESPACES}) as prober:
        waiting = operator.type("apply", "plan.json")
        assert waiting.code == 10, waiting
        assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []
        back = operator.type("rollback", "--yes")
        assert back.code == 0, back

    say(f"rollback: {prober.asked} probes, {len(prober.faults)} failed")
    assert prober.faults == []
    assert wrong_with(mesh, NAMESPACES, OLD_REVISION) == []
    assert (
        mesh.api.ask("GET", f"/apis/apps/v1/namespaces/istio-system/deployments/istiod-{NEW_REVISION}")[0]
        == 404
    )


def kill_in(phase: str, process: subprocess.Popen[str], operator: Operator) -> None:
    """Kill it with SIGKILL in the middle of *phase*.

    Raises:
        AssertionError: it ended by itself before.
    """

    def is_in_the_middle() -> bool:
        assert process.poll() is None, process.communicate()[0]
        return _changes_of(phase, operator.journal()) >= _enough(phase)

    await_(f"in the middle of {phase}", is_in_the_middle, 300)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _enough(phase: str) -> int:
    return 0 if phase == "soaking" else WRITES_OF_A_PHASE


def _changes_of(phase: str, journal: list[dict[str, Any]]) -> int:
    """Intents since that phase was entered; -1 while it was not."""
    entered = [
        n for n, event in enumerate(journal) if event["type"] == "phase-entered" and event["phase"] == phase
    ]
    if not entered:
        return -1
    return sum(event["type"] == "intent" for event in journal[entered[0] :])
