"""What of Kubernetes a survey keeps for checks: enough to ask, nothing secret, and gaps where something is forbidden."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.survey.test_take import Look, deployment, mesh, obj, refuse
from upgrader.model.failures import Forbidden
from upgrader.model.kinds import Kind, Obj
from upgrader.model.snapshot import Snapshot
from upgrader.model.snapshot.documented import DOCUMENTED
from upgrader.survey import snapshot_digest
from upgrader.survey.documents.kept import _KEPT

ROOT = "istio-system"
UNTIL = datetime(2036, 1, 1, tzinfo=UTC)


@cache
def certificate(name: str) -> str:
    """A certificate that signs itself, in PEM form."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(UNTIL - timedelta(days=3650))
        .not_valid_after(UNTIL)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def secret(name: str, namespace: str = ROOT, labels: dict[str, str] | None = None, /, **data: str) -> Obj:
    held = {
        k.replace("_", "-").replace("-pem", ".pem"): base64.b64encode(v.encode()).decode()
        for k, v in data.items()
    }
    return obj("Secret", name, namespace, meta={"labels": labels or {}}, type="Opaque", data=held)


def config_map(name: str, namespace: str = ROOT, /, **data: str) -> Obj:
    held = {k.replace("_", "-").replace("-pem", ".pem"): v for k, v in data.items()}
    return obj("ConfigMap", name, namespace, data=held)


def names(found: Snapshot, kind: str) -> list[str]:
    return [f"{d.ref.namespace}/{d.ref.name}".lstrip("/") for d in found.documents_of(kind)]


def body(found: Snapshot, kind: str, name: str) -> Obj:
    [one] = [d for d in found.documents_of(kind) if d.ref.name == name]
    return one.body


def test_a_service_is_kept_with_what_decides_where_traffic_goes(shelf: Any, look: Look) -> None:
    spec = {
        "type": "LoadBalancer", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "selector": {"app": "a"},
        "ports": [{"port": 80, "name": "http", "nodePort": 30001}], "trafficDistribution": "PreferClose",
    }  # fmt: skip
    status = {"loadBalancer": {"ingress": [{"hostname": "lb.example", "ipMode": "VIP"}]}}
    found = body(
        look(shelf([*mesh(), obj("Service", "cart", "shop", spec=spec, status=status)])), "Service", "cart"
    )
    assert found["spec"] == {k: v for k, v in spec.items() if not k.startswith("clusterIP")}
    assert found["status"] == {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}


def test_only_a_headless_service_has_a_cluster_ip_worth_telling(shelf: Any, look: Look) -> None:
    headless = obj("Service", "db", "shop", spec={"clusterIP": "None", "selector": {"app": "db"}})
    assert body(look(shelf([*mesh(), headless])), "Service", "db")["spec"]["clusterIP"] == "None"


