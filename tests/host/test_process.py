"""Programs of others end when they should, with everything that they started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from upgrader.host.process import Process, bare_environment, own_environment, run

SHELL = {"PATH": os.environ["PATH"]}
HANG = "exec sleep 600"


def shell(text: str, *, seconds: float = 20) -> Process:
    return Process(["/bin/sh", "-c", text], SHELL, seconds=seconds)


def alive(pid: int) -> bool:
    """Whether it runs; one that waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end_of(pid: Path) -> None:
    """The kernel takes a moment; one that is not killed outlives this test's own deadline."""
    while alive(int(pid.read_text())):
        os.sched_yield()


def test_output_and_status_come_back_as_they_are() -> None:
    ended = run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], SHELL, seconds=20)
    assert (ended.code, ended.out, ended.err) == (3, b"out\n", "err\n")
    assert ended.failed == "it ended with exit status 3"


def test_a_good_end_is_no_failure() -> None:
    assert not run(["/bin/sh", "-c", "true"], SHELL, seconds=20).failed


def test_a_program_that_hangs_is_stopped_at_its_deadline_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with shell(f"sleep 600 & echo $! > {pid}; echo half; wait", seconds=0.3) as process:
        ended = process.finish()
    assert ended.late
    assert ended.out == b"half\n"
    assert "in time" in ended.failed
    wait_for_the_end_of(pid)


def test_a_child_that_is_left_behind_ends_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert not run(["/bin/sh", "-c", f"sleep 600 & echo $! > {pid}"], SHELL, seconds=20).failed
    wait_for_the_end_of(pid)


def test_a_wish_to_stop_ends_it_at_once() -> None:
    with shell(HANG) as process, pytest.raises(KeyboardInterrupt):
        process.finish(lambda: True)


def test_leaving_the_block_ends_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with shell(f"echo $$ > {pid}; {HANG}"):
        while not pid.exists() or not pid.read_text().strip():
            os.sched_yield()
        assert alive(int(pid.read_text()))
    wait_for_the_end_of(pid)


def test_more_output_than_anybody_wants_is_cut() -> None:
    with Process(["/bin/sh", "-c", "yes | head -c 100000000"], SHELL, seconds=20, longest=1 << 16) as process:
        ended = process.finish()
    assert ended.cut
    assert len(ended.out) == 1 << 16


def test_a_signal_is_a_failure() -> None:
    ended = run(["/bin/sh", "-c", "kill -9 $$"], SHELL, seconds=20)
    assert ended.failed == "it was killed by signal 9"


def test_what_cannot_be_started_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        run([str(tmp_path / "none")], SHELL, seconds=20)


def test_a_bare_environment_has_nothing_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", "/secret")
    monkeypatch.setenv("ISTIOCTL_NAMESPACE", "elsewhere")
    given = bare_environment(tmp_path)
    assert given["HOME"] == str(tmp_path)
    assert given.keys() <= {"PATH", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT", "HOME"}
    own = own_environment(("ISTIOCTL_",))
    assert own["KUBECONFIG"] == "/secret"
    assert "ISTIOCTL_NAMESPACE" not in own


def test_it_reads_nothing_from_us() -> None:
    assert run(["/bin/cat"], SHELL, seconds=20).out == b""


def test_it_gets_the_environment_that_it_is_given() -> None:
    told = run([sys.executable, "-c", "import os; print(sorted(os.environ))"], {"A": "1"}, seconds=20).out
    assert b"'A'" in told
    assert b"'PATH'" not in told
