"""Questions: asked at a terminal only, no by default, and only the whole answer counts."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from upgrader.sandbox.serving.life import Life

pytestmark = [pytest.mark.slow]
UPGRADE = Path(sys.executable).with_name("upgrade")
CTRL_C, CTRL_D = "\x03", "\x04"


def typed(desk: Desk, answers: dict[str, str], *words: str) -> tuple[int, str]:
    """Run at a terminal; after each text that appears, type what belongs to it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(UPGRADE), *words],
        cwd=desk.place, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=_own_terminal,  # noqa: PLW1509  a terminal is only had from within
        env=os.environ | {"KUBECONFIG": str(desk.place / "kubeconfig"), "UPGRADER_STATE": str(desk.place / "runs"), "TERM": "dumb"},
    )  # fmt: skip
    os.close(theirs)
    shown, left = "", dict(answers)
    while piece := _read(ours):
        shown += piece
        for text in [text for text in left if text in shown]:
            os.write(ours, left.pop(text).encode())
    os.close(ours)
    return process.wait(), shown.replace("\r\n", "\n")


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("answer", ["\n", "no\n", "y\n", "YES please\n", CTRL_C, CTRL_D])
def test_anything_but_yes_in_full_starts_nothing(desk: Callable[..., Desk], answer: str) -> None:
    shop = desk()
    playbook = ["--playbook", str(shop.swift())]
    code, shown = typed(shop, {"Only yes will do": answer}, "apply", "--to", "1.28", *playbook)
    assert code == 8, shown
    assert "error UPG-0013: not started" in shown
    assert "Nothing was changed" in shown
    assert "Context    sandbox" in shown
    assert shop.writes() == []
    assert not (shop.place / "runs").exists()


def test_yes_starts_and_the_retire_gate_takes_only_the_name(desk: Callable[..., Desk]) -> None:
    shop = desk()
    playbook = ["--playbook", str(shop.swift())]
    with Life(shop.world, 100.0):
        code, shown = typed(
            shop,
            {"Only yes will do": "yes\n", "anything else waits here": "yes\n"},
            "apply",
            "--to",
            "1.28",
            *playbook,
        )
        assert code == 10, shown
        assert "nothing was approved" in shown
        code, shown = typed(shop, {"anything else waits here": "1-27-9\n"}, "resume")
    assert code == 0, shown
    assert "Done" in shown
