"""What happens while a question is open."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable

import pytest

from tests.cli.conftest import Desk
from tests.cli.test_prompts import UPGRADE, _own_terminal, _read
from upgrader.model.kinds import LEASE

pytestmark = [pytest.mark.slow]
QUESTION = "Only yes will do"


def asked(desk: Desk, meanwhile: Callable[[], None]) -> tuple[int, str]:
    """Plan and apply at a terminal; *meanwhile* happens while the question is open, then somebody says yes."""
    ours, theirs = pty.openpty()
    places = {
        "KUBECONFIG": str(desk.place / "kubeconfig"),
        "UPGRADER_STATE": str(desk.place / "runs"),
        "TERM": "dumb",
    }
    words = ["apply", "--to", "1.28", "--playbook", str(desk.swift())]
    process = subprocess.Popen(
        [str(UPGRADE), *words], cwd=desk.place, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, preexec_fn=_own_terminal, env=os.environ | places,  # noqa: PLW1509
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    while QUESTION not in shown and (piece := _read(ours)):
        shown += piece
    meanwhile()
    os.write(ours, b"yes\n")
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    return process.wait(), shown


def test_a_mesh_that_changed_meanwhile_makes_the_answer_worthless(desk: Callable[..., Desk]) -> None:
    shop = desk()

    def join() -> None:
        shop.world.local("ana", "kubectl").patch(
            "/api/v1/namespaces/monitoring",
            b'{"metadata":{"labels":{"istio.io/rev":"prod"}}}',
            "application/merge-patch+json",
        )

    code, shown = asked(shop, join)

    assert code == 4, shown
    assert "UPG-0401" in shown
    assert "monitoring" in shown
    assert shop.writes() == []


def test_no_lock_is_held_while_the_question_is_open(desk: Callable[..., Desk]) -> None:
    shop = desk()
    seen: list[object] = []

    def look() -> None:
        seen.extend(shop.world.store.list(LEASE.group, LEASE.resource, "istio-upgrade"))
        seen.extend(shop.writes())
        shop.world.api.rbac.deny("admin", verbs=["create"], resources=["namespaces"])

    code, shown = asked(shop, look)

    assert seen == []
    assert (code, "UPG-0302" in shown) == (77, True), shown
