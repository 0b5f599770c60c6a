"""An answer about injection that is remembered is the one that would be worked out again."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from tests.meshes import mesh
from upgrader.model.injection import Injectors, Istiods, injection
from upgrader.model.injector import InjectorSettings
from upgrader.model.snapshot import Labels

VALUES = st.sampled_from(["true", "false", "off", "1-26-2", "1-27-9", "prod", "enabled"])
KEYS = st.sampled_from(["istio.io/rev", "sidecar.istio.io/inject", "istio-injection", "app", "team"])
LABELS = st.dictionaries(KEYS, VALUES, max_size=3)
PODS = st.tuples(st.sampled_from(["shop", "kube-system", "bank"]), LABELS, LABELS, LABELS, st.booleans())


SELECTORS = st.sampled_from(
    [
        {"matchLabels": {"app": "prod"}},
        {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["prod", "off"]}]},
    ]
)
SETTINGS = st.builds(
    InjectorSettings,
    policy=st.sampled_from(["enabled", "disabled", "off"]),
    never=st.lists(SELECTORS, max_size=2).map(tuple),
    always=st.lists(SELECTORS, max_size=2).map(tuple),
)


@given(
    st.lists(PODS, min_size=2, max_size=12),
    st.dictionaries(st.sampled_from(["default", "1-27-9", "1-26-2"]), SETTINGS),
)
def test_pods_asked_one_after_another_get_what_each_gets_alone(
    pods: list[tuple[str, Labels, Labels, Labels, bool]], settings: dict[str, InjectorSettings]
) -> None:
    made = mesh().plane("1.26.2", "default").plane("1.27.9").tag("prod", "1-27-9").snapshot()
    istiods = Istiods(Istiods.of(made).versions, settings)
    asked = Injectors(made.injectors, istiods)

    for namespace, spaces, labels, notes, host in pods:
        alone = injection(namespace, spaces, labels, notes, host, made.injectors, istiods)
        assert asked.within(namespace, spaces).injection(labels, notes, host) == alone
