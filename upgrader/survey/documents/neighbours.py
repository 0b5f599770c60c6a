"""What runs beside the mesh and bears on it: CNI, DNS, other ingress controllers, operators, GitOps."""

from __future__ import annotations

import re
from collections.abc import Collection

from upgrader.model.kinds import Obj

SPACES = frozenset({
    "kube-system", "calico-system", "calico-apiserver", "tigera-operator", "cilium", "cilium-system", "kube-flannel", "weave",
    "antrea-system", "kube-router", "kube-ovn", "cert-manager", "istio-cni", "ztunnel", "istio-operator", "sail-operator",
    "argocd", "argo-cd", "argo-rollouts", "flux-system", "fleet-system", "cattle-fleet-system", "ingress-nginx", "nginx-ingress",
    "traefik", "projectcontour", "contour", "kong", "haproxy-controller", "emissary", "ambassador", "gloo-system", "consul",
    "linkerd", "linkerd-cni", "kuma-system", "gatekeeper-system", "kyverno", "spire", "spire-system", "knative-serving",
    "openshift-dns", "openshift-ingress", "openshift-multus", "openshift-ovn-kubernetes", "openshift-sdn", "openshift-gitops",
    "openshift-operators", "openshift-gitops-operator",
})  # fmt: skip
"""Namespaces that such tools make for themselves, as their own installation pages name them."""
_IMAGES = re.compile(
    r"(?:^|[/-])(?:"
    r"calico|cilium|flannel|weave-(?:kube|npc)|antrea|multus|kube-router|kube-ovn|amazon-k8s-cni|azure-cni|kube-proxy|"
    r"coredns|kube-dns|k8s-dns-[a-z-]+|node-cache|"
    r"nginx-ingress|ingress-nginx|controller-ingress|traefik|contour|kong|haproxy-ingress|kubernetes-ingress|emissary|"
    r"ambassador|gloo|aws-load-balancer-controller|consul(?:-k8s)?|linkerd|proxy-init|kuma|"
    r"argocd|argocd-[a-z]+|argo-rollouts|helm-controller|kustomize-controller|source-controller|fleet-agent|"
    r"cert-manager-[a-z-]+|spire-(?:agent|server)|gatekeeper|kyverno|pilot|operator|sail-operator|install-cni|ztunnel"
    r")(?:[:@-]|$)"
)
"""Names of their images, wherever they run."""


def is_neighbour(workload: Obj, homes: Collection[str]) -> bool:
    """Whether a Deployment, StatefulSet or DaemonSet may bear on the mesh without being part of it.

    Args:
        workload: The whole object.
        homes: Namespaces of control planes; everything there may.
    """
    space = workload["metadata"].get("namespace", "")
    if space in SPACES or space in homes:
        return True
    spec = ((workload.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = (c for place in ("initContainers", "containers") for c in spec.get(place) or ())
    return any(_IMAGES.search(str(c.get("image", ""))) for c in containers)
