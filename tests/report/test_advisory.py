"""An advisory as a page."""

from __future__ import annotations

from typing import Any

from tests.checks.advisories.asking import advice
from upgrader.report.advisory import advisory_page, counts, way

FIRST: dict[str, Any] = {
    "kind": "Gateway.networking.istio.io",
    "path": "spec.servers[*]",
    "where": [{"path": "port.number", "equals": 22}],
}


def test_the_page_says_everything_that_the_catalog_knows() -> None:
    found: list[dict[str, Any]] = [
        FIRST
        | {
            "namespace": "shop",
            "selector": "app=x",
            "unless": [{"kind": "IstiodEnv", "path": "X", "equals": True}],
        },
        {"kind": "Workload", "injected": True, "path": "spec.a", "exists": False},
        {
            "kind": "Node",
            "path": "v",
            "below": "1.33",
            "also": [{"kind": "Service", "name": "a*", "path": "b", "empty": True}],
        },
        {"check": "duplicate_subsets"},
    ]
    page = advisory_page(advice(*found, revert="PILOT_X=true", ask="Is it?", certain=True))
    for words in (
        "# 1.28-port-22: Port 22 is closed",
        "breaking: something stops working; traffic. It arrives with Istio 1.28.",
        "It was open.",
        "Any of these proves it:",
        "- Gateway.networking.istio.io in namespace `shop` labelled `app=x`: `spec.servers[*]` is there",
        ", and in it `port.number` is `22` (`kubectl get gateway.networking.istio.io -A -o yaml`)",
        "; unless IstiodEnv: `X` is `true`",
        "- Workload with a sidecar: no `spec.a`",
        "- Node: `v` is a version before `1.33` (`kubectl get node -A -o yaml`); and Service called `a*`: `b` is empty",
        "- what the check `duplicate_subsets` finds",
        "`--answer 1.28-port-22=no` or `=yes`: Is it?",
        "- open it",
        "PILOT_X=true",
        "- `istio/istio 1.28.0 somewhere`",
        "Compared with them on 2026-11-01.",
    ):
        assert words in page


def test_what_is_not_known_has_no_heading() -> None:
    page = advisory_page(advice(undetectable="it is about istioctl"))
    assert "nobody is asked: it is about istioctl" in page
    assert "keeps the old behaviour" not in page


def test_every_advisory_is_dealt_with_in_one_way() -> None:
    seen, asked, explained = advice(FIRST, ask="Is it?"), advice(ask="Is it?"), advice(undetectable="x")
    assert [way(one) for one in (seen, asked, explained)] == ["detector", "question", "explained"]
    assert counts([seen, asked, asked]) == {"detector": 1, "question": 2, "explained": 0}
