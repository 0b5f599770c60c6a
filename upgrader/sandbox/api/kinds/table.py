"""The built-in resources as data.

Columns: group (``-`` is core), versions with the minors that serve them, plural, kind, scope (N or C), short names,
subresources, flags. Flags: ``all`` joins ``kubectl get all``, ``ext`` api-extensions; ``gen`` counts generations, ``genfrom`` from that minor on; ``hub`` is the stored version
where it is not the first named; ``home`` is the place objects are stored in when two groups share them; ``review``
answers a question and stores nothing; ``fields`` are own field selectors.
"""

from __future__ import annotations

_POD_FIELDS = (
    "spec.nodeName+spec.restartPolicy+spec.schedulerName+spec.serviceAccountName+spec.hostNetwork"
    "+status.phase+status.podIP+status.nominatedNodeName"
)
_EVENT_FIELDS = (
    "involvedObject.kind+involvedObject.namespace+involvedObject.name+involvedObject.uid+involvedObject.apiVersion"
    "+involvedObject.resourceVersion+involvedObject.fieldPath+reason+reportingComponent+source+type"
)

TABLE = f"""
- v1 configmaps ConfigMap N cm - -
- v1 endpoints Endpoints N ep - -
- v1 events Event N ev - fields={_EVENT_FIELDS}
- v1 limitranges LimitRange N limits - -
- v1 namespaces Namespace C ns status,finalize fields=status.phase
- v1 nodes Node C no status,proxy fields=spec.unschedulable
- v1 persistentvolumeclaims PersistentVolumeClaim N pvc status -
- v1 persistentvolumes PersistentVolume C pv status -
- v1 pods Pod N po status,log,eviction,proxy,binding,exec,portforward,attach,ephemeralcontainers all;genfrom=33;fields={_POD_FIELDS}
- v1 podtemplates PodTemplate N - - -
- v1 replicationcontrollers ReplicationController N rc status,scale all;gen;fields=status.replicas
- v1 resourcequotas ResourceQuota N quota status -
- v1 secrets Secret N - - fields=type
- v1 serviceaccounts ServiceAccount N sa token -
- v1 services Service N svc status,proxy all;fields=spec.clusterIP+spec.type
apps v1 controllerrevisions ControllerRevision N - - -
apps v1 daemonsets DaemonSet N ds status all;gen
apps v1 deployments Deployment N deploy status,scale all;gen
apps v1 replicasets ReplicaSet N rs status,scale all;gen;fields=status.replicas
apps v1 statefulsets StatefulSet N sts status,scale all;gen
batch v1@21-,v1beta1@0-24 cronjobs CronJob N cj status all;gen
batch v1 jobs Job N - status all;gen;fields=status.successful
autoscaling v2@23-,v1,v2beta2@0-25,v2beta1@0-24 horizontalpodautoscalers HorizontalPodAutoscaler N hpa status all;hub=v2
policy v1@21-,v1beta1@0-24 poddisruptionbudgets PodDisruptionBudget N pdb status gen
policy v1beta1@0-24 podsecuritypolicies PodSecurityPolicy C psp - -
rbac.authorization.k8s.io v1,v1beta1@0-21 clusterrolebindings ClusterRoleBinding C - - -
rbac.authorization.k8s.io v1,v1beta1@0-21 clusterroles ClusterRole C - - -
rbac.authorization.k8s.io v1,v1beta1@0-21 rolebindings RoleBinding N - - -
rbac.authorization.k8s.io v1,v1beta1@0-21 roles Role N - - -
networking.k8s.io v1,v1beta1@0-21 ingressclasses IngressClass C - - gen
networking.k8s.io v1,v1beta1@0-21 ingresses Ingress N ing status gen
networking.k8s.io v1 networkpolicies NetworkPolicy N netpol - gen
extensions v1beta1@0-21 ingresses Ingress N ing status gen;hub=v1;home=networking.k8s.io/ingresses
coordination.k8s.io v1,v1beta1@0-21 leases Lease N - - -
admissionregistration.k8s.io v1,v1beta1@0-21 mutatingwebhookconfigurations MutatingWebhookConfiguration C - - ext;gen
admissionregistration.k8s.io v1,v1beta1@0-21 validatingwebhookconfigurations ValidatingWebhookConfiguration C - - ext;gen
admissionregistration.k8s.io v1@30- validatingadmissionpolicies ValidatingAdmissionPolicy C - status ext;gen
admissionregistration.k8s.io v1@30- validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding C - - ext;gen
apiextensions.k8s.io v1,v1beta1@0-21 customresourcedefinitions CustomResourceDefinition C crd,crds status ext;gen
discovery.k8s.io v1@21-,v1beta1@0-24 endpointslices EndpointSlice N - - gen
events.k8s.io v1,v1beta1@0-24 events Event N ev - hub=v1;home=/events
authorization.k8s.io v1 localsubjectaccessreviews LocalSubjectAccessReview N - - review
authorization.k8s.io v1 selfsubjectaccessreviews SelfSubjectAccessReview C - - review
authorization.k8s.io v1 selfsubjectrulesreviews SelfSubjectRulesReview C - - review
authorization.k8s.io v1 subjectaccessreviews SubjectAccessReview C - - review
authentication.k8s.io v1@28- selfsubjectreviews SelfSubjectReview C - - review
storage.k8s.io v1,v1beta1@0-21 csidrivers CSIDriver C - - -
storage.k8s.io v1,v1beta1@0-21 csinodes CSINode C - - -
storage.k8s.io v1,v1beta1@0-21 storageclasses StorageClass C sc - -
storage.k8s.io v1,v1beta1@0-21 volumeattachments VolumeAttachment C - status -
scheduling.k8s.io v1,v1beta1@0-21 priorityclasses PriorityClass C pc - gen
apiregistration.k8s.io v1,v1beta1@0-21 apiservices APIService C - status -
certificates.k8s.io v1,v1beta1@0-21 certificatesigningrequests CertificateSigningRequest C csr approval,status fields=spec.signerName
node.k8s.io v1@20-,v1beta1@0-24 runtimeclasses RuntimeClass C - - -
"""
