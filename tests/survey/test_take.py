"""The survey reads what is there, says what it could not read, and decides nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from upgrader.model.failures import ClusterFailure, Forbidden, ServerTrouble, Unauthorized, Unreachable
from upgrader.model.kinds import LISTENER_SET, X_LISTENER_SET, Kind, Obj
from upgrader.model.snapshot import Snapshot, Unread, read_snapshot
from upgrader.survey import snapshot_digest

Look = Callable[[Any], Snapshot]
ROLLOUT = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout")


def obj(kind: str, name: str, namespace: str = "", api: str = "v1", /, **more: Any) -> Obj:
    metadata: Obj = {"name": name} | ({"namespace": namespace} if namespace else {}) | more.pop("meta", {})
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def istiod(revision: str, version: str, namespace: str = "istio-system") -> Obj:
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    container = {"name": "discovery", "image": f"docker.io/istio/pilot:{version}"}
    template = {"metadata": {"labels": {"app": "istiod"}}, "spec": {"containers": [container]}}
    labels = {"app": "istiod", "istio.io/rev": revision, "operator.istio.io/component": "Pilot"}
    spec = {"replicas": 1, "template": template}
    return obj("Deployment", name, namespace, "apps/v1", meta={"labels": labels}, spec=spec)


def pod(name: str, namespace: str = "shop", owner: tuple[str, str, str] | None = None, **labels: str) -> Obj:
    proxy = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.27.9"}
    meta: Obj = {"labels": labels, "annotations": {"istio.io/rev": "1-27-9"}}
    if owner:
        meta["ownerReferences"] = [
            {"apiVersion": owner[0], "kind": owner[1], "name": owner[2], "controller": True}
        ]
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return obj("Pod", name, namespace, meta=meta, spec={"containers": [proxy]}, status=status)


def deployment(name: str, namespace: str = "shop", **labels: str) -> Obj:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    return obj("Deployment", name, namespace, "apps/v1", spec={"replicas": 2, "template": template})


def mesh() -> list[Obj]:
    values = '{"global": {"hub": "docker.io/istio", "tag": "1.27.9", "proxy": {"image": "proxyv2"}}}'
    return [
        obj("Namespace", "istio-system"),
        obj("Namespace", "shop", meta={"labels": {"istio.io/rev": "1-27-9"}}),
        obj("Namespace", "other"),
        istiod("1-27-9", "1.27.9"),
        obj("ConfigMap", "istio-1-27-9", "istio-system", data={"mesh": "rootNamespace: istio-config\n"}),
        obj("ConfigMap", "istio-sidecar-injector-1-27-9", "istio-system", data={"values": values}),
        obj("Service", "istiod-1-27-9", "istio-system"),
        deployment("cart"),
        deployment("lonely", "other"),
        pod("cart-5f-1", owner=("apps/v1", "ReplicaSet", "cart-5f"), **{"pod-template-hash": "5f"}),
        pod("cart-5f-2", owner=("apps/v1", "ReplicaSet", "cart-5f"), **{"pod-template-hash": "5f"}),
    ]


def test_a_control_plane_is_read_with_the_image_that_it_injects(shelf: Any, look: Look) -> None:
    found = look(shelf(mesh()))
    assert (found.root_namespace, found.config_root) == ("istio-system", "istio-config")
    assert [(p.revision, p.version) for p in found.control_planes] == [("1-27-9", "1.27.9")]
    image = found.control_planes[0].proxy_image
    assert image is not None
    assert (image.repository, image.tag) == ("docker.io/istio/proxyv2", "1.27.9")
    assert found.services == ("istio-system/istiod-1-27-9",)
    assert [(b.ref.kind.kind, b.ref.name, b.revision, b.component) for b in found.belongings] == [
        ("ConfigMap", "istio-1-27-9", "1-27-9", ""),
        ("ConfigMap", "istio-sidecar-injector-1-27-9", "1-27-9", ""),
        ("Service", "istiod-1-27-9", "1-27-9", ""),
        ("Deployment", "istiod-1-27-9", "1-27-9", "Pilot"),
    ]


def test_only_namespaces_that_have_to_do_with_the_mesh_have_workloads(shelf: Any, look: Look) -> None:
    found = look(shelf(mesh()))
    assert [w.name for w in found.workloads] == ["shop/cart"]
    assert [n.name for n in found.namespaces] == ["istio-system", "other", "shop"]
    assert {p.workload for p in found.proxies} == {"Deployment shop/cart"}


@pytest.mark.parametrize("label", ["sidecar.istio.io/inject", "istio.io/rev"])
def test_a_workload_that_asks_for_injection_by_itself_makes_its_namespace_one(
    label: str, shelf: Any, look: Look
) -> None:
    found = look(shelf([*mesh(), deployment("asking", "other", **{label: "true"})]))
    assert {w.name for w in found.workloads} == {"shop/cart", "other/lonely", "other/asking"}


def test_parts_of_the_nodes_are_read_wherever_they_are(shelf: Any, look: Look) -> None:
    def daemon_set(name: str, image: str) -> Obj:
        template = {"spec": {"containers": [{"name": name, "image": image}]}}
        return obj("DaemonSet", name, "kube-system", "apps/v1", spec={"template": template})

    plugin = daemon_set("istio-cni-node", "docker.io/istio/install-cni:1.27.9")
    found = look(shelf([*mesh(), plugin, daemon_set("kube-proxy", "kube-proxy:1")]))
    assert [w.name for w in found.workloads] == ["kube-system/istio-cni-node", "shop/cart"]
    assert found.workloads[0].images == {"istio-cni-node": "docker.io/istio/install-cni:1.27.9"}


def test_what_istiods_and_node_plugins_run_is_read_from_their_pods(shelf: Any, look: Look) -> None:
    def part(name: str, container: str, image: str, digest: str, **meta: Any) -> Obj:
        found = pod(name, "istio-system", owner=("apps/v1", "DaemonSet", "node"), **meta)
        found["spec"] = {"containers": [{"name": container, "image": image}]}
        found["status"]["containerStatuses"] = [{"name": container, "imageID": f"{image}@{digest}"}]
        return found

    pilot, cni = "docker.io/istio/pilot:1.27.9", "docker.io/istio/install-cni:1.27.9"
    there = [
        part("istiod-a", "discovery", pilot, "sha256:aa"),
        part("istiod-b", "discovery", pilot, "sha256:bb"),
        part("istiod-c", "discovery", pilot, "sha256:aa"),
        part("cni-a", "install-cni", cni, "sha256:cc"),
        part("zookeeper", "discovery", "corp/discovery:1", "sha256:dd"),
    ]
    going = part("istiod-d", "discovery", pilot, "sha256:ee")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ended = part("istiod-e", "discovery", pilot, "sha256:ff")
    ended["status"]["phase"] = "Failed"
    found = look(shelf([*mesh(), *there, going, ended]))
    assert [(r.workload, r.image.digest, r.count) for r in found.running_images] == [
        ("DaemonSet istio-system/node", "sha256:cc", 1),
        ("DaemonSet istio-system/node", "sha256:aa", 2),
        ("DaemonSet istio-system/node", "sha256:bb", 1),
    ]


def test_control_planes_are_found_in_every_namespace(shelf: Any, look: Look) -> None:
    found = look(shelf([*mesh(), obj("Namespace", "canary"), istiod("1-28-10", "1.28.10", "canary")]))
    assert [(p.ref.namespace, p.revision) for p in found.control_planes] == [
        ("canary", "1-28-10"),
        ("istio-system", "1-27-9"),
    ]


def test_pods_of_an_owner_that_is_not_built_in_show_it(shelf: Any, look: Look) -> None:
    labels = {"rollouts-pod-template-hash": "7c", "app": "search"}
    reader = shelf([*mesh(), pod("search-7c-1", owner=("apps/v1", "ReplicaSet", "search-7c"), **labels)])
    without = next(w for w in look(reader).workloads if w.ref.name == "search")
    assert (without.ref.kind.kind, without.replicas, without.template_labels) == (
        "Rollout",
        1,
        {"app": "search"},
    )
    reader.serve(ROLLOUT)
    template = {"metadata": {"labels": {"from": "the template"}}, "spec": {"containers": []}}
    reader.put(obj("Rollout", "search", "shop", "argoproj.io/v1alpha1", spec={"template": template}))
    found = next(w for w in look(reader).workloads if w.ref.name == "search")
    assert (found.ref.kind, found.template_labels) == (ROLLOUT, {"from": "the template"})


def test_bare_pods_are_workloads_and_finished_ones_are_not(shelf: Any, look: Look) -> None:
    done = pod("done")
    done["status"] = {"phase": "Succeeded"}
    found = look(shelf([*mesh(), pod("debug"), done]))
    assert [w.name for w in found.workloads if w.ref.kind.kind == "Pod"] == ["shop/debug"]
    assert {p.workload for p in found.proxies} >= {"Pod shop/debug"}


def test_the_ended_jobs_of_a_cron_job_are_history(shelf: Any, look: Look) -> None:
    owner = {"ownerReferences": [{"kind": "CronJob", "name": "nightly", "controller": True}]}
    ended = {"conditions": [{"type": "Complete", "status": "True"}]}
    objects = [
        obj("CronJob", "nightly", "shop", "batch/v1", spec={"jobTemplate": {"spec": {"template": {}}}}),
        obj("Job", "nightly-1", "shop", "batch/v1", meta=owner, status=ended),
        obj("Job", "nightly-2", "shop", "batch/v1", meta=owner, status={"active": 1}),
        obj("Job", "once", "shop", "batch/v1", status=ended),
    ]
    found = look(shelf([*mesh(), *objects]))
    assert [w.ref.name for w in found.workloads if w.ref.kind.group == "batch"] == [
        "nightly",
        "nightly-2",
        "once",
    ]


def refuse(
    *places: tuple[str, str], failure: type[ClusterFailure] = Forbidden
) -> Callable[..., ClusterFailure | None]:
    def trouble(kind: Kind, namespace: str, name: str) -> ClusterFailure | None:
        del name
        return failure(f"no {kind.plural} in {namespace!r}") if (kind.plural, namespace) in places else None

    return trouble


def test_where_only_some_namespaces_may_be_read_the_others_are_named_and_not_empty(
    shelf: Any, look: Look
) -> None:
    reader = shelf(mesh())
    reader.trouble = refuse(("deployments", ""), ("deployments", "other"), ("pods", "other"))
    found = look(reader)
    assert [w.name for w in found.workloads] == ["shop/cart"]
    assert [u.what for u in found.unread] == [
        "deployments.apps in namespace other",
        "pods in namespace other",
    ]


def test_what_may_be_read_nowhere_is_one_gap_and_not_one_for_each_namespace(shelf: Any, look: Look) -> None:
    reader = shelf(mesh())
    reader.trouble = refuse(*(("statefulsets", n) for n in ("", "istio-system", "other", "shop")))
    unread = look(reader).unread
    assert unread == (
        Unread(what="statefulsets.apps in every namespace", why="no statefulsets in 'istio-system'"),
    )


@pytest.mark.parametrize("failure", [ServerTrouble, Unreachable, Forbidden])
def test_a_kind_that_does_not_answer_is_a_gap(failure: type[ClusterFailure], shelf: Any, look: Look) -> None:
    reader = shelf(mesh())
    reader.trouble = refuse(("mutatingwebhookconfigurations", ""), ("nodes", ""), failure=failure)
    found = look(reader)
    assert {"mutatingwebhookconfigurations.admissionregistration.k8s.io", "nodes"} == {
        u.what for u in found.unread
    }
    assert found.injectors == ()


def test_without_the_list_of_namespaces_everything_else_is_still_read(shelf: Any, look: Look) -> None:
    reader = shelf(mesh())
    reader.trouble = refuse(("namespaces", ""))
    found = look(reader)
    assert [u.what for u in found.unread] == ["namespaces"]
    assert len(found.proxies) == 2


@pytest.mark.parametrize("failure", [Unreachable, Unauthorized])
def test_a_cluster_that_is_away_has_no_snapshot(
    failure: type[ClusterFailure], shelf: Any, look: Look
) -> None:
    reader = shelf(mesh())
    reader.trouble = lambda *_: failure("gone")
    with pytest.raises(failure):
        look(reader)
    assert len(reader.reads) <= 3


def test_a_refused_connection_ends_the_survey_at_once(shelf: Any, look: Look) -> None:
    reader = shelf(mesh())
    trouble = Unreachable("refused")
    trouble.ambiguous = False
    reader.trouble = lambda *_: trouble
    with pytest.raises(Unreachable):
        look(reader)
    assert len(reader.reads) == 1


def test_every_thing_is_read_once(shelf: Any, look: Look) -> None:
    reader = shelf(mesh())
    look(reader)
    assert sorted(reader.reads) == sorted(set(reader.reads))


def test_equal_clusters_have_equal_snapshots_in_whatever_order_they_answer(shelf: Any, look: Look) -> None:
    first = shelf(mesh())
    second = shelf([])
    second.objects = list(first.objects)
    random.Random(7).shuffle(second.objects)
    assert look(first) == look(second)
    assert msgspec.json.encode(look(first)) == msgspec.json.encode(look(second))


def test_the_digest_ignores_pods_that_were_replaced_and_scaled(shelf: Any, look: Look) -> None:
    before = look(shelf(mesh()))
    objects = mesh()
    objects[-1]["metadata"]["name"] = "cart-5f-9"
    objects[-1]["status"]["conditions"] = []
    objects[7]["spec"]["replicas"] = 7
    assert snapshot_digest(look(shelf(objects))) == snapshot_digest(before)
    assert snapshot_digest(
        msgspec.structs.replace(before, at=before.at.replace(year=2030))
    ) == snapshot_digest(before)


def change_image(objects: list[Obj]) -> None:
    objects[9]["spec"]["containers"][0]["image"] = "docker.io/istio/proxyv2:1.26.8"


def change_template(objects: list[Obj]) -> None:
    objects[7]["spec"]["template"]["metadata"]["labels"] = {"sidecar.istio.io/inject": "false"}


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o[1]["metadata"].update(labels={"istio.io/rev": "1-28-10"}),
        lambda o: o[3]["spec"].update(replicas=0),
        lambda o: o[9]["metadata"]["annotations"].update({"istio.io/rev": "1-26-8"}),
        lambda o: o.append(obj("Service", "istiod", "istio-system")),
        lambda o: o.append(deployment("new")),
        change_template,
        change_image,
    ],
    ids=["binding", "frozen", "revision", "service", "workload", "template", "image"],
)
def test_the_digest_changes_with_everything_that_a_plan_depends_on(
    change: Callable[[list[Obj]], Any], shelf: Any, look: Look
) -> None:
    objects = mesh()
    change(objects)
    assert snapshot_digest(look(shelf(objects))) != snapshot_digest(look(shelf(mesh())))


def test_who_wrote_the_injection_labels_of_a_namespace_is_kept_and_of_no_other_label(
    shelf: Any, look: Look
) -> None:
    def wrote(manager: str, *labels: str, **more: Any) -> Obj:
        fields: Obj = {"f:metadata": {"f:labels": {f"f:{label}": {} for label in labels}}}
        return {"manager": manager, "operation": "Apply", "fieldsV1": fields, **more}

    fields = [
        wrote("argocd-controller", "istio.io/rev", "team"),
        wrote("kubectl-label", "istio.io/rev"),
        wrote("helm", "istio-injection"),
        wrote("status", "istio.io/rev", subresource="status"),
    ]
    labels = {"istio.io/rev": "1-27-9", "team": "a"}
    found = look(shelf([*mesh(), obj("Namespace", "kept", meta={"labels": labels, "managedFields": fields})]))
    namespaces = {n.name: n for n in found.namespaces}
    assert namespaces["kept"].label_owners == {"istio.io/rev": "argocd-controller, kubectl-label"}
    assert namespaces["shop"].label_owners == {}


def test_of_a_definition_the_marks_of_helm_are_kept_and_no_other_annotation(shelf: Any, look: Look) -> None:
    meta = {
        "labels": {"app.kubernetes.io/managed-by": "Helm", "chart": "istio"},
        "annotations": {"meta.helm.sh/release-name": "istio-base", "note": "long"},
    }
    spec: Obj = {
        "group": "networking.istio.io",
        "versions": [{"name": "v1", "served": True, "storage": True}],
    }
    spec["scope"] = "Namespaced"
    spec["names"] = {"kind": "Gateway", "plural": "gateways"}
    name = "gateways.networking.istio.io"
    definition = obj("CustomResourceDefinition", name, "", "apiextensions.k8s.io/v1", meta=meta, spec=spec)
    [kept] = look(shelf([*mesh(), definition])).definitions
    assert kept.marks == {"app.kubernetes.io/managed-by": "Helm", "meta.helm.sh/release-name": "istio-base"}


def served(group: str, version: str, kind: str) -> Obj:
    """The definition of a kind with namespaces."""
    plural = f"{kind.lower()}s"
    names = {"plural": plural, "kind": kind}
    versions = [{"name": version, "served": True, "storage": True}]
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": versions}
    return obj("CustomResourceDefinition", f"{plural}.{group}", "", "apiextensions.k8s.io/v1", spec=spec)


def listeners(api: str, kind: str, name: str, /, **parent: str) -> Obj:
    spec = {"parentRef": parent, "listeners": [{"name": "a"}, {"name": "b"}]}
    return obj(kind, name, "shop", api, meta={"labels": {"istio.io/rev": "1-27-9"}}, spec=spec)


STANDARD, EXPERIMENTAL = "gateway.networking.k8s.io", "gateway.networking.x-k8s.io"
ADDING = [
    served(STANDARD, "v1", "ListenerSet"),
    served(EXPERIMENTAL, "v1alpha1", "XListenerSet"),
    listeners(f"{STANDARD}/v1", "ListenerSet", "here", name="web"),
    listeners(
        f"{EXPERIMENTAL}/v1alpha1", "XListenerSet", "there", name="web", namespace="edge", kind="Gateway"
    ),
    listeners(f"{EXPERIMENTAL}/v1alpha1", "XListenerSet", "else", name="web", kind="Service", group=""),
]


def test_what_is_added_to_gateways_is_read_in_both_forms_with_where_it_is_added(
    shelf: Any, look: Look
) -> None:
    found = look(shelf([*mesh(), *ADDING])).listener_sets
    assert [(str(one.ref), one.gateway) for one in found] == [
        ("ListenerSet shop/here", "shop/web"),
        ("XListenerSet shop/there", "edge/web"),
    ]
    assert {one.listeners for one in found} == {("a", "b")}
    assert {one.labels["istio.io/rev"] for one in found} == {"1-27-9"}


def test_a_cluster_without_their_definitions_has_none_and_one_that_refuses_them_is_not_known(
    shelf: Any, look: Look
) -> None:
    assert look(shelf(mesh())).listener_sets == ()
    assert not look(shelf(mesh())).unseen("xlistenersets.gateway.networking.x-k8s.io")
    reader = shelf([*mesh(), *ADDING])
    reader.trouble = lambda kind, *_: Forbidden("no") if kind.kind == "XListenerSet" else None
    gaps = look(reader).unseen("xlistenersets.gateway.networking.x-k8s.io")
    assert [gap.optional for gap in gaps] == [False]


def test_a_stored_snapshot_of_before_says_that_it_lacks_them_only_where_they_were_served(
    shelf: Any, look: Look
) -> None:
    for objects, lacking in ((mesh(), []), ([*mesh(), *ADDING], ["ListenerSet", "XListenerSet"])):
        fields = msgspec.to_builtins(look(shelf(objects)))
        del fields["listener_sets"]
        gaps = {gap.what for gap in read_snapshot(msgspec.json.encode(fields)).unread}
        assert [k.kind for k in (LISTENER_SET, X_LISTENER_SET) if k.resource in gaps] == lacking
