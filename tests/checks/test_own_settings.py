"""What an istiod decides by its own selectors and policy, and whether the next one decides so too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.meshes import Mesh, mesh
from upgrader.model.finding import Severity
from upgrader.model.injection import Istiods
from upgrader.model.injector import InjectorSettings
from upgrader.model.installing import Configured
from upgrader.model.kinds import CRON_JOB

OLD, NEW = "1-27-9", "1-28-10"
JOBS = ({"matchLabels": {"batch": "yes"}},)
CARTS = ({"matchLabels": {"app": "cart"}},)
NEVER_JOBS, NEVER_CARTS = InjectorSettings(never=JOBS), InjectorSettings(never=CARTS)


def istiod(settings: InjectorSettings, version: str = "1.28.10") -> Istiods:
    return Istiods({NEW: version}, {NEW: settings})


@pytest.mark.parametrize(
    ("settings", "labels", "why"),
    [
        (InjectorSettings(), {}, ""),
        (NEVER_JOBS, {"app": "cart"}, ""),
        (NEVER_JOBS, {"batch": "yes"}, "neverInjectSelector of istiod 1-28-10 matches"),
        (InjectorSettings(never=JOBS, always=JOBS), {"batch": "yes"}, "neverInjectSelector of istiod 1-28-10 matches"),
        (NEVER_JOBS, {"batch": "yes", "sidecar.istio.io/inject": "true"}, ""),
        (NEVER_JOBS, {"batch": "no", "sidecar.istio.io/inject": "false"}, "sidecar.istio.io/inject='false' opts out"),
        (InjectorSettings(policy="disabled"), {}, "policy of istiod 1-28-10 is disabled, and nothing asks for a sidecar"),
        (InjectorSettings(policy="disabled"), {"sidecar.istio.io/inject": "true"}, ""),
        (InjectorSettings(policy="disabled", always=JOBS), {"batch": "yes"}, ""),
        (InjectorSettings(policy="Enabled"), {}, "policy 'Enabled' of istiod 1-28-10 injects nothing"),
        (InjectorSettings(policy="", always=JOBS), {"batch": "yes"}, "policy '' of istiod 1-28-10 injects nothing"),
        (
            InjectorSettings(policy="off"),
            {"sidecar.istio.io/inject": "true"},
            "policy 'off' of istiod 1-28-10 injects nothing",
        ),
    ],
)  # fmt: skip
def test_istiod_asks_the_pod_then_never_then_always_then_its_policy(
    settings: InjectorSettings, labels: dict[str, str], why: str
) -> None:
    assert istiod(settings).refusal(NEW, labels, {}) == why


def test_a_word_that_says_nothing_since_1_27_leaves_it_to_the_selectors_and_before_it_did_not() -> None:
    labels = {"batch": "yes", "sidecar.istio.io/inject": "yes"}
    assert istiod(NEVER_JOBS, "1.26.8").refusal(NEW, labels, {}) == ""
    assert istiod(NEVER_JOBS).refusal(NEW, labels, {}) == "neverInjectSelector of istiod 1-28-10 matches"


def bound(settings: InjectorSettings | None = None) -> Mesh:
    """A namespace of the old revision, which has *settings*."""
    made = mesh().plane("1.27.9").namespace("shop", rev=OLD)
    return made.having(injector_settings={OLD: settings} if settings else {})


def rendered(settings: InjectorSettings | None, version: str = "1.28.10") -> dict[str, Any]:
    return {version: Configured(revision=version.replace(".", "-"), injecting=settings)}


def test_a_workload_that_the_new_istiod_alone_refuses_loses_its_sidecar() -> None:
    made = bound().deployment("shop/cart", proxies=2).deployment("shop/web", proxies=2)
    found = blocks(made, "0306", "shop/cart", configured=rendered(NEVER_CARTS))
    assert found.summary.endswith("its next pods would lose their sidecar")
    assert found.what == ("neverInjectSelector of istiod 1-28-10 matches",)
    assert '"labels":{"sidecar.istio.io/inject":"true"}' in found.do[1]
    assert (found.hop, found.allowable) == (1, False)


def test_selectors_that_both_have_or_that_match_nobody_are_no_finding() -> None:
    silent(bound(NEVER_CARTS).deployment("shop/cart"), "0306", configured=rendered(NEVER_CARTS))
    silent(bound().deployment("shop/cart", proxies=1), "0306", configured=rendered(NEVER_JOBS))
    asks = {"sidecar.istio.io/inject": "true"}
    silent(bound().deployment("shop/cart", template=asks), "0306", configured=rendered(NEVER_CARTS))


def test_manifests_that_nobody_read_say_nothing() -> None:
    made = bound(NEVER_CARTS).deployment("shop/cart")
    silent(made, "0306")
    silent(made, "0306", configured=rendered(None))


def test_a_workload_that_the_old_istiod_alone_refused_would_get_a_sidecar_and_somebody_may_want_that() -> (
    None
):
    found = blocks(
        bound(NEVER_CARTS).deployment("shop/cart"),
        "0306",
        "shop/cart",
        configured=rendered(InjectorSettings()),
    )
    assert found.summary.endswith("its next pods would get a sidecar, which they do not have now")
    assert found.what == ("neverInjectSelector of istiod 1-27-9 matches",)
    assert '"labels":{"sidecar.istio.io/inject":"false"}' in found.do[1]
    assert found.allowable


def test_a_cron_job_is_patched_where_its_pods_are_described() -> None:
    made = bound(NEVER_CARTS).workload(CRON_JOB, "shop/cart")
    found = blocks(made, "0306", "shop/cart", configured=rendered(InjectorSettings()))
    assert '{"spec":{"jobTemplate":{"spec":{"template":{"metadata"' in found.do[1]


def test_a_policy_that_injects_only_what_asks_is_told_for_everybody_who_does_not_ask() -> None:
    made = bound().deployment("shop/cart", proxies=1).deployment("shop/web", proxies=1)
    made = made.deployment("shop/loud", proxies=1, template={"sidecar.istio.io/inject": "true"})
    found = said(made, "0306", configured=rendered(InjectorSettings(policy="disabled")))
    assert [f.subject for f in found] == ["shop/cart", "shop/web"]


def test_no_label_helps_against_a_policy_that_istiod_does_not_know() -> None:
    made = bound().deployment("shop/cart", proxies=1)
    found = blocks(made, "0306", "shop/cart", configured=rendered(InjectorSettings(policy="")))
    assert not any("kubectl" in line for line in found.do)


def test_the_hop_that_brings_it_is_named_and_it_is_said_once() -> None:
    path = "1.27.9 1.28.10 1.29.6"
    both = rendered(InjectorSettings()) | rendered(NEVER_CARTS, "1.29.6")
    made = bound().deployment("shop/cart", proxies=1)
    assert blocks(made, "0306", "shop/cart", path, configured=both).hop == 2
    both = rendered(NEVER_CARTS) | rendered(NEVER_CARTS, "1.29.6")
    assert blocks(made, "0306", "shop/cart", path, configured=both).hop == 1


def test_what_stays_with_its_namespace_asks_the_old_istiod_still_and_what_stays_alone_does_not() -> None:
    made = bound().deployment("shop/cart", proxies=1)
    told = rendered(NEVER_CARTS)
    silent(made, "0306", configured=told, excluded=("shop",))
    blocks(made, "0306", "shop/cart", configured=told, excluded=("shop/cart",))
    own = (
        mesh()
        .plane("1.27.9")
        .namespace("free")
        .deployment("free/cart", proxies=1, template={"istio.io/rev": OLD})
    )
    blocks(own, "0306", "free/cart", configured=told)
    silent(own, "0306", configured=told, excluded=("free/cart",))


def test_two_revisions_inject_one_pod_only_where_neither_refuses_it() -> None:
    made = mesh().plane("1.27.9", "default").plane("1.28.10").tag("default", NEW)
    made = made.namespace("shop", injection="enabled")
    assert said(made, "0320")
    refusing = InjectorSettings(policy="disabled")
    silent(made.having(injector_settings={NEW: refusing}), "0320")


def test_a_run_of_a_cron_job_that_istiod_never_injects_holds_no_revision() -> None:
    made = bound().workload(CRON_JOB, "shop/cart")
    assert advises(made, "0312", "shop/cart").severity is Severity.ADVISORY
    silent(made.having(injector_settings={OLD: NEVER_CARTS}), "0312")
