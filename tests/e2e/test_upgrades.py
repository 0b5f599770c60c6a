"""Whole upgrades of a real mesh: real API server, real istiod, real istioctl.

istiod and istioctl of both versions are one source with two stamps, the only one that can be built here.
"""

from __future__ import annotations

from pathlib import Path

from tests.bed.bed import Bed
from tests.bed.versions import NEW, OLD
from tests.e2e.mesh import populate, usual
from tests.e2e.operator import Operator
from tests.e2e.prober import Prober

OLD_REVISION, NEW_REVISION = OLD.replace(".", "-"), NEW.replace(".", "-")


def test_a_healthy_mesh_moves_in_two_waves_and_no_probe_fails(bed: Bed, tmp_path: Path) -> None:
    bed.install(OLD, OLD_REVISION)
    bed.istioctl(OLD, "tag", "set", "prod", "--revision", OLD_REVISION)
    namespaces = usual(OLD_REVISION)
    populate(bed, namespaces)
    operator = Operator(bed, tmp_path)
    operator.render(NEW)

    with Prober(bed.api, {n.name: n.about for n in namespaces}) as prober:
        planned = operator.plan(NEW)
        assert planned.code == 0, planned
        applied = operator.type("apply", "plan.json")
        assert applied.code == 0, applied

    print(f"{prober.asked} probes, {len(prober.faults)} failed; {len(prober.started)} pods started")
    assert not prober.faults, "\n".join(map(str, prober.faults))
