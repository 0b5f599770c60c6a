"""The key table of the built-in kinds.

``field=Type`` names the type beneath, ``Type[key]`` a list keyed by key, ``[a,b]`` a list keyed by both (strategic merge
uses the first), ``[key~]`` a list only strategic merge knows by its key, ``set`` distinct scalars, ``atomic`` a map or
list that has one owner.
"""

from __future__ import annotations

_POD_SPEC = (
    "containers=Container[name] initContainers=Container[name] ephemeralContainers=Container[name]"
    " volumes=Volume[name] hostAliases=[ip] imagePullSecrets=[name] nodeSelector=atomic"
    " topologySpreadConstraints=Spread[topologyKey,whenUnsatisfiable] schedulingGates=[name] resourceClaims=[name]"
    " affinity=Affinity securityContext=PodSecurity overhead=Map"
)
_WORKLOAD = "selector=atomic template=PodTemplateSpec"

TYPES = {
    "Map": "",
    "ObjectMeta": "ownerReferences=[uid] finalizers=set managedFields=atomic",
    "PodSpec": _POD_SPEC,
    "PodTemplateSpec": "metadata=ObjectMeta spec=PodSpec",
    "PodSecurity": "sysctls=atomic supplementalGroups=atomic",
    "Container": "ports=[containerPort,protocol] env=EnvVar[name] volumeMounts=[mountPath] volumeDevices=[devicePath]"
    " resources=Resources resizePolicy=atomic",
    "EnvVar": "valueFrom=EnvSource",
    "EnvSource": "fieldRef=atomic resourceFieldRef=atomic configMapKeyRef=atomic secretKeyRef=atomic",
    "Resources": "claims=[name]",
    "Volume": "configMap=Map secret=Map projected=Map",
    "Spread": "labelSelector=atomic",
    "Affinity": "nodeAffinity=NodeAffinity",
    "NodeAffinity": "requiredDuringSchedulingIgnoredDuringExecution=atomic",
    "Pod": "spec=PodSpec status=PodStatus",
    "PodStatus": "conditions=[type] podIPs=[ip] hostIPs=[ip~] resourceClaimStatuses=[name]",
    "PodTemplate": "template=PodTemplateSpec",
    "Conditions": "conditions=[type]",
    "Deployment": "spec=Workload status=Conditions",
    "ReplicaSet": "spec=Workload status=Conditions",
    "StatefulSet": "spec=Workload status=Conditions",
    "DaemonSet": "spec=Workload status=Conditions",
    "Workload": _WORKLOAD,
    "ReplicationController": "spec=Controller status=Conditions",
    "Controller": "selector=atomic template=PodTemplateSpec",
    "Job": "spec=Workload status=JobStatus",
    "JobStatus": "conditions=[type~]",
    "JobTemplateSpec": "metadata=ObjectMeta spec=Workload",
    "CronJob": "spec=CronJobSpec status=CronJobStatus",
    "CronJobSpec": "jobTemplate=JobTemplateSpec",
    "CronJobStatus": "active=atomic",
    "Service": "spec=ServiceSpec status=Conditions",
    "ServiceSpec": "ports=[port,protocol] selector=atomic",
    "ServiceAccount": "secrets=[name] imagePullSecrets=atomic",
    "Namespace": "status=Conditions",
    "Node": "spec=NodeSpec status=NodeStatus",
    "NodeSpec": "podCIDRs=set taints=[key~]",
    "NodeStatus": "conditions=[type] addresses=[type]",
    "PersistentVolumeClaim": "spec=ClaimSpec status=Conditions",
    "ClaimSpec": "selector=atomic dataSource=atomic",
    "PersistentVolume": "spec=VolumeSpec",
    "VolumeSpec": "claimRef=Map",
    "PodDisruptionBudget": "spec=BudgetSpec status=Conditions",
    "BudgetSpec": "selector=atomic",
    "HorizontalPodAutoscaler": "status=Conditions",
    "NetworkPolicy": "spec=PolicySpec",
    "PolicySpec": "podSelector=atomic",
    "RoleBinding": "roleRef=atomic",
    "ClusterRoleBinding": "roleRef=atomic",
    "MutatingWebhookConfiguration": "webhooks=Webhook[name]",
    "ValidatingWebhookConfiguration": "webhooks=Webhook[name]",
    "Webhook": "namespaceSelector=atomic objectSelector=atomic matchConditions=[name]",
    "CustomResourceDefinition": "status=Conditions",
    "APIService": "status=Conditions",
    "CertificateSigningRequest": "status=Conditions",
    "EndpointSlice": "",
    "Event": "involvedObject=atomic related=atomic",
}
