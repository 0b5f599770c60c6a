from __future__ import annotations

import json
from typing import Any

import pytest

from tests.checks.asking import advises, blocks, silent
from tests.checks.objects import daemon, istiod, policy, service, thing
from tests.meshes import Mesh, mesh
from upgrader.checks.network.policies import Pod, Verdict, into, out_of, policies
from upgrader.model.kinds import Kind
from upgrader.model.snapshot import Document

OLD = {"app": "istiod", "istio.io/rev": "1-27-9"}
ISTIOD = {"matchLabels": {"app": "istiod"}}
FROM_ALL = {"from": [{"namespaceSelector": {}}], "ports": [{"port": 15012}]}
WEBHOOKS = {"ports": [{"port": 15017}, {"port": 15014}]}
EVERY_POD: dict[str, Any] = {}


def running(*documents: Document, **fields: Any) -> Mesh:
    """An istiod of 1.27.9 with one served workload, and these objects."""
    made = mesh().plane("1.27.9").namespace("istio-system").namespace("shop", rev="1-27-9")
    return made.deployment("shop/cart", proxies=2).having(documents=documents, **fields)


# What a policy lets through


def verdict(*documents: Document, port: int = 80, protocol: str = "TCP", peer: Pod | None = None) -> Verdict:
    """Of a connection into the pod shop/cart."""
    known = policies(mesh().having(documents=documents).snapshot())
    pod = Pod(namespace="shop", labels={"app": "cart"}, ports={"http": 8080})
    return into(known, pod, peer, port, protocol)


FRIEND = Pod(namespace="web", labels={"app": "front"}, spaces={"team": "web"})


def test_a_pod_that_no_policy_selects_is_open() -> None:
    other = policy("shop/deny", {"matchLabels": {"app": "other"}}, ingress=[])
    elsewhere = policy("web/deny", EVERY_POD, ingress=[])
    outward = policy("shop/egress", EVERY_POD, egress=[])
    assert verdict(other, elsewhere, outward, peer=FRIEND) is Verdict.OPEN


def test_a_policy_without_types_rules_over_ingress_and_over_egress_if_it_has_rules_for_it() -> None:
    bare = thing("NetworkPolicy", "shop/bare", {"spec": {"podSelector": {}}})
    [found] = policies(mesh().having(documents=(bare,)).snapshot())["shop"]
    assert found.types == ("Ingress",)
    both = thing("NetworkPolicy", "shop/both", {"spec": {"podSelector": {}, "egress": [{}]}})
    [found] = policies(mesh().having(documents=(both,)).snapshot())["shop"]
    assert found.types == ("Ingress", "Egress")


def test_policies_only_add_to_what_is_let_through() -> None:
    deny = policy("shop/deny", EVERY_POD, ingress=[])
    allow = policy("shop/allow", {"matchLabels": {"app": "cart"}}, ingress=[{}])
    assert verdict(deny, peer=FRIEND) is Verdict.BLOCKED
    assert verdict(deny, allow, peer=FRIEND) is Verdict.OPEN


@pytest.mark.parametrize(
    ("peer", "open_"),
    [
        ({"namespaceSelector": {"matchLabels": {"team": "web"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "ops"}}}, False),
        ({"namespaceSelector": {}}, True),
        ({"podSelector": {"matchLabels": {"app": "front"}}}, False),  # of its own namespace only
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "front"}}}, True),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "back"}}}, False),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, True),
    ],
)
def test_a_peer_is_let_through_by_namespace_and_labels(peer: dict[str, Any], open_: bool) -> None:
    found = verdict(policy("shop/some", EVERY_POD, ingress=[{"from": [peer]}]), peer=FRIEND)
    assert found is (Verdict.OPEN if open_ else Verdict.BLOCKED)


def test_addresses_leave_it_open_what_becomes_of_a_pod() -> None:
    block = policy("shop/some", EVERY_POD, ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])
    holed = {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}
    assert verdict(block, peer=FRIEND) is verdict(block) is Verdict.UNSURE
    assert verdict(policy("shop/some", EVERY_POD, ingress=[{"from": [{"ipBlock": holed}]}])) is Verdict.UNSURE


