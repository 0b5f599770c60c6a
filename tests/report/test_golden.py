"""What reviewers, chats and scripts get of the shop, word for word."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.report.conftest import Run
from upgrader.cli.commands.look import check as checking
from upgrader.cli.commands.look import status as asking
from upgrader.engine.keeping.folder import RunFolder
from upgrader.model.codec import pretty
from upgrader.planning.plan import Plan
from upgrader.report.fitting import Typed
from upgrader.report.plan.document import plan_document
from upgrader.report.plan.markdown import plan_markdown
from upgrader.report.run.report import run_document, run_markdown
from upgrader.report.run.status import Status, status_text
from upgrader.report.style import Style

pytestmark = pytest.mark.slow
Golden = Callable[[str, str], None]
STYLE = Style()


def test_the_plan_in_a_change_review(shop: Plan, golden: Golden) -> None:
    golden("shop-plan.md", plan_markdown(shop, made_file="plan.json", banner="PRODUCTION"))


def test_the_plan_for_scripts(shop: Plan, golden: Golden) -> None:
    golden("shop-plan.json", json.dumps(_first_ones(json.loads(plan_document(shop))), indent=1))


def _first_ones(value: Any) -> Any:
    """A document whose lists end after their second element, which is enough to see its form."""
    if isinstance(value, dict):
        return {key: _first_ones(one) for key, one in value.items()}
    if isinstance(value, list):
        return [*map(_first_ones, value[:2]), *([f"and {len(value) - 2} more"] if len(value) > 2 else [])]
    return value


def test_a_plan_with_much_in_its_way_in_a_change_review(hostile: Plan, golden: Golden) -> None:
    golden("hostile-plan.md", plan_markdown(hostile, made_file="plan.json"))


def test_what_is_found_for_a_chat(shop: Plan, hostile: Plan, golden: Golden) -> None:
    golden("shop-check-short.txt", checking._short(shop, STYLE))
    golden("hostile-check-short.txt", checking._short(hostile, STYLE))


def test_the_status_of_a_run_whose_process_was_killed(run: Run, golden: Golden) -> None:
    folder = RunFolder(run.dead.place / "runs" / run.folder.run)
    progress = asking._progress(folder)
    found = Status(folder.run, progress, asking._live(run.dead.connection(), folder, progress))
    golden("shop-status-killed.txt", status_text(found, STYLE, Typed(), next_commands=True))


def test_the_report_of_the_run(run: Run, golden: Golden) -> None:
    plan = run.folder.plan()
    golden("shop-report.md", run_markdown(plan, None, run.events, run.folder.run))
    document = pretty(run_document(plan, None, run.events, run.folder.run))
    golden("shop-report.json", json.dumps(_first_ones(json.loads(document)), indent=1))