def test_a_node_is_kept_without_what_changes_by_the_second(shelf: Any, look: Look) -> None:
    status = {
        "nodeInfo": {"kernelVersion": "5.4"}, "allocatable": {"memory": "8Gi"}, "images": [{"names": ["x"]}],
        "conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": "now"}, {"type": "DiskPressure", "status": "False"},
        ],
    }  # fmt: skip
    node = obj("Node", "n1", spec={"taints": [{"key": "a"}], "podCIDR": "10.1.0.0/24"}, status=status)
    found = body(look(shelf([*mesh(), node])), "Node", "n1")
    assert found["spec"] == {"taints": [{"key": "a"}]}
    assert found["status"] == {
        "nodeInfo": {"kernelVersion": "5.4"},
        "allocatable": {"memory": "8Gi"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }


def test_endpoints_are_kept_where_somebody_wrote_them_and_nowhere_else(shelf: Any, look: Look) -> None:
    kept = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    reader = shelf([
        *mesh(),
        obj("Service", "bare", "shop", spec={}),
        obj("Service", "usual", "shop", spec={"selector": {"app": "a"}}),
        obj("Service", "away", "other", spec={"type": "ExternalName", "externalName": "x.example"}),
        *(obj("Endpoints", n, "shop", subsets=[{"addresses": [{"ip": "1.2.3.4"}]}]) for n in ("bare", "usual")),
        obj("Endpoints", "lonely", "other", meta={"labels": kept}),
    ])  # fmt: skip
    assert names(look(reader), "Endpoints") == ["other/lonely", "shop/bare"]
    assert "endpoints other/" not in reader.reads


@pytest.mark.parametrize(
    ("place", "image", "seen"),
    [
        ("shop", "registry.k8s.io/ingress-nginx/controller:v1", False),
        ("ingress-nginx", "registry.k8s.io/ingress-nginx/controller:v1", True),
        ("edge", "docker.io/library/traefik:v3", True),
        ("kube-system", "registry.k8s.io/coredns/coredns:v1.11", True),
        ("infra", "quay.io/cilium/cilium:v1.16", True),
        ("shop", "example/cart:1", False),
        ("shop", "example/contoured:1", False),
    ],
)
def test_what_runs_beside_the_mesh_is_told_by_its_place_or_its_image(
    place: str, image: str, seen: bool, shelf: Any, look: Look
) -> None:
    one = deployment("beside", place)
    one["spec"]["template"]["spec"]["containers"][0] |= {
        "image": image,
        "args": ["--v=2", "--admin-password=geheim"],
        "env": [{"name": "MODE", "value": "x"}],
    }
    found = look(shelf([*mesh(), one]))
    assert (f"{place}/beside" in names(found, "Deployment")) is seen
    if seen:
        kept = next(d for d in found.documents_of("Deployment") if d.ref.name == "beside")
        container = kept.body["spec"]["template"]["spec"]["containers"][0]
        assert container["args"] == ["--v=2", "--admin-password=(not kept)"]
        assert container["env"] == [{"name": "MODE"}]


def test_the_control_plane_itself_is_among_the_documents(shelf: Any, look: Look) -> None:
    assert f"{ROOT}/istiod-1-27-9" in names(look(shelf(mesh())), "Deployment")


def test_of_a_secret_its_keys_are_kept_and_no_value(shelf: Any, look: Look) -> None:
    config = json.dumps(
        {"users": [{"name": "u", "user": {"token": "geheim", "client-certificate-data": "geheim"}}]}
    )
    reader = shelf([
        *mesh(),
        secret("cacerts", ca_cert_pem=certificate("issuing"), ca_key_pem="geheim", root_cert_pem=certificate("root")),
        secret("remote", ROOT, {"istio/multiCluster": "true"}, west=config),
        secret("other-secret", password="geheim"),
    ])  # fmt: skip
    found = look(reader)
    assert names(found, "Secret") == [f"{ROOT}/cacerts", f"{ROOT}/remote"]
    first, second = (d.body for d in found.documents_of("Secret"))
    assert first["keys"] == ["ca-cert.pem", "ca-key.pem", "root-cert.pem"]
    assert second["authentication"] == {"west": ["client-certificate", "token"]}
    text = msgspec.json.encode(found).decode()
    assert "geheim" not in text
    assert base64.b64encode(b"geheim").decode() not in text
    assert not [r for r in reader.reads if r.startswith("secrets") and r.split()[1] == "/"]


def test_the_certificates_of_an_authority_are_told_by_name_time_and_fingerprint(
    shelf: Any, look: Look
) -> None:
    pem = certificate("root")
    held = secret("istio-ca-secret", ca_cert_pem=pem), config_map("istio-ca-root-cert", root_cert_pem=pem)
    found = look(shelf([*mesh(), *held]))
    root, issuing = found.certificates
    assert (root.where, root.role) == (f"ConfigMap {ROOT}/istio-ca-root-cert root-cert.pem", "root")
    assert (issuing.where, issuing.role) == (f"Secret {ROOT}/istio-ca-secret ca-cert.pem", "issuing")
    assert (issuing.subject, issuing.issuer, issuing.key) == ("O=root", "O=root", "EC P-256")
    assert issuing.not_after == UNTIL
    assert root.fingerprint == issuing.fingerprint
    assert len(issuing.fingerprint) == 64


def test_what_is_no_certificate_is_a_gap(shelf: Any, look: Look) -> None:
    found = look(shelf([*mesh(), secret("cacerts", ca_cert_pem="something else")]))
    assert [u.what for u in found.unread] == [f"certificates in Secret {ROOT}/cacerts ca-cert.pem"]
    assert found.certificates == ()


def test_secrets_that_may_not_be_read_are_a_gap_and_not_none(shelf: Any, look: Look) -> None:
    reader = shelf([*mesh(), secret("cacerts")])
    reader.trouble = refuse(("secrets", ROOT))
    found = look(reader)
    assert {u.what for u in found.unseen("secrets")} == {
        f"secrets cacerts in namespace {ROOT}",
        f"secrets istio-ca-secret in namespace {ROOT}",
        f"secrets in namespace {ROOT}",
    }
    assert all(u.optional for u in found.unread)


def test_what_checks_alone_ask_about_may_be_forbidden_without_changing_the_plan(
    shelf: Any, look: Look
) -> None:
    objects = [*mesh(), obj("Service", "cart", "shop", spec={})]
    whole, reader = look(shelf(objects)), shelf(objects)
    kinds = ("services", "networkpolicies", "resourcequotas", "limitranges", "ingresses", "endpoints")
    reader.trouble = refuse(*((kind, "") for kind in kinds), ("endpoints", ROOT))
    found = look(reader)
    assert {u.what.partition(" ")[0].partition(".")[0] for u in found.unread} == set(kinds)
    assert all(u.optional for u in found.unread)
    assert names(found, "Service") == [f"{ROOT}/istiod-1-27-9"]
    assert found.services == whole.services
    assert snapshot_digest(found) == snapshot_digest(whole)


def test_services_of_the_root_namespace_are_needed(shelf: Any, look: Look) -> None:
    reader = shelf(mesh())
    reader.trouble = refuse(("services", ""), ("services", ROOT))
    assert [(u.what, u.optional) for u in look(reader).unread] == [
        ("services", True),
        (f"services in namespace {ROOT}", False),
    ]


def test_settings_are_read_by_revision_and_without_tokens(shelf: Any, look: Look) -> None:
    maps = [
        config_map(
            "istio-1-27-9",
            mesh="trustDomain: td\ndefaultConfig: {tracing: {lightstep: {accessToken: geheim}}}",
        ),
        config_map(
            "istio-sidecar-injector-1-27-9", values='{"global": {"hub": "h"}}', config="templates: geheim"
        ),
        config_map("values-1-27-9", original_values='{"pilot": {"env": {"A": "b"}}}'),
    ]
    found = look(shelf([*mesh(), *maps]))
    assert found.mesh_configs == {
        "1-27-9": {
            "trustDomain": "td",
            "defaultConfig": {"tracing": {"lightstep": {"accessToken": "(not kept)"}}},
        }
    }
    assert found.injector_values == {"1-27-9": {"global": {"hub": "h"}}}
    assert found.install_values == {"1-27-9": {"values": {"pilot": {"env": {"A": "b"}}}}}
    assert "geheim" not in msgspec.json.encode(found).decode()
    assert next(d for d in found.documents_of("ConfigMap") if "injector" in d.ref.name).body["keys"] == [
        "config",
        "values",
    ]


@pytest.mark.parametrize("text", ["a: [", "just words", "- a\n- b"])
def test_settings_that_cannot_be_understood_are_a_gap(text: str, shelf: Any, look: Look) -> None:
    found = look(shelf([*mesh(), config_map("istio-1-27-9", mesh=text)]))
    assert found.mesh_configs == {}
    assert [(u.what, u.optional) for u in found.unread] == [(f"mesh of ConfigMap {ROOT}/istio-1-27-9", True)]


def test_an_istio_operator_says_what_was_installed_and_two_of_them_do_not(shelf: Any, look: Look) -> None:
    kind = Kind("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator")
    api, spec = "install.istio.io/v1alpha1", {"revision": "1-27-9", "profile": "minimal"}
    reader = shelf([*mesh(), obj("IstioOperator", "installed-state-1-27-9", ROOT, api, spec=spec)])
    reader.serve(kind)
    assert look(reader).install_values == {"1-27-9": spec}
    reader.put(obj("IstioOperator", "mine", ROOT, api, spec=spec))
    found = look(reader)
    assert found.install_values == {}
    assert [u.what for u in found.unread] == [f"IstioOperator of revision 1-27-9 in namespace {ROOT}"]


def test_the_dns_of_the_cluster_and_istios_own_config_maps_are_kept_and_nobody_elses(
    shelf: Any, look: Look
) -> None:
    maps = [
        config_map("coredns", "kube-system", Corefile=". { forward . /etc/resolv.conf }"),
        config_map("istio-cni-config", cni="plain"),
        config_map("istio-grafana-dashboards", board="x" * 20_000),
        config_map("app-settings", password="geheim"),
        config_map("istio-of-the-shop", "shop", a="b"),
    ]
    reader = shelf([*mesh(), *maps])
    found = look(reader)
    assert names(found, "ConfigMap") == [
        f"{ROOT}/istio-1-27-9",
        f"{ROOT}/istio-cni-config",
        f"{ROOT}/istio-grafana-dashboards",
        f"{ROOT}/istio-sidecar-injector-1-27-9",
        "kube-system/coredns",
    ]
    boards = body(found, "ConfigMap", "istio-grafana-dashboards")
    assert (boards["keys"], boards["data"]) == (["board"], {})
    assert not [r for r in reader.reads if r.startswith(("configmaps /", "configmaps shop"))]


def test_certificates_of_cert_manager_are_read_where_the_mesh_is(shelf: Any, look: Look) -> None:
    api = "cert-manager.io/v1"
    reader = shelf([
        *mesh(),
        obj("Certificate", "cacerts", ROOT, api, spec={"isCA": True}, status={"conditions": []}),
        obj("Certificate", "web", "shop", api, spec={}),
    ])  # fmt: skip
    reader.serve(Kind("cert-manager.io", "v1", "certificates", "Certificate"))
    assert names(look(reader), "Certificate") == [f"{ROOT}/cacerts"]


def test_roles_and_accounts_of_istio_are_kept_by_name_or_label(shelf: Any, look: Look) -> None:
    api = "rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    found = look(shelf([
        *mesh(),
        obj("ClusterRole", "istiod-clusterrole-1-27-9-istio-system", "", api, rules=rules),
        obj("ClusterRole", "custom", "", api, meta={"labels": {"istio.io/rev": "1-27-9"}}, rules=rules),
        obj("ClusterRole", "view", "", api, rules=rules),
    ]))  # fmt: skip
    assert names(found, "ClusterRole") == ["custom", "istiod-clusterrole-1-27-9-istio-system"]
    assert found.documents_of("ClusterRole")[0].body["rules"] == rules


