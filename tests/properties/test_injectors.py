"""An answer about injection that is remembered is the one that would be worked out again."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from tests.meshes import mesh
from upgrader.model.injection import Injectors, Istiods, injection
from upgrader.model.snapshot import Labels

VALUES = st.sampled_from(["true", "false", "off", "1-26-2", "1-27-9", "prod", "enabled"])
KEYS = st.sampled_from(["istio.io/rev", "sidecar.istio.io/inject", "istio-injection", "app", "team"])
LABELS = st.dictionaries(KEYS, VALUES, max_size=3)
PODS = st.tuples(st.sampled_from(["shop", "kube-system", "bank"]), LABELS, LABELS, LABELS, st.booleans())


@given(st.lists(PODS, min_size=2, max_size=12))
def test_pods_asked_one_after_another_get_what_each_gets_alone(
    pods: list[tuple[str, Labels, Labels, Labels, bool]],
) -> None:
    made = mesh().plane("1.26.2", "default").plane("1.27.9").tag("prod", "1-27-9").snapshot()
    istiods = Istiods.of(made)
    asked = Injectors(made.injectors, istiods)

    for namespace, spaces, labels, notes, host in pods:
        alone = injection(namespace, spaces, labels, notes, host, made.injectors, istiods)
        assert asked.within(namespace, spaces).injection(labels, notes, host) == alone
