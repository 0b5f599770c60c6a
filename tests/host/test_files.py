"""Files of the run directory: whole or as before, ours alone, one holder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from upgrader.host.files import Appender, FileLock, atomic_write, private_directory
from upgrader.model.errors import Exit, UpgradeError

_HOLD = """
import sys
from pathlib import Path
from upgrader.host.files import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire("the other"), flush=True)
sys.stdin.read()
"""
_WRITE = """
import sys
from pathlib import Path
from upgrader.host.files import atomic_write
for i in range(10_000):
    atomic_write(Path(sys.argv[1]), (b"a" if i % 2 else b"b") * 200_000)
    print(i, flush=True)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "True"
    yield process
    process.kill()
    process.communicate()


def test_a_written_file_holds_all_of_it_and_only_we_may_read_it(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    atomic_write(target, b"first")
    atomic_write(target, b"second")
    assert target.read_bytes() == b"second"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_a_write_that_fails_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        atomic_write(target, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.slow
def test_a_killed_writer_never_leaves_a_torn_file(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    for lines in (1, 2, 5, 9):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(target)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(lines):
            writer.stdout.readline()
        writer.kill()
        writer.communicate()
        found = target.read_bytes()
        assert found in (b"a" * 200_000, b"b" * 200_000)


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "run.json"
    victim.write_bytes(b"theirs")
    target.symlink_to(victim)
    atomic_write(target, b"ours")
    assert victim.read_bytes() == b"theirs"
    assert not target.is_symlink()


@pytest.mark.slow
def test_a_lock_that_another_process_holds_is_not_given(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    mine = FileLock(tmp_path / "lock")
    assert not mine.acquire("me")
    assert mine.holder() == "the other"


@pytest.mark.slow
def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.communicate()
    mine = FileLock(tmp_path / "lock")
    assert mine.acquire("me")
    assert mine.holder() == "me"


def test_two_holders_in_one_process_exclude_each_other_until_release(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire("first")
    assert not second.acquire("second")
    first.release()
    first.release()
    assert second.acquire("second")
    second.release()
    assert second.holder() == ""


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        FileLock(tmp_path / "lock").acquire("me")


def test_a_new_private_directory_is_for_us_alone(tmp_path: Path) -> None:
    made = private_directory(tmp_path / "state" / "runs")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert private_directory(made) == made


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722])
def test_a_directory_where_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    open_to_all = tmp_path / "state"
    open_to_all.mkdir()
    open_to_all.chmod(mode)
    with pytest.raises(UpgradeError) as refused:
        private_directory(open_to_all)
    assert (refused.value.code, refused.value.exit_code) == ("UPG-0503", Exit.CONFIG)
    assert f"{mode:04o}" in refused.value.what[0]


def test_a_link_or_a_file_is_no_private_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("")
    for place in ("link", "file"):
        with pytest.raises(UpgradeError, match="UPG-0503"):
            private_directory(tmp_path / place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 12345, 12345)
    with pytest.raises(UpgradeError, match="UPG-0503") as refused:
        private_directory(theirs)
    assert "12345" in refused.value.what[0]


def test_appended_pieces_are_in_order_and_survive_a_new_opening(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    with Appender(place) as journal:
        journal.append(b"one\n")
        journal.append(b"two\n")
    with Appender(place) as journal:
        journal.append(b"three\n")
    assert place.read_bytes() == b"one\ntwo\nthree\n"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_after_one_failed_append_nothing_more_is_accepted() -> None:
    journal = Appender(Path("/dev/full"))
    for expected in ("No space", "earlier write"):
        with pytest.raises(OSError, match=expected):
            journal.append(b"lost\n")
    journal.close()
    journal.close()
