"""Who injects a pod: the sandbox's admission and the product's resolver, side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from upgrader.sandbox.errors import ApiError

if TYPE_CHECKING:
    from tests.sandbox.istio.conftest import Bench

INJECT, REV, OLD = "sidecar.istio.io/inject", "istio.io/rev", "istio-injection"
DATA = os.environ.get("UPGRADER_TEST_DATA", "")
CASES: dict[str, Any] = {"worlds": {}, "cases": []}
if DATA:
    CASES = yaml.safe_load((Path(DATA) / "injection_cases.yaml").read_text())


@pytest.mark.skipif(not DATA, reason="UPGRADER_TEST_DATA is not set, so the recorded cases are not there")
@pytest.mark.parametrize("case", CASES["cases"], ids=[case["id"] for case in CASES["cases"]])
def test_a_recorded_case_has_the_same_answer_in_admission_and_in_the_resolver(
    bench: Bench, case: dict[str, Any]
) -> None:
    world = CASES["worlds"][case["world"]]
    version = f"{case.get('serving_version', '1.30')}.3"
    for config in world:
        bench.injector(config)
        bench.istiod(config["rev"], version)
    namespace = case.get("namespace", "app")
    bench.namespace(namespace, case.get("ns", {}))
    pod = bench.pod(case.get("pod", {}), case.get("ann", {}))
    expected = {"none": "", "conflict": case.get("last", "")}.get(case["expect"], case["expect"])
    revisions, winner = bench.resolved(namespace, pod)
    assert winner == expected
    assert (len(revisions) > 1) == (case["expect"] == "conflict")
    assert bench.injected_by(namespace, pod) == expected


def test_all_recorded_cases_are_there() -> None:
    if not DATA:
        pytest.skip("UPGRADER_TEST_DATA is not set, so the recorded cases are not there")
    assert len(CASES["cases"]) == 32


_REVISIONS = {"default": "1.26.8", "1-26": "1.26.8", "1-28": "1.28.10"}
_OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "in"]
_WORDS = st.sampled_from(["true", "false", "", "no", "False", "yes", "on", "y", "TRUE", "disabled"])
_KEYS = st.sampled_from(["default", "1-26", "1-28", "prod", "gone", ""])


def _labels(pairs: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=pairs)


_TAG = st.fixed_dictionaries(
    {"rev": st.sampled_from(sorted(_REVISIONS)), "tag": st.sampled_from(["prod", "default"])},
    optional={"auto": st.booleans(), "deactivated": st.booleans()},
)
_OWN = st.fixed_dictionaries(
    {"rev": st.sampled_from(sorted(_REVISIONS))},
    optional={"auto": st.booleans(), "deactivated": st.booleans()},
)


_TERMS = st.fixed_dictionaries(
    {"key": st.sampled_from(["app", "team", INJECT, "no good/"]), "operator": st.sampled_from(_OPERATORS)},
    optional={"values": st.lists(st.sampled_from(["a", "b", "-"]), max_size=2)},
)
_USUAL = st.sampled_from(
    [
        {"matchLabels": {"app": "a"}},
        {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a", "b"]}]},
    ]
)
_SELECTORS = st.lists(
    _USUAL
    | st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.dictionaries(
                st.sampled_from(["app", "team"]), st.sampled_from(["a", "b", "-"])
            ),
            "matchExpressions": st.lists(_TERMS, max_size=2),
        },
    ),
    max_size=2,
)
_CONFIG = st.fixed_dictionaries(
    {"templates": st.just({"sidecar": "x"})},
    optional={
        "policy": st.sampled_from(["enabled", "enabled", "disabled", "off", ""]),
        "neverInjectSelector": _SELECTORS,
        "alwaysInjectSelector": _SELECTORS,
    },
)
_CONFIGS = st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(_REVISIONS), _CONFIG))
_OWN_LABELS = {"app": st.sampled_from("abc"), "team": st.sampled_from("abc")}


def _named(config: dict[str, Any]) -> dict[str, Any]:
    tag, rev = config.get("tag", ""), config["rev"]
    suffix = "" if rev == "default" else f"-{rev}"
    name = f"istio-revision-tag-{tag}" if tag else f"istio-sidecar-injector{suffix}"
    return config | {"name": name, "key": tag or rev, "default": (tag or rev) == "default"}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    configs=st.lists(st.one_of(_OWN, _TAG).map(_named), max_size=5),
    namespace=st.sampled_from(["app", "kube-system"]),
    ns=_labels({OLD: st.sampled_from(["enabled", "disabled", ""]), REV: _KEYS}),
    settled=_CONFIGS,
    labels=_labels({INJECT: _WORDS, REV: _KEYS} | _OWN_LABELS),
    notes=_labels({INJECT: _WORDS}),
    host=st.booleans(),
)
@pytest.mark.slow
def test_resolver_and_admission_agree_on_any_world(
    bench_class: type[Bench],
    configs: list[dict[str, Any]],
    namespace: str,
    ns: dict[str, str],
    settled: dict[str, Any],
    labels: dict[str, str],
    notes: dict[str, str],
    host: bool,
) -> None:
    bench = bench_class()
    for config in configs:
        bench.injector(config)
    for revision, version in _REVISIONS.items():
        bench.istiod(revision, version)
    for revision, config in settled.items():
        bench.configure(revision, config)
    bench.namespace(namespace, ns)
    pod = bench.pod(labels, notes, host_network=host)
    _, winner = bench.resolved(namespace, pod)
    assert bench.injected_by(namespace, pod) == winner


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    configs=st.lists(st.one_of(_OWN, _TAG).map(_named), max_size=5),
    ns=_labels({OLD: st.sampled_from(["enabled", "disabled", ""]), REV: _KEYS}),
    settled=_CONFIGS,
    pods=st.lists(
        st.tuples(
            _labels({INJECT: _WORDS, REV: _KEYS} | _OWN_LABELS),
            _labels({INJECT: _WORDS, "note": st.sampled_from("abc")}),
            st.booleans(),
        ),
        min_size=2,
        max_size=8,
    ),
)
@pytest.mark.slow
def test_pods_of_one_likeness_are_admitted_alike_so_that_one_speaks_for_all(
    bench_class: type[Bench],
    configs: list[dict[str, Any]],
    ns: dict[str, str],
    settled: dict[str, Any],
    pods: list[tuple[dict[str, str], dict[str, str], bool]],
) -> None:
    bench = bench_class()
    for config in configs:
        bench.injector(config)
    for revision, version in _REVISIONS.items():
        bench.istiod(revision, version)
    for revision, config in settled.items():
        bench.configure(revision, config)
    bench.namespace("app", ns)
    found: dict[Any, set[str]] = {}
    for labels, notes, host in pods:
        pod = bench.pod(labels, notes, host_network=host)
        found.setdefault(bench.likeness("app", pod), set()).add(bench.injected_by("app", pod))
    assert all(len(revisions) == 1 for revisions in found.values())


def _plain(bench: Bench, version: str = "1.28.10", **more: Any) -> None:
    bench.injector({"name": "istio-sidecar-injector", "rev": "default", "key": "default", "default": True})
    bench.istiod("default", version, **more)
    bench.namespace("app", {OLD: "enabled"})


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    version=st.sampled_from(["1.26.8", "1.28.10"]),
    config=_CONFIG,
    pods=st.lists(_labels(_OWN_LABELS) | _labels({INJECT: _WORDS} | _OWN_LABELS), min_size=2, max_size=8),
)
@pytest.mark.slow
def test_what_an_istiod_decides_by_itself_is_the_same_in_both_and_for_pods_of_one_likeness(
    bench_class: type[Bench], version: str, config: dict[str, Any], pods: list[dict[str, str]]
) -> None:
    bench = bench_class()
    _plain(bench, version)
    bench.configure("default", config)
    found: dict[Any, set[str]] = {}
    for labels in pods:
        pod = bench.pod(labels, {})
        injected = bench.injected_by("app", pod)
        assert injected == bench.resolved("app", pod)[1]
        found.setdefault(bench.likeness("app", pod), set()).add(injected)
    assert all(len(revisions) == 1 for revisions in found.values())


def test_a_pod_is_refused_in_the_words_of_the_api_server_while_its_injector_has_no_endpoints(
    bench: Bench,
) -> None:
    _plain(bench, ready=False)
    with pytest.raises(ApiError) as refused:
        bench.admitted("app", bench.pod({}, {}))
    assert refused.value.status == 500
    assert refused.value.message == (
        'Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: '
        'Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod"'
    )


def test_a_webhook_whose_service_is_gone_refuses_too(bench: Bench) -> None:
    _plain(bench)
    bench.store.remove(("", "services", "istio-system", "istiod"))
    with pytest.raises(ApiError, match='service "istiod" not found'):
        bench.admitted("app", bench.pod({}, {}))


def test_a_webhook_that_fails_open_lets_the_pod_start_bare(bench: Bench) -> None:
    _plain(bench, ready=False)
    key = ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "istio-sidecar-injector")
    stored = bench.store.get(key)
    assert stored is not None
    hooks = [hook | {"failurePolicy": "Ignore"} for hook in stored["webhooks"]]
    bench.store.put(key, {**stored, "webhooks": hooks})
    assert bench.injected_by("app", bench.pod({}, {})) == ""


def test_a_webhook_without_a_ca_bundle_is_not_trusted(bench: Bench) -> None:
    _plain(bench)
    key = ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "istio-sidecar-injector")
    stored = bench.store.get(key)
    assert stored is not None
    hooks = [
        hook | {"clientConfig": {"service": hook["clientConfig"]["service"]}} for hook in stored["webhooks"]
    ]
    bench.store.put(key, {**stored, "webhooks": hooks})
    with pytest.raises(ApiError, match="certificate signed by unknown authority"):
        bench.admitted("app", bench.pod({}, {}))


def test_a_dry_run_is_answered_because_injection_has_no_side_effects(bench: Bench) -> None:
    _plain(bench)
    made = bench.admitted("app", bench.pod({}, {}), dry_run=True)
    assert "sidecar.istio.io/status" in made["metadata"]["annotations"]


def test_injecting_again_replaces_the_earlier_sidecar_and_adds_nothing_twice(bench: Bench) -> None:
    _plain(bench)
    once = bench.admitted("app", bench.pod({}, {}))
    assert bench.admitted("app", once) == once


def test_a_pod_that_asks_for_an_unknown_template_is_refused(bench: Bench) -> None:
    _plain(bench)
    config = "policy: enabled\ntemplates: {sidecar: x, gateway: y}\n"
    key = ("", "configmaps", "istio-system", "istio-sidecar-injector")
    bench.store.put(key, {"metadata": {"name": key[3]}, "data": {"config": config}})
    with pytest.raises(ApiError, match='requested template "mine" not found; have gateway sidecar'):
        bench.admitted("app", bench.pod({}, {"inject.istio.io/templates": "mine"}))
