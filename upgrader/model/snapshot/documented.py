"""Kinds of which a snapshot keeps documents, by how much of the cluster is read: the one list of them."""

from __future__ import annotations

from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINTS,
    HPA,
    INGRESS,
    INGRESS_CLASS,
    LIMIT_RANGE,
    NETWORK_POLICY,
    NODE,
    PDB,
    PRIORITY_CLASS,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    STORAGE_CLASS,
)

WIDE = (SERVICE, HPA, NETWORK_POLICY)
"""Those of the root namespace are needed; the others are read too, where that is allowed."""
ALONE = (RESOURCE_QUOTA, LIMIT_RANGE, INGRESS, INGRESS_CLASS, STORAGE_CLASS, PRIORITY_CLASS)
"""Read for checks alone, in the whole cluster."""
ACCESS = (SERVICE_ACCOUNT, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING)
"""Istio's own, and bindings of accounts in namespaces of control planes."""
AGENTS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
"""What is no part of the mesh and acts on it."""
DOCUMENTED = (*WIDE, NODE, PDB, *ALONE, *ACCESS, ENDPOINTS, *AGENTS, CONFIG_MAP, SECRET)
"""All of them, beside what others defined (cert-manager, the Sail Operator)."""
