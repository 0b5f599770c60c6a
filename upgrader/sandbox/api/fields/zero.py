"""What the server's own types write when they are empty: those fields are there before anybody sets them."""

from __future__ import annotations

from typing import Any

from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.store import Obj

_TEMPLATE: Obj = {"metadata": {}, "spec": {"containers": None}}
_REVIEW: Obj = {"spec": {}, "status": {"allowed": False}}

_ZERO: dict[str, Obj] = {
    "Pod": {"spec": {"containers": None}, "status": {}},
    "Deployment": {"spec": {"selector": None, "template": _TEMPLATE, "strategy": {}}, "status": {}},
    "ReplicaSet": {"spec": {"selector": None, "template": _TEMPLATE}, "status": {"replicas": 0}},
    "ReplicationController": {"spec": {}, "status": {"replicas": 0}},
    "StatefulSet": {
        "spec": {"selector": None, "template": _TEMPLATE, "updateStrategy": {}},
        "status": {"replicas": 0, "availableReplicas": 0},
    },
    "DaemonSet": {
        "spec": {"selector": None, "template": _TEMPLATE, "updateStrategy": {}},
        "status": {
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        },
    },
    "Job": {"spec": {"template": _TEMPLATE}, "status": {}},
    "CronJob": {
        "spec": {"schedule": "", "jobTemplate": {"metadata": {}, "spec": {"template": _TEMPLATE}}},
        "status": {},
    },
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "Namespace": {"spec": {}, "status": {}},
    "Node": {"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": {}}},
    "PersistentVolumeClaim": {"spec": {"resources": {}}, "status": {}},
    "PersistentVolume": {"spec": {}, "status": {}},
    "ResourceQuota": {"spec": {}, "status": {}},
    "LimitRange": {"spec": {"limits": None}},
    "PodTemplate": {"template": _TEMPLATE},
    "PodDisruptionBudget": {
        "spec": {},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    },
    "HorizontalPodAutoscaler": {
        "spec": {"scaleTargetRef": {"kind": "", "name": ""}, "maxReplicas": 0},
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    },
    "Ingress": {"spec": {}, "status": {"loadBalancer": {}}},
    "IngressClass": {"spec": {}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "Lease": {"spec": {}},
    "Role": {"rules": None},
    "ClusterRole": {"rules": None},
    "RoleBinding": {"roleRef": {"apiGroup": "", "kind": "", "name": ""}},
    "ClusterRoleBinding": {"roleRef": {"apiGroup": "", "kind": "", "name": ""}},
    "EndpointSlice": {"addressType": "", "endpoints": None, "ports": None},
    "CustomResourceDefinition": {
        "spec": {"group": "", "names": {"plural": "", "kind": ""}, "scope": "", "versions": None},
        "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None},
    },
    "APIService": {"spec": {"groupPriorityMinimum": 0, "versionPriority": 0}, "status": {}},
    "CertificateSigningRequest": {"spec": {"request": None}, "status": {}},
    "SelfSubjectAccessReview": _REVIEW,
    "SubjectAccessReview": _REVIEW,
    "LocalSubjectAccessReview": _REVIEW,
    "SelfSubjectRulesReview": {"spec": {}, "status": {}},
    "SelfSubjectReview": {"status": {"userInfo": {}}},
    "ValidatingAdmissionPolicy": {"spec": {}, "status": {}},
    "ValidatingAdmissionPolicyBinding": {"spec": {}},
    "PriorityClass": {"value": 0},
    "CSINode": {"spec": {"drivers": None}},
    "VolumeAttachment": {
        "spec": {"attacher": "", "source": {}, "nodeName": ""},
        "status": {"attached": False},
    },
}


def zero_of(resource: Resource) -> Obj:
    """The empty object of a resource; custom resources have nothing until somebody writes it."""
    found: Obj = {"metadata": {}}
    return found if resource.crd is not None else found | _ZERO.get(resource.kind, {})


def zero_status(resource: Resource) -> Any:
    """The status a new object has; None when it has none."""
    return zero_of(resource).get("status")
