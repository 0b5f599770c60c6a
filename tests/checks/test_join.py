from __future__ import annotations

from typing import Any

import pytest

from upgrader.checks.join import joined
from upgrader.model.finding import Finding, Severity

GRAVE, MILD = Severity.BLOCKED, Severity.ADVISORY


def said(summary: str, severity: Severity = GRAVE, **fields: Any) -> Finding:
    settings: dict[str, Any] = {
        "code": "UPG-0201",
        "subject": "shop/cart",
        "objects": (summary,),
        "do": ("mend",),
    }
    return Finding(summary=summary, severity=severity, **(settings | fields))


def test_two_findings_about_one_thing_are_one() -> None:
    [one] = joined([said("a", what=("x",)), said("b", what=("y",))])
    assert one.summary == "a"
    assert one.what == ("x", "b", "y")
    assert one.objects == ("a", "b")
    assert one.do == ("mend",)


@pytest.mark.parametrize("field", [{"subject": "shop/other"}, {"code": "UPG-0202"}, {"hop": 2}])
def test_findings_about_different_things_stay_apart_and_in_order(field: dict[str, Any]) -> None:
    assert [f.summary for f in joined([said("a"), said("b", **field), said("c")])] == ["a", "b"]


@pytest.mark.parametrize(
    ("first", "second", "speaks"), [(MILD, GRAVE, "b"), (GRAVE, MILD, "a"), (MILD, MILD, "a")]
)
def test_the_graver_one_speaks(first: Severity, second: Severity, speaks: str) -> None:
    [one] = joined([said("a", first), said("b", second)])
    assert one.summary == speaks
    assert one.severity is (GRAVE if GRAVE in {first, second} else MILD)


@pytest.mark.parametrize(
    ("first", "second", "allowable"),
    [
        ({"allowable": True}, {"allowable": True}, True),
        ({"allowable": True}, {"allowable": False}, False),
        ({"allowable": False}, {"allowable": True}, False),
        ({"allowable": True}, {"severity": MILD}, True),
    ],
)
def test_an_exception_must_be_possible_for_all_that_blocks(
    first: dict[str, Any], second: dict[str, Any], allowable: bool
) -> None:
    [one] = joined([said("a", **first), said("b", **second)])
    assert one.allowable is allowable