def test_the_api_server_is_no_pod_of_any_namespace() -> None:
    pods = policy(
        "shop/pods", EVERY_POD, ingress=[{"from": [{"namespaceSelector": {}}, {"podSelector": {}}]}]
    )
    assert verdict(pods) is Verdict.BLOCKED
    meant = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    assert verdict(policy("shop/meant", EVERY_POD, ingress=[{"from": [meant]}])) is Verdict.UNSURE
    assert verdict(policy("shop/all", EVERY_POD, ingress=[{}])) is Verdict.OPEN


@pytest.mark.parametrize(
    ("ports", "port", "protocol", "open_"),
    [
        ([], 80, "TCP", True),
        ([{"port": 80}], 80, "TCP", True),
        ([{"port": 80}], 80, "UDP", False),
        ([{"port": 53, "protocol": "UDP"}], 53, "UDP", True),
        ([{"protocol": "TCP"}], 4711, "TCP", True),
        ([{"port": 8000, "endPort": 8100}], 8080, "TCP", True),
        ([{"port": 8000, "endPort": 8100}], 8101, "TCP", False),
        ([{"port": "http"}], 8080, "TCP", True),
        ([{"port": "grpc"}], 8080, "TCP", False),
    ],
)
def test_ports_are_numbers_ranges_and_names_of_the_pod(
    ports: list[dict[str, Any]], port: int, protocol: str, open_: bool
) -> None:
    found = verdict(policy("shop/p", EVERY_POD, ingress=[{"ports": ports}]), port=port, protocol=protocol)
    assert found is (Verdict.OPEN if open_ else Verdict.BLOCKED)


def test_egress_is_judged_by_where_it_goes() -> None:
    to_web = policy(
        "shop/out", EVERY_POD, egress=[{"to": [{"namespaceSelector": {"matchLabels": {"team": "web"}}}]}]
    )
    known = policies(mesh().having(documents=(to_web,)).snapshot())
    pod = Pod(namespace="shop", labels={})
    assert out_of(known, pod, FRIEND, 80) is Verdict.OPEN
    assert out_of(known, pod, Pod(namespace="ops", labels={}, spaces={"team": "ops"}), 80) is Verdict.BLOCKED
    assert out_of(known, pod, None, 443) is Verdict.BLOCKED


# Who may reach istiod


def test_a_policy_for_the_old_revision_beside_a_default_deny_keeps_all_from_the_new_istiod() -> None:
    deny = policy("istio-system/deny", EVERY_POD, ingress=[])
    allow = policy("istio-system/istiod", {"matchLabels": OLD}, ingress=[FROM_ALL, WEBHOOKS])
    found = blocks(running(deny, allow), "0370", "istiod of revision 1-28-10")
    assert (
        found.summary
        == "istiod of revision 1-28-10: NetworkPolicy istio-system/deny keeps connections away from it"
    )
    assert found.what[0] == "15017 from the API server (webhooks): no rule lets it through"
    assert "15012 from proxies in shop: no rule lets it through" in found.what
    assert (found.hop, found.allowable) == (1, True)


def test_the_rule_that_is_offered_is_one_that_helps() -> None:
    deny = policy("istio-system/deny", EVERY_POD, ingress=[], egress=[])
    allow = policy("istio-system/istiod", {"matchLabels": OLD}, ingress=[FROM_ALL, WEBHOOKS], egress=[{}])
    found = blocks(running(deny, allow), "0370", "istiod of revision 1-28-10")
    command, _, offered = found.do[0].partition(" <<< ")
    made = json.loads(offered.strip("'"))
    assert command == "kubectl apply -f -"
    assert made["spec"]["podSelector"] == {"matchLabels": {"app": "istiod"}}
    metadata = made["metadata"]
    helping = thing("NetworkPolicy", f"{metadata['namespace']}/{metadata['name']}", made)
    silent(running(deny, allow, helping), "0370")


