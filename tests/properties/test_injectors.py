"""An answer about injection that is remembered is the one that would be worked out again."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.meshes import mesh
from upgrader.model.injection import Injectors, Istiods, injection
from upgrader.model.injector import InjectorSettings
from upgrader.model.snapshot import Labels

VALUES = st.sampled_from(["true", "false", "off", "1-26-2", "1-27-9", "prod", "enabled"])
KEYS = st.sampled_from(["istio.io/rev", "sidecar.istio.io/inject", "istio-injection", "app", "team"])
LABELS = st.dictionaries(KEYS, VALUES, max_size=3)
BOUND: list[Labels] = [{"istio-injection": "enabled"}, {"istio.io/rev": "prod"}]
OWN = st.dictionaries(st.sampled_from(["app", "team"]), VALUES, max_size=2)
PODS = st.tuples(
    st.sampled_from(["shop", "shop", "bank", "kube-system"]),
    st.sampled_from(BOUND) | LABELS,
    OWN | LABELS,
    st.just({}) | LABELS,
    st.sampled_from([False, False, True]),
)


SELECTORS = st.sampled_from(
    [
        {"matchLabels": {"app": "prod"}},
        {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["prod", "off"]}]},
    ]
)
SETTINGS = st.builds(
    InjectorSettings,
    policy=st.sampled_from(["enabled", "enabled", "disabled", "off"]),
    never=st.lists(SELECTORS, min_size=1, max_size=2).map(tuple),
    always=st.lists(SELECTORS, max_size=2).map(tuple),
)


@settings(max_examples=200)
@given(
    st.lists(PODS, min_size=2, max_size=12),
    st.fixed_dictionaries({}, optional={"default": SETTINGS, "1-27-9": SETTINGS}),
)
def test_pods_asked_one_after_another_get_what_each_gets_alone(
    pods: list[tuple[str, Labels, Labels, Labels, bool]], own: dict[str, InjectorSettings]
) -> None:
    made = mesh().plane("1.26.2", "default").plane("1.27.9").tag("prod", "1-27-9").snapshot()
    istiods = Istiods(Istiods.of(made).versions, own)
    asked = Injectors(made.injectors, istiods)

    for namespace, spaces, labels, notes, host in pods:
        alone = injection(namespace, spaces, labels, notes, host, made.injectors, istiods)
        assert asked.within(namespace, spaces).injection(labels, notes, host) == alone
