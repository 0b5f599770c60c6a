"""What goes with the old revision, what stays although it carries its label, and who is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.asking import advises, silent
from tests.meshes import Mesh, shop
from tests.planning.planned import plan, steps
from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DAEMON_SET,
    ROLE,
    SERVICE_ACCOUNT,
    Kind,
    Ref,
)
from upgrader.planning.hop.retire import own_object
from upgrader.steps import RemoveObjects

ROOT = "istio-system"
DATA = Path(os.environ.get("UPGRADER_TEST_DATA", "/nowhere")) / "manifests"
VERSIONS = sorted(p.name for p in DATA.glob("*")) if DATA.is_dir() else []
needs_data = pytest.mark.skipif(
    not VERSIONS, reason="UPGRADER_TEST_DATA names no folder with upstream's manifests"
)

CNI = (
    Ref(SERVICE_ACCOUNT, "istio-cni", ROOT),
    Ref(CONFIG_MAP, "istio-cni-config", ROOT),
    Ref(CLUSTER_ROLE, "istio-cni"),
    Ref(CLUSTER_ROLE_BINDING, "istio-cni"),
    Ref(DAEMON_SET, "istio-cni-node", ROOT),
)


def with_plugin(revision: str) -> Mesh:
    made = shop().daemon_set(f"{ROOT}/istio-cni-node", labels={"istio.io/rev": revision}, host_network=True)
    for ref in CNI:
        made.belonging(ref, revision, "Cni")
    return made


def removed(made: Mesh) -> set[Ref]:
    return {o.ref for step in steps(plan(made, "1.28.10", "1.29.6"), RemoveObjects) for o in step.objects}


def documents(version: str, part: str) -> list[Any]:
    return [d for d in yaml.load_all((DATA / version / part).read_bytes(), yaml.CSafeLoader) if d]


def ref_of(document: Any) -> Ref:
    metadata = document["metadata"]
    return Ref(Kind("", "v1", "", document["kind"]), metadata["name"], metadata.get("namespace", ""))


def revision_of(document: Any) -> str:
    return str((document["metadata"].get("labels") or {}).get("istio.io/rev", ""))


def test_a_node_plugin_with_the_label_of_the_old_revision_outlives_it() -> None:
    assert not removed(with_plugin("1-27-9")) & set(CNI)
    assert Ref(SERVICE_ACCOUNT, "istiod-1-27-9", ROOT) in removed(
        with_plugin("1-27-9").belonging(Ref(SERVICE_ACCOUNT, "istiod-1-27-9", ROOT), "1-27-9", "Pilot")
    )


def test_whoever_has_a_node_plugin_is_told_with_whose_label_it_is() -> None:
    [found] = [line for line in advises(with_plugin("1-27-9"), "0335", "istio-cni").what if "label" in line]
    assert "a run retires that and leaves it" in found
    assert "`istioctl uninstall --revision 1-27-9` by hand takes it along" in found
    assert not any("label" in line for line in advises(with_plugin("canary"), "0335", "istio-cni").what)


@needs_data
@pytest.mark.parametrize("version", VERSIONS)
def test_all_of_an_istiod_goes_and_nothing_of_what_is_there_once(version: str) -> None:
    planes = documents(version, "istiod.yaml")
    for revision in {revision_of(d) for d in planes if d["kind"] == "Deployment"}:
        own = [d for d in planes if revision_of(d) in {"", revision}]
        assert own
        assert [str(ref_of(d)) for d in own if not own_object(ref_of(d), revision, ROOT)] == []
        once = [d for part in ("cni.yaml", "ztunnel.yaml", "base.yaml", "crds.yaml") if (DATA / version / part).exists()
                for d in documents(version, part)]  # fmt: skip
        names = {revision, "default", *map(revision_of, once)} - {""}
        assert [str(ref_of(d)) for d in once for name in names if own_object(ref_of(d), name, ROOT)] == []


def told(made: Mesh) -> list[str]:
    findings = plan(made, "1.28.10").findings
    return [f.summary for f in findings if (f.code, f.subject) == ("UPG-0328", "revision 1-27-9")]


def test_roles_with_the_label_that_nobody_of_istio_made_are_named_and_left() -> None:
    strange = Ref(CLUSTER_ROLE, "debug-istiod")
    made = shop().belonging(strange, "1-27-9", "").belonging(Ref(ROLE, "extra", ROOT), "1-27-9", "Pilot")
    [found] = told(made)
    assert found.startswith("revision 1-27-9: 2 objects with its label not removed with it: ")
    assert found.endswith("ClusterRole debug-istiod (no owner), Role istio-system/extra (no owner)")
    assert strange not in removed(made)


def test_what_goes_and_what_has_findings_of_its_own_is_not_named_again() -> None:
    own = Ref(CLUSTER_ROLE, "istiod-clusterrole-1-27-9-istio-system")
    gateway = Ref(SERVICE_ACCOUNT, "istio-ingressgateway-service-account", ROOT)
    made = (
        with_plugin("1-27-9")
        .belonging(own, "1-27-9", "Pilot")
        .belonging(gateway, "1-27-9", "IngressGateways")
    )
    assert told(made) == []
    assert own in removed(made)
    assert told(shop().belonging(Ref(CLUSTER_ROLE, "debug-istiod"), "1-26-8", "")) == []


def test_roles_of_the_next_revision_that_an_earlier_try_left_are_named_with_their_owners() -> None:
    left = Ref(CLUSTER_ROLE, "istiod-clusterrole-1-28-10-istio-system")
    found = advises(shop().belonging(left, "1-28-10", "Pilot"), "0332", "revision 1-28-10")
    assert found.summary == "revision 1-28-10: 1 object of it left over, and no istiod"
    assert found.what == (f"{left}, owned by nobody who says so",)
    silent(shop().belonging(left, "1-27-9", "Pilot"), "0332")
