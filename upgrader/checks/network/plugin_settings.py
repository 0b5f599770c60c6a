from __future__ import annotations

from collections.abc import Callable, Iterator

from upgrader.checks.context import Context
from upgrader.checks.documents import document, documents, dug
from upgrader.checks.network.plugin import agents
from upgrader.checks.network.policies import policies
from upgrader.checks.scope import parts_called
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Document, Snapshot

CONFIG = "cilium-config"
_REPLACES = frozenset({"true", "strict", "partial", "probe"})
_OWN_POLICIES = {
    "Cilium": "ciliumnetworkpolicies,ciliumclusterwidenetworkpolicies",
    "Calico": "networkpolicies.crd.projectcalico.org,globalnetworkpolicies.crd.projectcalico.org",
    "Canal": "networkpolicies.crd.projectcalico.org,globalnetworkpolicies.crd.projectcalico.org",
    "Antrea": "networkpolicies.crd.antrea.io,clusternetworkpolicies.crd.antrea.io",
}
"""Kinds with which a plugin's own policies are written; none of them is evaluated here."""


def plugin_settings(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report settings of the network plugin that its own or Istio's documentation calls incompatible with the mesh.

    Sources: docs.cilium.io, network/servicemesh/istio; istio.io, ambient/install/platform-prerequisites (Cilium, EKS);
    docs.tigera.io, calico/latest/operations/istio/deploy-istio-ambient.
    """
    del context
    for name, agent in agents(mesh).items():
        told = list(_LOOKS[name](mesh, agent)) if name in _LOOKS else []
        facts, todo = [line for line, _ in told], [command for _, command in told]
        own = _own_policies(mesh, name)
        if not told and not own:
            continue
        if own:
            facts.append("policies of its own kinds, which are not evaluated here, may close ports of istiod")
            todo.append(f"kubectl get {own} -A")
        yield Finding(
            code="UPG-0373",
            severity=Severity.ADVISORY,
            subject=name,
            summary=f"{name}: {facts[0]}",
            what=tuple(facts[1:]),
            why="an upgrade restarts agents and pods, and what was set up before may then not come back",
            do=tuple(dict.fromkeys(todo)),
            objects=(str(agent.ref),),
        )


def _cilium(mesh: Snapshot, agent: Document) -> Iterator[tuple[str, str]]:
    config = document(mesh, "ConfigMap", agent.ref.namespace, CONFIG)
    data = dug(config.body, "data") if config else None
    look = f"kubectl -n {agent.ref.namespace} get configmap {CONFIG} -o yaml"
    if data is None:
        yield (
            "whether it leaves sidecars and other plugins alone could not be seen",
            (f"{look}      # bpf-lb-sock-hostns-only: true, cni-exclusive: false"),
        )
        return
    replaces = data.get("kube-proxy-replacement") in _REPLACES or data.get("bpf-lb-sock") == "true"
    if replaces and data.get("bpf-lb-sock-hostns-only") != "true":
        yield (
            "it picks the backend of a Service inside pods, so traffic goes past the proxy",
            (f"{look}      # set socketLB.hostNamespaceOnly=true in its Helm values"),
        )
    if _node_agents(mesh) and data.get("cni-exclusive", "true") != "false":
        yield (
            "it removes the configuration of other CNI plugins, Istio's among them (cni-exclusive)",
            (f"{look}      # set cni.exclusive=false in its Helm values"),
        )
    if _ambient(mesh) and data.get("enable-bpf-masquerade") == "true":
        yield (
            "BPF masquerading breaks health probes of pods in ambient mode",
            (f"{look}      # set bpf.masquerade=false in its Helm values"),
        )
    if _ambient(mesh) and any(not p.selector for each in policies(mesh).values() for p in each):
        yield (
            "a policy that denies by default also stops health probes of ambient pods (169.254.7.127)",
            (
                "kubectl get ciliumclusterwidenetworkpolicies      # one must allow ingress from 169.254.7.127/32"
            ),
        )


def _calico(mesh: Snapshot, agent: Document) -> Iterator[tuple[str, str]]:
    del agent
    if _ambient(mesh):
        yield (
            "connect-time load balancing of its eBPF mode does not go with ambient, and could not be seen",
            (
                "kubectl get felixconfigurations.crd.projectcalico.org default -o yaml      # bpfConnectTimeLoadBalancing: Disabled"
            ),
        )


def _amazon(mesh: Snapshot, agent: Document) -> Iterator[tuple[str, str]]:
    if _ambient(mesh):
        yield (
            "pod security groups in strict mode drop health probes of ambient pods; its mode could not be seen",
            (
                f"kubectl -n {agent.ref.namespace} set env daemonset/aws-node --list      "
                "# with ENABLE_POD_ENI=true: POD_SECURITY_GROUP_ENFORCING_MODE=standard"
            ),
        )


def _flannel(mesh: Snapshot, agent: Document) -> Iterator[tuple[str, str]]:
    del agent
    there = sorted(p.title for each in policies(mesh).values() for p in each)
    if there:
        yield (
            f"{len(there)} NetworkPolicies exist, and it enforces none of them by itself",
            ("kubectl get networkpolicies -A      # what they should keep out can come in"),
        )


_LOOKS: dict[str, Callable[[Snapshot, Document], Iterator[tuple[str, str]]]] = {
    "Cilium": _cilium,
    "Calico": _calico,
    "Canal": _calico,
    "Amazon VPC CNI": _amazon,
    "Flannel": _flannel,
}


def _own_policies(mesh: Snapshot, name: str) -> str:
    """What to ask kubectl for, where the cluster serves any of these kinds."""
    wanted = _OWN_POLICIES.get(name, "")
    served = {k.plural for k in mesh.kinds} | {k.resource for k in mesh.kinds}
    return ",".join(kind for kind in wanted.split(",") if kind in served)


def _node_agents(mesh: Snapshot) -> bool:
    """Whether Istio's own CNI plugin is there."""
    return bool(parts_called(mesh, "Cni", "istio-cni-node")) or any(
        d.ref.name == "istio-cni-node" for d in documents(mesh, "DaemonSet")
    )


def _ambient(mesh: Snapshot) -> bool:
    return any(c.kind == "ztunnel" for c in mesh.crowds) or bool(parts_called(mesh, "Ztunnel", "ztunnel"))
