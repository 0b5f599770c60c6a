"""What decides inside an istiod, as istiod itself would read it from its injector's ConfigMap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.survey.test_documents import ROOT, config_map
from tests.survey.test_take import mesh
from upgrader.model.codec import decode, encode
from upgrader.model.injector import InjectorSettings, injector_settings
from upgrader.model.snapshot import Snapshot, read_snapshot

Look = Callable[..., Snapshot]
INJECTOR = "istio-sidecar-injector-1-27-9"
CHARTS = """
defaultTemplates: [sidecar]
policy: enabled
alwaysInjectSelector:
  []
neverInjectSelector:
  []
templates: {sidecar: "{{ .ProxyImage }}"}
"""
BUILDS = {"matchExpressions": [{"key": "openshift.io/build.name", "operator": "Exists"}]}


def never(*selectors: Any) -> tuple[Any, ...]:
    return injector_settings({"policy": "enabled", "neverInjectSelector": list(selectors)}).never


def test_what_the_charts_install_is_what_counts_where_nothing_is_known() -> None:
    assert injector_settings(yaml.safe_load(CHARTS)) == InjectorSettings()


@pytest.mark.parametrize(
    ("told", "policy"),
    [("policy: disabled", "disabled"), ("policy: off", "false"), ("policy:", ""), ("templates: {}", "")],
)
def test_a_policy_is_the_word_that_istiod_reads_and_no_word_is_one_as_well(told: str, policy: str) -> None:
    assert injector_settings(yaml.safe_load(told)).policy == policy


@pytest.mark.parametrize(
    "selector",
    [
        {},
        None,
        {"matchLabels": {}},
        {"matchLabels": {"app": "not a label"}},
        {"matchLabels": {"not a key": "a"}},
        {"matchLabels": {"Upper.Case/app": "a"}},
        {"matchLabels": {"app": "a" * 64}},
        {"matchExpressions": [{"key": "app", "operator": "Equals", "values": ["a"]}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn"}]},
        {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["a"]}]},
        {"matchExpressions": [{"key": "", "operator": "Exists"}]},
    ],
)
def test_a_selector_of_everything_and_one_that_kubernetes_refuses_are_passed_over(selector: Any) -> None:
    assert never(selector, BUILDS) == (BUILDS,)


def test_numbers_and_truths_are_words_in_a_selector() -> None:
    told = yaml.safe_load("{matchLabels: {batch: true, wave: 2}}")
    assert never(told) == ({"matchLabels": {"batch": "true", "wave": "2"}},)


@pytest.mark.parametrize(
    "told",
    [
        "neverInjectSelector: {matchLabels: {a: b}}",
        "neverInjectSelector: [words]",
        "neverInjectSelector: [{matchLabels: [a]}]",
        "neverInjectSelector: [{matchExpressions: {key: a}}]",
        "policy: [enabled]",
    ],
)
def test_what_istiod_cannot_read_either_is_an_error(told: str) -> None:
    with pytest.raises(ValueError, match=r"expected$"):
        injector_settings(yaml.safe_load(told))


def test_they_are_read_by_revision_and_labels_are_no_secrets(shelf: Any, look: Look) -> None:
    config = "policy: disabled\nneverInjectSelector: [{matchLabels: {token: a}}]\n"
    found = look(shelf([*mesh(), config_map(INJECTOR, values="{}", config=config)]))
    expected = InjectorSettings(policy="disabled", never=({"matchLabels": {"token": "a"}},))
    assert found.injector_settings == {"1-27-9": expected}
    assert decode(encode(found), Snapshot).injector_settings == found.injector_settings


@pytest.mark.parametrize("config", ["policy: [", "policy: {a: b}"])
def test_settings_that_nobody_can_read_are_a_gap(config: str, shelf: Any, look: Look) -> None:
    found = look(shelf([*mesh(), config_map(INJECTOR, values="{}", config=config)]))
    assert found.injector_settings == {}
    assert [(u.what, u.optional) for u in found.unread] == [(f"config of ConfigMap {ROOT}/{INJECTOR}", True)]


def test_a_snapshot_from_before_they_were_read_says_so(shelf: Any, look: Look) -> None:
    held = decode(encode(look(shelf(mesh()))), dict[str, Any])
    del held["injector_settings"]
    old = read_snapshot(encode(held))
    assert old.injector_settings == {}
    assert [(u.what, u.optional) for u in old.unread] == [("settings of injectors", True)]
