"""A namespace of 500 pods."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.meshes.building import site
from tests.journeys.meshes.proving import prove, proxies

pytestmark = [pytest.mark.journey, pytest.mark.slow]

WORKLOADS, PODS = 20, 500


def test_requests_grow_with_workloads_and_looks_not_with_pods(tmp_path: Path) -> None:
    here = site("1.28.10", tags=("prod", "default"), nodes=12).namespace("big", rev="prod")
    for number in range(WORKLOADS):
        here.deployment(f"big/app-{number}", PODS // WORKLOADS)
    here.wait(30)
    before = len(here.world.audit.entries)
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}
    sent = [
        e for e in proof.journey.world.audit.entries[before:] if e.user == "admin" and e.agent == "upgrade"
    ]
    verbs = Counter(e.verb for e in sent)
    assert sum(verbs.values()) < 1500, verbs
    writes = [e for e in sent if e.mutating and e.namespace == "big"]
    assert len(writes) == WORKLOADS