def test_the_offered_rule_shuts_no_revision_that_is_open() -> None:
    new = policy("istio-system/new", {"matchLabels": OLD | {"istio.io/rev": "1-28-10"}}, ingress=[FROM_ALL])
    found = blocks(running(new), "0370", "istiod of revision 1-28-10")
    assert '"istio.io/rev":"1-28-10"' in found.do[0]


def test_policies_that_select_every_revision_and_let_all_through_are_fine() -> None:
    silent(running(policy("istio-system/istiod", ISTIOD, ingress=[FROM_ALL, WEBHOOKS], egress=[{}])), "0370")


def test_the_policy_of_istios_own_chart_is_fine() -> None:
    system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    hook = {"from": [system], "ports": [{"port": 15017}]}
    rest = {
        "from": [{"namespaceSelector": {}}],
        "ports": [{"port": p} for p in (15010, 15011, 15012, 8080, 15014)],
    }
    own = policy(
        "istio-system/istiod-1-27-9", {"matchLabels": OLD}, {"operator.istio.io/component": "Pilot"},
        ingress=[hook, rest], egress=[{}],
    )  # fmt: skip
    made = running(own)
    silent(made, "0370")
    silent(made, "0372")


def test_what_the_running_istiod_is_refused_too_is_an_advisory() -> None:
    only_pods = policy("istio-system/istiod", ISTIOD, ingress=[{"from": [{"namespaceSelector": {}}]}])
    found = advises(running(only_pods), "0370", "istiod of revision 1-27-9")
    assert found.what[0] == "15017 from the API server (webhooks): no rule lets it through"
    assert found.hop == 0


def test_a_plugin_that_enforces_nothing_blocks_nothing() -> None:
    deny = policy("istio-system/deny", EVERY_POD, ingress=[])
    allow = policy("istio-system/istiod", {"matchLabels": OLD}, ingress=[FROM_ALL, WEBHOOKS])
    flannel = daemon("kube-flannel/kube-flannel-ds")
    advises(running(deny, allow, flannel), "0370", "istiod of revision 1-28-10")
    blocks(
        running(deny, allow, flannel, daemon("kube-system/kube-router")), "0370", "istiod of revision 1-28-10"
    )


def test_port_443_of_the_service_does_not_open_the_port_of_the_pod() -> None:
    deny = policy(
        "istio-system/new",
        {"matchLabels": {"istio.io/rev": "1-28-10"}},
        ingress=[FROM_ALL, {"ports": [{"port": 443}]}],
    )
    assert "15017" in blocks(running(deny), "0370", "istiod of revision 1-28-10").what[0]


def test_names_of_ports_exist_from_1_24_on() -> None:
    named = [{"ports": [{"port": name}]} for name in ("https-webhooks", "tls-xds", "http-monitoring")]
    by_name = policy("istio-system/istiod", ISTIOD, ingress=named)
    silent(running(by_name), "0370")
    old = mesh().plane("1.22.8").namespace("shop", rev="1-22-8").deployment("shop/cart", proxies=2)
    advises(old.having(documents=(by_name,)), "0370", "istiod of revision 1-22-8", "1.22.8 1.23.6")


def test_labels_that_somebody_added_to_istiod_are_those_of_the_next_one_too() -> None:
    guarded = policy("istio-system/guarded", {"matchLabels": {"team": "mesh"}}, ingress=[FROM_ALL, WEBHOOKS])
    deny = policy("istio-system/deny", EVERY_POD, ingress=[])
    silent(running(deny, guarded, istiod("1-27-9", labels={"team": "mesh"})), "0370")


def test_an_istiod_on_the_host_network_is_out_of_reach_of_policies() -> None:
    deny = policy("istio-system/deny", EVERY_POD, ingress=[])
    silent(running(deny, istiod("1-27-9", hostNetwork=True)), "0370")


# What proxies may reach


