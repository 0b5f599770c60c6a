"""What people see, as it was approved: `pytest tests/report --regold` approves it anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from upgrader.planning.plan import Plan
from upgrader.report.fitting import Typed
from upgrader.report.plan.findings import findings_text
from upgrader.report.plan.text import plan_text, saved_text
from upgrader.report.style import Style

Golden = Callable[..., None]
Planned = Callable[..., Plan]
pytestmark = pytest.mark.slow
WORDS = Typed("upgrade", " --context sandbox")


def screen(plan: Plan, style: Style, *, wide: bool = False) -> str:
    told = plan_text(plan, style, wide=wide, typed=WORDS)
    return f"{told}\n{saved_text(plan, 'plan.json', style, WORDS)}"


def test_the_plan_of_two_hops(planned: Planned, golden: Golden) -> None:
    golden("plan.txt", screen(planned(to="1.29"), Style()))


def test_the_plan_with_every_step(planned: Planned, golden: Golden) -> None:
    golden("plan-wide.txt", screen(planned(to="1.29"), Style(), wide=True))


def test_the_plan_on_a_narrow_terminal_in_ascii(planned: Planned, golden: Golden) -> None:
    golden("plan-60.txt", screen(planned(to="1.29"), Style(ascii=True, width=60)))


def test_the_plan_for_a_voice(planned: Planned, golden: Golden) -> None:
    golden("plan-accessible.txt", screen(planned(to="1.29"), Style(accessible=True, width=10_000)))


def test_a_mesh_with_everything_wrong(planned: Planned, golden: Golden) -> None:
    golden("hostile.txt", screen(planned("hostile"), Style()))


def test_what_is_found_in_a_mesh_that_is_not_fit_to_move(planned: Planned, golden: Golden) -> None:
    plan = planned("stale-gateway")
    golden("check.txt", findings_text(plan.findings, plan.checks, Style(), typed=WORDS))


def test_a_mesh_without_revisions(planned: Planned, golden: Golden) -> None:
    golden("legacy.txt", screen(planned("legacy"), Style()))


def test_a_cluster_without_istio(planned: Planned, golden: Golden) -> None:
    golden("empty.txt", screen(planned("empty"), Style()))
