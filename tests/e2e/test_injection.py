"""Which revision injects a pod: our resolver, the sandbox's admission and the real webhooks give one answer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.bed import Bed
from tests.bed.processes import await_
from tests.bed.versions import NEW
from tests.e2e.prober import dry_run_pod
from tests.sandbox.istio.conftest import ADMISSION, Bench

_HOOKS = f"/apis/{ADMISSION}/v1/mutatingwebhookconfigurations"
_REVISIONS = ("", "1-29", "1-30")
_UNDEAD = "kube-system"


DATA = os.environ.get("UPGRADER_TEST_DATA", "")


@pytest.mark.skipif(not DATA, reason="UPGRADER_TEST_DATA is not set, so the recorded cases are not there")
def test_every_recorded_case_has_one_answer_in_three_places(bed: Bed, say: Callable[[str], None]) -> None:
    recorded = yaml.safe_load((Path(DATA) / "injection_cases.yaml").read_text())
    for revision in _REVISIONS:
        bed.install(NEW, revision)
    bundle = bed.api.items(_HOOKS)[0]["webhooks"][0]["clientConfig"]["caBundle"]
    # istiod of before 1.27 read odd values in another way; it cannot be built here.
    cases = [case for case in recorded["cases"] if float(case.get("serving_version", "1.30")) >= 1.27]

    wrong: list[str] = []
    for name in {case["world"] for case in cases}:
        world = recorded["worlds"][name]
        _put_world(bed, world, bundle)
        wrong += [
            problem for case in cases if case["world"] == name for problem in _differences(bed, world, case)
        ]

    say(
        f"injection: {len(cases)} of {len(recorded['cases'])} recorded cases asked of resolver, sandbox and webhook"
    )
    assert wrong == []


_CARTS, _EXISTS = (
    [{"matchLabels": {"app": "cart"}}],
    [{"matchExpressions": [{"key": "app", "operator": "Exists"}]}],
)
_REFUSED = [
    {"matchExpressions": [{"key": "app", "operator": "Equals", "values": ["cart"]}]},
    {"matchExpressions": [{"key": "app", "operator": "NotIn"}]},
    {"matchLabels": {"app": "no label"}},
    {"matchExpressions": [{"key": "absent", "operator": "DoesNotExist", "values": ["a"]}]},
    {},
]
_ASKS = {"sidecar.istio.io/inject": "true"}
_DECIDED: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({}, {"app": "cart"}, True),
    ({"neverInjectSelector": _CARTS}, {"app": "cart"}, False),
    ({"neverInjectSelector": _CARTS}, {"app": "web"}, True),
    ({"neverInjectSelector": _CARTS}, {"app": "cart"} | _ASKS, True),
    ({"neverInjectSelector": _CARTS}, {"app": "cart", "sidecar.istio.io/inject": "yes"}, False),
    ({"neverInjectSelector": _CARTS, "alwaysInjectSelector": _EXISTS}, {"app": "cart"}, False),
    ({"neverInjectSelector": _REFUSED}, {"app": "cart"}, True),
    ({"neverInjectSelector": [*_REFUSED, *_CARTS]}, {"app": "cart"}, False),
    ({"neverInjectSelector": [{"matchLabels": {"wave": 2}}]}, {"wave": "2"}, False),
    ({"policy": "disabled"}, {"app": "cart"}, False),
    ({"policy": "disabled"}, {"app": "cart"} | _ASKS, True),
    ({"policy": "disabled", "alwaysInjectSelector": _CARTS}, {"app": "cart"}, True),
    ({"policy": "disabled", "alwaysInjectSelector": _REFUSED}, {"app": "cart"}, False),
    ({"policy": "Enabled"}, _ASKS, False),
    ({"policy": None}, {"app": "cart"} | _ASKS, False),
]
"""What is changed in the injector's configuration, labels of a pod, and whether it gets a sidecar."""


def test_what_an_istiod_decides_by_itself_has_one_answer_in_three_places(
    bed: Bed, say: Callable[[str], None]
) -> None:
    revision = "1-30"
    path = f"/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector-{revision}"
    bed.install(NEW, revision)
    usual = yaml.safe_load(bed.api.got(path)["data"]["config"])
    wrong: list[str] = []
    for number, (config, labels, injected) in enumerate(_DECIDED):
        bed.api.patch(path, {"data": {"config": yaml.safe_dump(usual | config)}})
        case = {"id": str(number), "ns": {"istio.io/rev": revision}, "pod": labels}
        expected = {"expect": revision if injected else "none", "settings": usual | config}
        wrong += _differences(bed, [{"name": "i", "rev": revision, "key": revision}], case | expected)
    say(f"injection: {len(_DECIDED)} configurations of an injector asked of resolver, sandbox and webhook")
    assert wrong == []


def _differences(bed: Bed, world: list[dict[str, Any]], case: dict[str, Any]) -> list[str]:
    expected = {"none": "", "conflict": case.get("last", "")}.get(case["expect"], case["expect"])
    bench = _bench(world)
    if "settings" in case:
        bench.configure(world[0]["rev"], case["settings"])
    namespace = case.get("namespace", "app")
    bench.namespace(namespace, case.get("ns", {}))
    pod = bench.pod(case.get("pod", {}), case.get("ann", {}))
    answers = {
        "resolver": bench.resolved(namespace, pod)[1],
        "sandbox": bench.injected_by(namespace, pod),
        "webhook": _answer_in_time(bed, namespace, case, expected),
    }
    return [
        f"{case['id']}: {who} says {a!r}, not {expected!r}" for who, a in answers.items() if a != expected
    ]


def _answer_in_time(bed: Bed, namespace: str, case: dict[str, Any], expected: str) -> str:
    """The API server sees new webhook configurations a moment after it stored them; a wrong answer stays wrong."""
    answers: list[str] = []

    def as_expected() -> bool:
        answers.append(_asked(bed, namespace, case))
        return answers[-1] == expected

    with contextlib.suppress(TimeoutError):
        await_("the expected answer", as_expected, 3)
    return answers[-1]


def _bench(world: list[dict[str, Any]]) -> Bench:
    bench = Bench()
    for config in world:
        bench.injector(config)
        bench.istiod(config["rev"], NEW)
    return bench


def _put_world(bed: Bed, world: list[dict[str, Any]], bundle: str) -> None:
    """The world's configurations and no others, each answered by the real istiod of its revision."""
    for one in bed.api.items(_HOOKS):
        bed.api.delete(f"{_HOOKS}/{one['metadata']['name']}")
    for config in _bench(world).store.list(ADMISSION, "mutatingwebhookconfigurations"):
        hooks = [
            {
                **hook,
                "admissionReviewVersions": ["v1"],
                "clientConfig": hook["clientConfig"] | {"caBundle": bundle},
            }
            for hook in config["webhooks"]
        ]
        metadata = {key: config["metadata"][key] for key in ("name", "labels")}
        body = {
            "apiVersion": f"{ADMISSION}/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": metadata,
            "webhooks": hooks,
        }
        bed.api.create(_HOOKS, body)


def _asked(bed: Bed, namespace: str, case: dict[str, Any]) -> str:
    """The real answer; in a namespace of the case's labels."""
    path = f"/api/v1/namespaces/{namespace}"
    if namespace != _UNDEAD:
        labels = dict.fromkeys(("istio-injection", "istio.io/rev")) | case.get("ns", {})
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        bed.api.ask("POST", "/api/v1/namespaces", body)
        bed.api.patch(path, {"metadata": {"labels": labels}})
    got, refusal = dry_run_pod(bed.api, namespace, case.get("pod", {}), case.get("ann", {}))
    return got or refusal
