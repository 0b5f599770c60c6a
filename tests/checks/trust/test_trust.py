"""Rows 50 to 54: roots that are not trusted, identities that differ, certificates that end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.meshes import NOW, Mesh, mesh, shop
from upgrader.checks.trust.identity import differences, identity_of
from upgrader.model.installing import Configured
from upgrader.model.kinds import DEPLOYMENT, Ref
from upgrader.model.snapshot import Certificate, Document

CACERTS = "Secret istio-system/cacerts root-cert.pem"
OWN = "Secret istio-system/istio-ca-secret ca-cert.pem"
TRUSTED = "ConfigMap shop/istio-ca-root-cert root-cert.pem"


def certificate(where: str = CACERTS, *, days: float = 3650, since: float = -10, print_: str = "aa" * 32, role: str = "root") -> Certificate:  # fmt: skip
    """A certificate that ends in so many days."""
    return Certificate(
        where=where,
        role=role,
        subject="CN=root",
        issuer="CN=root",
        not_before=NOW + timedelta(days=since),
        not_after=NOW + timedelta(days=days),
        fingerprint=print_,
    )


def trusting(*found: Certificate, made: Mesh | None = None) -> Mesh:
    """A mesh with these certificates."""
    return (made or shop()).having(certificates=found)


def test_a_root_that_ends_before_the_hops_are_done_blocks() -> None:
    found = blocks(trusting(certificate(days=2)), "0366", CACERTS)
    assert "may be before 1 hops are done" in found.summary
    assert found.allowable
    blocks(trusting(certificate(days=5)), "0366", CACERTS, "1.27.9 1.28.10 1.29.6")


def test_one_that_has_ended_or_not_begun_blocks() -> None:
    assert "ended on" in blocks(trusting(certificate(days=-1)), "0366", CACERTS).summary
    assert "begins only" in blocks(trusting(certificate(since=1)), "0366", CACERTS).summary
    silent(trusting(certificate(since=1), certificate(TRUSTED, since=1)), "0366")


def test_one_that_ends_within_three_months_is_an_advisory_and_later_it_is_nothing() -> None:
    advises(trusting(certificate(days=89)), "0366", CACERTS)
    advises(trusting(certificate(days=5, role="issuing")), "0366", CACERTS)
    silent(trusting(certificate(days=91)), "0366")


def test_the_same_certificate_in_many_places_is_told_once() -> None:
    copies = [certificate(f"ConfigMap {n}/istio-ca-root-cert root-cert.pem", days=2) for n in ("a", "b")]
    [found] = said(trusting(certificate(days=2), *copies), "0366")
    assert len(found.objects) == 3


def test_a_root_that_proxies_do_not_trust_blocks() -> None:
    made = trusting(certificate(), certificate(TRUSTED, print_="bb" * 32))
    found = blocks(made, "0367", "Secret istio-system/cacerts")
    assert found.allowable
    assert "ConfigMap shop/istio-ca-root-cert" in found.objects


def test_a_root_that_proxies_trust_does_not() -> None:
    silent(trusting(certificate(), certificate(TRUSTED)), "0367")
    silent(trusting(certificate(OWN), certificate(TRUSTED)), "0367")
    silent(trusting(certificate(), certificate(TRUSTED, print_="bb" * 32), certificate(TRUSTED)), "0367")


def test_what_is_plugged_in_signs_even_where_the_old_root_is_still_there() -> None:
    made = trusting(certificate(), certificate(OWN, print_="bb" * 32), certificate(TRUSTED, print_="bb" * 32))
    blocks(made, "0367", "Secret istio-system/cacerts")


def both(new: dict[str, Any], values: dict[str, Any] | None = None) -> Mesh:
    """Two revisions, the second one with *new* as its mesh configuration."""
    configs = {"1-27-9": {"trustDomain": "shop.example"}, "1-28-10": new}
    made = mesh().plane("1.27.9").plane("1.28.10")
    return made.having(mesh_configs=configs, injector_values={"1-28-10": values or {}})


def test_another_trust_domain_blocks_and_with_an_alias_it_is_an_advisory() -> None:
    assert "cluster.local" in blocks(both({}), "0368", "revision 1-28-10").what[0]
    advises(both({"trustDomainAliases": ["shop.example"]}), "0368", "revision 1-28-10")
    silent(both({"trustDomain": "shop.example"}), "0368")


def test_another_network_blocks() -> None:
    made = both({"trustDomain": "shop.example"}, {"global": {"network": "east"}})
    assert "network" in blocks(made, "0368", "revision 1-28-10").summary


def runs(config: dict[str, Any] | None = None, values: dict[str, Any] | None = None, **fields: Any) -> Mesh:
    """One revision that is called shop.example in network east."""
    said = {"trustDomain": "shop.example"} if config is None else config
    shared = {"global": {"network": "east"}} if values is None else values
    made = mesh().plane("1.27.9", **fields)
    return made.having(mesh_configs={"1-27-9": said}, injector_values={"1-27-9": shared})


def rendered(
    version: str, config: dict[str, Any] | None, network: str = "east", **env: str
) -> dict[str, Configured]:
    """What the manifests of a hop say."""
    revision, values = version.replace(".", "-"), {"global": {"network": network}}
    return {version: Configured(revision=revision, config=config, values=values, env=env)}


SAME = {"trustDomain": "shop.example"}
NEXT = "revision 1-28-10"


@pytest.mark.parametrize(
    ("config", "network", "what"),
    [
        ({}, "east", "trustDomain: shop.example of 1-27-9, cluster.local of 1-28-10"),
        (SAME | {"defaultConfig": {"meshId": "two"}}, "east", "mesh id: none of 1-27-9, two of 1-28-10"),
        (SAME, "west", "network: east of 1-27-9, west of 1-28-10"),
    ],
)
def test_manifests_that_would_give_workloads_another_identity_block(
    config: dict[str, Any], network: str, what: str
) -> None:
    found = blocks(runs(), "0368", NEXT, configured=rendered("1.28.10", config, network))
    assert (found.what, found.hop) == ((what,), 1)


def test_manifests_that_say_the_same_in_other_words_do_not() -> None:
    spelled = SAME | {"defaultConfig": {"meshId": "shop.example"}, "rootNamespace": "istio-system"}
    silent(runs(), "0368", configured=rendered("1.28.10", spelled))
    silent(runs({}), "0368", configured=rendered("1.28.10", {"trustDomain": "cluster.local"}))
    silent(runs(), "0368")


def test_another_trust_domain_that_answers_to_the_old_name_is_an_advisory() -> None:
    aliased = {"trustDomain": "new.example", "trustDomainAliases": ["shop.example"]}
    assert advises(runs(), "0368", NEXT, configured=rendered("1.28.10", aliased)).hop == 1


def test_each_hop_is_compared_with_the_one_before_it() -> None:
    both = rendered("1.28.10", SAME) | rendered("1.29.6", SAME, "west")
    found = blocks(runs(), "0368", "revision 1-29-6", "1.27.9 1.28.10 1.29.6", configured=both)
    assert (found.hop, found.what) == (2, ("network: east of 1-28-10, west of 1-29-6",))


def test_manifests_without_a_mesh_configuration_are_no_pass() -> None:
    found = advises(runs(), "0368", NEXT, configured=rendered("1.28.10", None))
    assert "was not compared" in found.summary


def test_what_is_installed_already_as_its_manifests_say_is_told_once() -> None:
    made = both({})
    assert len(said(made, "0368", configured=rendered("1.28.10", {}, ""))) == 1
    assert [f.hop for f in said(made, "0368", configured=rendered("1.28.10", {}, "west"))] == [0, 1]


def test_manifests_that_take_certificates_from_elsewhere_block() -> None:
    other = rendered("1.28.10", SAME, EXTERNAL_CA="ISTIOD_RA_KUBERNETES_API", PILOT_CERT_PROVIDER="istiod")
    found = blocks(runs(), "0369", NEXT, configured=other)
    assert (found.hop, found.allowable) == (1, True)
    assert "EXTERNAL_CA" in found.summary
    silent(runs(), "0369", configured=rendered("1.28.10", SAME, PILOT_CERT_PROVIDER="istiod"))


def test_manifests_that_go_on_as_a_foreign_authority_expects_do_not() -> None:
    made = runs(env={"ENABLE_CA_SERVER": "false"})
    found = advises(
        made, "0369", "revision 1-27-9", configured=rendered("1.28.10", SAME, ENABLE_CA_SERVER="false")
    )
    assert found.hop == 0


def test_a_default_that_is_spelled_out_is_no_difference() -> None:
    spelled = {"global": {"multiCluster": {"clusterName": "Kubernetes"}, "meshID": "cluster.local"}}
    assert differences(identity_of({}, {}), identity_of({"trustDomain": "cluster.local"}, spelled)) == {}
    assert differences(identity_of({}, {}), identity_of({}, {"global": {"meshID": "other"}})) == {
        "mesh id": ("", "other")
    }


def test_an_authority_elsewhere_is_told() -> None:
    made = mesh().plane("1.27.9", env={"ENABLE_CA_SERVER": "false", "PILOT_CERT_PROVIDER": "istiod"})
    found = advises(made, "0369", "revision 1-27-9")
    assert found.what == ("istiod environment ENABLE_CA_SERVER=false",)


def test_the_usual_authority_is_not() -> None:
    silent(mesh().plane("1.27.9", env={"PILOT_CERT_PROVIDER": "istiod"}), "0369")
    silent(trusting(certificate(), certificate(TRUSTED)), "0369")


def test_revisions_that_disagree_about_it_block() -> None:
    made = mesh().plane("1.27.9").plane("1.28.10", env={"EXTERNAL_CA": "ISTIOD_RA_KUBERNETES_API"})
    assert "EXTERNAL_CA" in blocks(made, "0369", "revision 1-28-10").summary


def test_a_root_that_nothing_we_see_signs_with_is_told() -> None:
    advises(trusting(certificate(TRUSTED)), "0369", "authority")


def test_istio_csr_is_told_and_explains_why_there_is_no_secret() -> None:
    body = {
        "spec": {
            "template": {"spec": {"containers": [{"image": "quay.io/jetstack/cert-manager-istio-csr:v0.14"}]}}
        }
    }
    agent = Document(ref=Ref(DEPLOYMENT, "cert-manager-istio-csr", "cert-manager"), body=body)
    made = trusting(certificate(TRUSTED)).having(documents=(agent,))
    advises(made, "0369", "Deployment cert-manager/cert-manager-istio-csr")


def test_an_istiod_that_could_take_a_certificate_of_istio_csr_is_no_istio_csr() -> None:
    volume = {"name": "istio-csr-ca-configmap", "configMap": {"name": "istio-ca-root-cert", "optional": True}}
    spec = {
        "containers": [{"name": "discovery", "image": "docker.io/istio/pilot:1.27.9"}],
        "volumes": [volume],
    }
    istiod = Document(
        ref=Ref(DEPLOYMENT, "istiod-1-27-9", "istio-system"), body={"spec": {"template": {"spec": spec}}}
    )
    made = trusting(certificate(TRUSTED)).having(documents=(istiod,))
    advises(made, "0369", "authority")
    silent(trusting(certificate(OWN, role="issuing")).having(documents=(istiod,)), "0369")


def test_a_root_that_istiod_made_itself_is_read_from_its_own_certificate() -> None:
    made = trusting(certificate(OWN, role="issuing"), certificate(TRUSTED, print_="bb" * 32))
    blocks(made, "0367", "Secret istio-system/istio-ca-secret")
