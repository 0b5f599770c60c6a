"""What a plan says of its restarts, to people of large meshes too: the worst by name, the others by number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.checks.objects import thing
from tests.meshes import Mesh, mesh
from tests.planning.planned import plan
from upgrader.checks.restarts.restart import Range
from upgrader.planning.outlook.expected import Outlook
from upgrader.planning.plan import Plan
from upgrader.report.outlook.blocks import restarts_text, times_text
from upgrader.report.outlook.classes import basis_lines, classes
from upgrader.report.plan.markdown import plan_markdown
from upgrader.report.plan.text import plan_text
from upgrader.report.style import Style


def large(sets: int = 30, **fields: Any) -> Mesh:
    made = mesh().plane("1.27.9").namespace("shop", rev="1-27-9").deployment("shop/cart", proxies=3)
    for number in range(sets):
        made.stateful_set(f"shop/db-{number:02d}", proxies=1, **fields)
    return made.stateful_set("shop/slow", replicas=1).pods_of("shop/slow", 1, on="1-27-9", ready_after=300)


def made() -> Plan:
    return plan(large(), "1.28.10")


def seconds(low: float, high: float) -> Range:
    return Range(timedelta(seconds=low), timedelta(seconds=high))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_worst_of_many_come_first_and_by_name_and_the_others_are_counted() -> None:
    found = flat(restarts_text(made(), Style()))
    assert (
        "outage 31 no pod ready for a while: shop/slow (StatefulSet with RollingUpdate, 1 pod): none ready for 5-6 min"
        in found
    )
    assert "and 28 more" in found
    assert found.count("shop/db-") == 2
    assert "steady 1 as many pods ready as now" in found
    assert len(restarts_text(made(), Style()).splitlines()) <= 12


def test_the_wide_form_names_more_and_tells_the_time_of_each_wave() -> None:
    assert flat(restarts_text(made(), Style(), wide=True)).count("shop/db-") == 19
    text = plan_text(made(), Style(), wide=True)
    assert "slowest restart" in text
    assert "StatefulSet shop/slow" in times_text(made(), Style())


def test_for_a_voice_it_is_one_fact_a_line() -> None:
    lines = restarts_text(made(), Style(accessible=True)).splitlines()
    assert lines[0].startswith("Restarts: 32 workloads")
    assert lines[1].startswith("outage, 31: no pod ready for a while")
    assert times_text(made(), Style(accessible=True)).startswith("Time of hop 1, wave backup: ")


def test_a_review_sees_the_worst_moment_the_classes_and_what_the_time_rests_on() -> None:
    text = plan_markdown(made())
    assert (
        "**Worst moment:** `shop/slow` (StatefulSet with RollingUpdate, 1 pod): none ready for 5-6 min"
        in text
    )
    assert "| outage | 31 | no pod ready for a while |" in text
    assert "- seen: 1 pod of 1 workload took 300 s from creation until ready" in text
    assert "- unknown: " in text


def test_what_matters_beside_the_classes_is_said_with_its_objects() -> None:
    target = {"kind": "Deployment", "name": "cart"}
    body = {"spec": {"scaleTargetRef": target, "maxReplicas": 4}, "status": {"currentReplicas": 4}}
    tight = mesh().plane("1.27.9").namespace("shop", rev="1-27-9").deployment("shop/cart", proxies=4)
    tight.budget("shop/cart", {"app": "cart"}, min_available="4").unread("resourcequotas", optional=True)
    found = flat(
        restarts_text(
            plan(tight.having(documents=(thing("HorizontalPodAutoscaler", "shop/cart", body),)), "1.28.10"),
            Style(),
        )
    )
    assert (
        "1 with fewer pods than a PodDisruptionBudget wants to stay; restarts are not held back by budgets: shop/cart"
        in found
    )
    assert "1 with an autoscaler that is at its maximum" in found
    assert "nodes were not read" in found
    assert "unknown: resourcequotas: forbidden" in found


def test_a_plan_that_restarts_nothing_says_nothing() -> None:
    nothing = plan(mesh().plane("1.27.9"), "1.28.10")
    assert restarts_text(nothing, Style()) == ""
    assert classes(Outlook()) == []


def test_the_basis_is_one_line_for_each_source() -> None:
    sources = [line.partition(":")[0] for line in basis_lines(made())]
    assert sources == ["seen", "assumed", "read", "playbook", "unknown"]


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (seconds(20, 20), "20 s"),
        (seconds(20, 119), "20-119 s"),
        (seconds(21, 150), "21 s to 3 min"),
        (seconds(60, 150), "1-3 min"),
        (seconds(300, 300), "5 min"),
        (seconds(600, 3900), "10 min to 1 h 05 min"),
        (seconds(7200, 7260), "2 h 00 min to 2 h 01 min"),
    ],
)
def test_a_range_is_told_in_the_unit_that_fits(span: Range, words: str) -> None:
    assert str(span) == words
