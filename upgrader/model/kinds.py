"""Where the objects we touch live on the API server."""

from __future__ import annotations

from typing import Any

import msgspec

from upgrader.model.once import Once

Obj = dict[str, Any]
"""One raw API object as JSON; never changed in place."""
Labels = dict[str, str]
"""Labels or annotations: name to value."""


class Kind(msgspec.Struct, frozen=True, order=True):
    """One served resource.

    Attributes:
        group: API group, empty for core.
        plural: Resource name in the URL.
        kind: Name in manifests.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``apiVersion`` as manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """``plural.group``, the name RBAC and users of kubectl know."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Ref(msgspec.Struct, frozen=True, order=True, dict=True):
    """One object by its place; says nothing about whether it exists."""

    kind: Kind
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return self._text

    @property
    def spelled(self) -> str:
        """``Deployment/shop/cart``, as people type it."""
        return self._text.replace(" ", "/", 1)

    @Once
    def _text(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.kind} {where}{self.name}"


NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
POD = Kind("", "v1", "pods", "Pod")
SERVICE = Kind("", "v1", "services", "Service")
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount")
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
SECRET = Kind("", "v1", "secrets", "Secret")
RESOURCE_QUOTA = Kind("", "v1", "resourcequotas", "ResourceQuota")
LIMIT_RANGE = Kind("", "v1", "limitranges", "LimitRange")
NODE = Kind("", "v1", "nodes", "Node", namespaced=False)
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints")
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
REPLICA_SET = Kind("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SET = Kind("apps", "v1", "daemonsets", "DaemonSet")
JOB = Kind("batch", "v1", "jobs", "Job")
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob")
PDB = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
HPA = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
INGRESS = Kind("networking.k8s.io", "v1", "ingresses", "Ingress")
INGRESS_CLASS = Kind("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
STORAGE_CLASS = Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
PRIORITY_CLASS = Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
CRD = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
MUTATING_WEBHOOK = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
VALIDATING_WEBHOOK = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
K8S_GATEWAY = Kind("gateway.networking.k8s.io", "v1", "gateways", "Gateway")
K8S_GATEWAY_CLASS = Kind(
    "gateway.networking.k8s.io", "v1", "gatewayclasses", "GatewayClass", namespaced=False
)
LISTENER_SET = Kind("gateway.networking.k8s.io", "v1", "listenersets", "ListenerSet")
X_LISTENER_SET = Kind("gateway.networking.x-k8s.io", "v1alpha1", "xlistenersets", "XListenerSet")
"""The same before the Gateway API made it a standard."""

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
"""What a changed pod template restarts."""