TO_OLD = {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": OLD}}], "ports": [{"port": 15012}]}
TO_ANY = {"to": [{"namespaceSelector": {}, "podSelector": ISTIOD}], "ports": [{"port": 15012}]}
TO_DNS = {"ports": [{"port": 53, "protocol": "UDP"}]}


def test_an_egress_rule_that_names_the_old_revision_lets_no_proxy_reach_the_new_one() -> None:
    found = blocks(
        running(policy("shop/egress", EVERY_POD, egress=[TO_OLD, TO_DNS])), "0371", "Namespace shop"
    )
    assert found.what == ("out of reach: port 15012 of istiod 1-28-10", "concerned: shop/cart")
    silent(running(policy("shop/egress", EVERY_POD, egress=[TO_ANY, TO_DNS])), "0371")


def test_the_egress_rule_that_is_offered_helps() -> None:
    closed = policy("shop/egress", EVERY_POD, egress=[TO_OLD, TO_DNS])
    made = json.loads(
        blocks(running(closed), "0371", "Namespace shop").do[0].partition(" <<< ")[2].strip("'")
    )
    silent(running(closed, thing("NetworkPolicy", "shop/egress-istiod", made)), "0371")


def test_a_default_deny_that_the_connected_proxies_outlived_is_an_advisory() -> None:
    found = advises(running(policy("shop/deny", EVERY_POD, egress=[])), "0371", "Namespace shop")
    assert found.what[:2] == ("out of reach: port 15012 of istiod", "out of reach: name resolution (port 53)")


def test_egress_without_dns_is_told() -> None:
    found = advises(running(policy("shop/egress", EVERY_POD, egress=[TO_ANY])), "0371", "Namespace shop")
    assert found.what[0] == "out of reach: name resolution (port 53)"


def test_a_policy_of_pods_without_a_proxy_is_nobodys_business() -> None:
    silent(running(policy("shop/deny", {"matchLabels": {"app": "batch"}}, egress=[])), "0371")
    silent(running(policy("shop/deny", EVERY_POD, ingress=[])), "0371")


def test_a_workload_on_the_host_network_is_out_of_reach_of_policies() -> None:
    made = mesh().plane("1.27.9").namespace("shop", rev="1-27-9")
    made.deployment("shop/cart", proxies=2, on="1-27-9", host_network=True)
    silent(made.having(documents=(policy("shop/deny", EVERY_POD, egress=[]),)), "0371")


def test_proxies_that_ask_for_plain_text_need_the_other_port() -> None:
    plain = {"1-27-9": {"defaultConfig": {"discoveryAddress": "istiod.istio-system.svc:15010"}}}
    found = advises(
        running(policy("shop/egress", EVERY_POD, egress=[TO_ANY, TO_DNS]), mesh_configs=plain),
        "0371",
        "Namespace shop",
    )
    assert found.what[0] == "out of reach: port 15010 of istiod"


# Policies of one revision


def test_a_policy_that_protects_the_old_revision_only_is_told() -> None:
    own = policy("istio-system/guard", {"matchLabels": OLD}, ingress=[FROM_ALL, WEBHOOKS])
    found = advises(running(own), "0372", "NetworkPolicy istio-system/guard")
    assert found.what == ("its selector: app=istiod,istio.io/rev=1-27-9", "it rules over Ingress")
    silent(running(policy("istio-system/guard", ISTIOD, ingress=[FROM_ALL, WEBHOOKS])), "0372")


# The network plugin


def cilium(**settings: str) -> tuple[Document, ...]:
    data = {key.replace("_", "-"): value for key, value in settings.items()}
    return daemon("kube-system/cilium"), thing("ConfigMap", "kube-system/cilium-config", {"data": data})


def test_cilium_that_picks_backends_inside_pods_goes_past_the_proxy() -> None:
    found = advises(running(*cilium(kube_proxy_replacement="true")), "0373", "Cilium")
    assert "goes past the proxy" in found.summary
    silent(running(*cilium(kube_proxy_replacement="true", bpf_lb_sock_hostns_only="true")), "0373")
    silent(running(*cilium(kube_proxy_replacement="false")), "0373")


def test_cilium_that_is_alone_on_the_node_removes_istios_cni_plugin() -> None:
    agent = daemon("istio-system/istio-cni-node")
    assert "cni-exclusive" in advises(running(agent, *cilium()), "0373", "Cilium").summary
    silent(running(agent, *cilium(cni_exclusive="false")), "0373")
    silent(running(*cilium()), "0373")


def test_settings_of_cilium_that_were_not_read_are_to_be_looked_at() -> None:
    assert "could not be seen" in advises(running(daemon("kube-system/cilium")), "0373", "Cilium").summary


def test_policies_of_a_plugins_own_kinds_are_not_evaluated_and_that_is_said() -> None:
    own = Kind(
        "crd.projectcalico.org", "v1", "globalnetworkpolicies", "GlobalNetworkPolicy", namespaced=False
    )
    found = advises(running(daemon("calico-system/calico-node"), kinds=(own,)), "0373", "Calico")
    assert found.do == ("kubectl get globalnetworkpolicies.crd.projectcalico.org -A",)
    silent(running(daemon("calico-system/calico-node")), "0373")


def test_flannel_enforces_no_policy() -> None:
    there = policy("shop/deny", EVERY_POD, ingress=[])
    assert (
        "enforces none"
        in advises(running(daemon("kube-flannel/kube-flannel-ds"), there), "0373", "Flannel").summary
    )
    silent(running(daemon("kube-flannel/kube-flannel-ds")), "0373")


@pytest.mark.parametrize(
    ("agent", "name"), [("kube-system/aws-node", "Amazon VPC CNI"), ("calico-system/calico-node", "Calico")]
)
def test_plugins_with_a_word_about_ambient_are_told_in_ambient_only(agent: str, name: str) -> None:
    silent(running(daemon(agent)), "0373")
    advises(running(daemon(agent)).daemon_set("istio-system/ztunnel"), "0373", name)


def test_cilium_in_ambient_must_not_masquerade_nor_deny_health_probes() -> None:
    made = running(*cilium(enable_bpf_masquerade="true"), policy("shop/deny", EVERY_POD, ingress=[]))
    silent(made, "0373")
    found = advises(made.daemon_set("istio-system/ztunnel"), "0373", "Cilium")
    assert "masquerading" in found.summary
    assert "169.254.7.127" in found.what[0]


# Ports and names


def test_a_webhook_on_another_port_is_told() -> None:
    found = advises(
        running(service("istio-system/istiod-1-27-9", 443, 443)), "0374", "istio-system/istiod-1-27-9"
    )
    assert found.summary.endswith("its webhooks are reached on port 443, the new istiod listens on 15017")
    silent(running(service("istio-system/istiod-1-27-9", 15017, 443)), "0374")
    silent(running(service("istio-system/istiod-1-27-9", "https-webhooks", 443)), "0374")


def test_on_gke_the_firewall_is_named() -> None:
    made = (
        mesh("v1.33.4-gke.1000")
        .plane("1.27.9")
        .having(documents=(service("istio-system/istiod-1-27-9", 443, 443),))
    )
    assert "gcloud compute firewall-rules" in advises(made, "0374", "istio-system/istiod-1-27-9").do[0]


def test_two_istiods_on_the_host_network_need_a_node_each() -> None:
    made = running(istiod("1-27-9", hostNetwork=True))
    blocks(made.having(nodes=3), "0374", "istio-system/istiod-1-27-9")
    silent(made.having(nodes=4), "0374")


@pytest.mark.parametrize(("ready", "severe"), [(0, True), (1, False)])
def test_a_dns_that_is_not_wholly_there_is_told(ready: int, severe: bool) -> None:
    body = {"spec": {"replicas": 2}, "status": {"readyReplicas": ready}}
    there = thing("Deployment", "kube-system/coredns", body)
    (blocks if severe else advises)(running(there), "0383", "kube-system/coredns")


def test_a_dns_that_is_there_and_a_deployment_of_that_name_elsewhere_are_fine() -> None:
    body = {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}}
    silent(running(thing("Deployment", "kube-system/coredns", body)), "0383")
    silent(running(thing("Deployment", "shop/coredns", {"spec": {"replicas": 2}, "status": {}})), "0383")
