"""Exit codes: each where it belongs, and commands that look never write."""

from __future__ import annotations

import json
from collections.abc import Callable

import jinja2
import pytest

from tests.cli.conftest import Desk
from upgrader.cli.commands.look import explain
from upgrader.sandbox.serving.life import Life
from upgrader.sandbox.store import Event

Desks = Callable[..., Desk]


@pytest.mark.slow
def test_looking_changes_nothing(desk: Desks) -> None:
    shop = desk()
    plan = str(shop.plan("--to", "1.28"))
    looks = [
        ["check"],
        ["show", plan],
        ["verify"],
        ["versions"],
        ["explain", "UPG-0201"],
        ["plan", "-o", "wide"],
    ]
    for words in looks:
        assert shop.type(*words).code == 0, words
    for words in (["status"], ["report"]):
        assert shop.type(*words).code == 64, words
    assert shop.writes() == []


@pytest.mark.slow
def test_a_rehearsal_on_the_server_sends_nothing_that_is_stored(desk: Desks) -> None:
    shop = desk()
    said = shop.type("apply", str(shop.plan("--to", "1.28")), "--dry-run")
    assert said.code == 0, said.text
    asked = [e for e in shop.world.audit.entries if e.agent.startswith("upgrade") and e.method != "GET"]
    assert shop.writes() == []
    assert any(e.method in {"POST", "PATCH"} for e in asked)
    assert not (shop.place / "runs").exists()


@pytest.mark.slow
def test_a_detailed_exit_code_tells_work_from_none(desk: Desks) -> None:
    shop = desk()
    assert shop.type("plan", "--to", "1.28", "--detailed-exitcode").code == 2
    assert shop.type("plan", "--path", "1.29", "--detailed-exitcode").code == 3


@pytest.mark.slow
def test_advisories_block_where_that_was_asked_for(desk: Desks) -> None:
    shop = desk()
    assert shop.type("check", "--to", "1.28").code == 0
    assert shop.type("check", "--to", "1.28", "--fail-on", "advisory").code == 3


@pytest.mark.slow
def test_a_mesh_that_is_not_as_it_should_be_fails_verification(desk: Desks) -> None:
    said = desk("hostile").type("verify")
    assert said.code == 5
    assert "BROKEN" in said.out


@pytest.mark.parametrize("fault", [jinja2.TemplateNotFound("x"), KeyError("x"), AssertionError()])
def test_a_fault_of_ours_is_called_one(
    desk: Desks, monkeypatch: pytest.MonkeyPatch, tmp_path: object, fault: Exception
) -> None:
    def broken(_: str) -> str:
        raise fault

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(explain, "page", broken)
    said = desk().type("explain", "UPG-0001")
    assert said.code == 1
    assert "error UPG-0902" in said.err
    assert "fault of ours" in said.err
    assert "Traceback" not in said.text


@pytest.mark.parametrize("form", ["text", "json", "yaml", "jsonl"])
def test_the_exit_code_is_the_same_in_every_format(desk: Desks, form: str) -> None:
    said = desk().type("apply", "--to", "1.28", "-o", form)
    assert said.code == 64
    assert "\x1b" not in said.text


@pytest.mark.slow
def test_an_event_stream_counts_on_after_a_resume_without_gap_or_repeat(desk: Desks) -> None:
    shop = desk()
    plan = str(shop.plan("--to", "1.28"))
    events = shop.place / "events.jsonl"
    with Life(shop.world, 100.0):
        said = shop.type("apply", plan, "--until", "canary", "--events", str(events))
        assert said.code == 0, said.text
        assert shop.type("resume", "--gate-wait", "0", "--events", str(events)).code == 10
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [*range(1, len(lines) + 1)]
    assert [line["type"] for line in lines].count("stream.end") == 2
    assert shop.type("apply", plan).code == 4


def _refuse_once_locked(shop: Desk, event: Event) -> None:
    """The right is taken away after it was asked about: when the lock is taken."""
    if event.key[1] == "leases" and not shop.world.api.rbac.denials:
        shop.world.api.rbac.deny("admin", verbs=["patch"], resources=["deployments"])


@pytest.mark.slow
def test_a_step_that_is_refused_ends_with_six_and_says_whether_it_may_stay_so(desk: Desks) -> None:
    shop = desk()
    plan = str(shop.plan("--to", "1.28"))
    with Life(shop.world, 100.0):
        assert shop.type("apply", plan, "--until", "canary").code == 0
        shop.world.store.subscribe(lambda event: _refuse_once_locked(shop, event))
        said = shop.type("resume")
    assert said.code == 6, said.text
    assert "Safe to leave like this: yes" in said.err
    assert "upgrade resume r-" in said.err


@pytest.mark.parametrize("way", ["edited", "cut"])
@pytest.mark.slow
def test_a_journal_that_was_tampered_with_is_not_followed(desk: Desks, way: str) -> None:
    shop = desk()
    with Life(shop.world, 100.0):
        assert shop.type("apply", str(shop.plan("--to", "1.28")), "--until", "h1.02").code == 0
    (journal,) = (shop.place / "runs").glob("*/journal.jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    middle = len(lines) // 2
    changed = lines[middle].replace("h1.", "h2.") if way == "edited" else ""
    journal.write_text("".join([*lines[:middle], changed, *lines[middle + 1 :]]))
    before = shop.writes()
    said = shop.type("resume")
    assert said.code == 65, said.text
    assert "error UPG-0502" in said.err
    assert shop.writes() == before


def test_a_rehearsal_asks_the_server_and_changes_nothing(desk: Callable[..., Desk]) -> None:
    shop = desk()
    seen = len(shop.world.audit.entries)
    said = shop.type("apply", "--to", "1.29", "--dry-run=server")
    assert said.code == 0, said.text
    ours = [e for e in shop.world.audit.entries[seen:] if e.method != "GET" and e.agent.startswith("upgrade")]
    asked = [e for e in ours if "selfsubject" not in e.path]
    assert asked
    assert all(e.dry_run for e in asked)
    assert shop.writes() == []