def test_documents_are_sorted_and_have_the_shape_of_the_server(shelf: Any, look: Look) -> None:
    services = [obj("Service", n, s, spec={"selector": {}}) for n, s in (("a", "z"), ("b", "a"), ("a", "a"))]
    services[0]["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "networking.istio.io/exportTo": "~",
    }
    found = look(shelf([*mesh(), *services]))
    assert names(found, "Service") == ["a/a", "a/b", f"{ROOT}/istiod-1-27-9", "z/a"]
    last = found.documents_of("Service")[-1]
    assert (last.body["apiVersion"], last.body["kind"]) == ("v1", "Service")
    assert last.body["metadata"]["annotations"] == last.annotations == {"networking.istio.io/exportTo": "~"}


def test_documents_may_change_without_the_digest_of_what_a_plan_depends_on(shelf: Any, look: Look) -> None:
    objects = [*mesh(), obj("Service", "cart", "shop", spec={"selector": {"a": "b"}})]
    before = look(shelf(objects))
    objects[-1]["spec"] = {"selector": {"a": "c"}}
    after = look(shelf(objects))
    assert before.documents != after.documents
    assert snapshot_digest(before) == snapshot_digest(after)


def test_every_kind_of_document_is_named_as_missing_where_an_older_release_did_not_keep_it() -> None:
    known = {(kind.group, kind.plural) for kind in DOCUMENTED}
    assert set(_KEPT) | {("", "configmaps"), ("", "secrets")} == known


def test_a_failure_of_one_optional_kind_is_asked_once(shelf: Any, look: Look) -> None:
    reader = shelf([*mesh(), *(obj("Service", "bare", n, spec={}) for n in ("other", "shop"))])
    reader.trouble = lambda kind, *_: Forbidden("no") if kind.plural == "endpoints" else None
    found = look(reader)
    assert (
        len([r for r in reader.reads if r.startswith("endpoints")]) == 2
    )  # by label, and in the first namespace
    assert found.unseen("endpoints")
