"""Tables, as ``kubectl get`` asks for them: the server knows the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import partial
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.tables import cluster, custom, network, pods, workloads
from upgrader.sandbox.api.tables.words import Cells, age, name
from upgrader.sandbox.store import Obj

Row = Callable[[Obj, datetime], Cells]

_TABLES: dict[str, tuple[str, Row]] = {
    "/pods": (pods.COLUMNS, pods.row),
    "/replicationcontrollers": (workloads.REPLICA_SET, workloads.replica_set),
    "apps/deployments": (workloads.DEPLOYMENT, workloads.deployment),
    "apps/replicasets": (workloads.REPLICA_SET, workloads.replica_set),
    "apps/statefulsets": (workloads.STATEFUL_SET, workloads.stateful_set),
    "apps/daemonsets": (workloads.DAEMON_SET, workloads.daemon_set),
    "apps/controllerrevisions": (workloads.REVISION, workloads.revision),
    "batch/jobs": (workloads.JOB, workloads.job),
    "batch/cronjobs": (workloads.CRON_JOB, workloads.cron_job),
    "policy/poddisruptionbudgets": (workloads.BUDGET, workloads.budget),
    "autoscaling/horizontalpodautoscalers": (workloads.SCALER, workloads.scaler),
    "/services": (network.SERVICE, network.service),
    "/endpoints": (network.ENDPOINTS, network.endpoints),
    "discovery.k8s.io/endpointslices": (network.SLICE, network.endpoint_slice),
    "networking.k8s.io/ingresses": (network.INGRESS, network.ingress),
    "extensions/ingresses": (network.INGRESS, network.ingress),
    "networking.k8s.io/ingressclasses": (network.INGRESS_CLASS, network.ingress_class),
    "networking.k8s.io/networkpolicies": (network.POLICY, network.policy),
    "/namespaces": (cluster.NAMESPACE, cluster.namespace),
    "/nodes": (cluster.NODE, cluster.node),
    "/configmaps": (cluster.CONFIG_MAP, cluster.config_map),
    "/secrets": (cluster.SECRET, cluster.secret),
    "/serviceaccounts": (cluster.ACCOUNT, cluster.account),
    "/events": (cluster.EVENT, cluster.event),
    "events.k8s.io/events": (cluster.EVENT, cluster.event),
    "coordination.k8s.io/leases": (cluster.LEASE, cluster.lease),
    "admissionregistration.k8s.io/mutatingwebhookconfigurations": (cluster.WEBHOOKS, cluster.webhooks),
    "admissionregistration.k8s.io/validatingwebhookconfigurations": (cluster.WEBHOOKS, cluster.webhooks),
    "apiextensions.k8s.io/customresourcedefinitions": (cluster.CREATED, cluster.created),
    "rbac.authorization.k8s.io/roles": (cluster.CREATED, cluster.created),
    "rbac.authorization.k8s.io/clusterroles": (cluster.CREATED, cluster.created),
    "rbac.authorization.k8s.io/rolebindings": (cluster.BINDING, cluster.binding),
    "rbac.authorization.k8s.io/clusterrolebindings": (cluster.BINDING, cluster.binding),
    "scheduling.k8s.io/priorityclasses": (cluster.PRIORITY, cluster.priority),
}
_GENERIC: tuple[str, Row] = ("Name Age", lambda obj, now: [name(obj), age(obj, now)])


def table(call: Call, objs: Iterable[Obj], list_meta: Obj) -> Obj:
    """The meta.k8s.io Table of some objects as the version of the call shows them.

    ``includeObject`` of the query says what each row carries: Metadata unless told, Object or None.
    """
    resource, now = call.target.resource, call.store.clock.now()
    if resource.crd is not None:
        wanted = custom.columns(resource, call.target.version)
        definitions = [_definition("Name"), *(_custom_definition(column) for column in wanted)]

        def cells(obj: Obj) -> Cells:
            return custom.row(obj, wanted, now)

    else:
        spec, row = _TABLES.get(f"{resource.group}/{resource.plural}", _GENERIC)
        definitions = [_definition(word) for word in spec.split()]

        def cells(obj: Obj) -> Cells:
            return row(obj, now)

    included = call.request.query.get("includeObject", "Metadata")
    rows = [_row(resource, obj, cells(obj), included) for obj in objs]
    version = call.request.header("Accept")
    api = "meta.k8s.io/v1beta1" if "v=v1beta1" in version and "v=v1;" not in version else "meta.k8s.io/v1"
    return {
        "kind": "Table",
        "apiVersion": api,
        "metadata": list_meta,
        "columnDefinitions": definitions,
        "rows": rows,
    }


_TYPES = {"Suspend": "boolean", "Created At": "date"}
"""Columns whose cells are told as something else than they are."""


def _row(resource: Resource, obj: Obj, cells: Cells, included: str) -> Obj:
    found: Obj = {"cells": cells}
    if resource.plural == "pods" and resource.crd is None and pods.finished(obj):
        found["conditions"] = [{"type": "Completed", "status": "True", "reason": obj["status"]["phase"]}]
    if included == "Object":
        found["object"] = obj
    else:
        found["object"] = partial(obj) if included == "Metadata" else None
    return found


def _definition(word: str) -> Obj:
    """A column from its word: ``+`` shows it in wide output only, ``#`` makes it a number, ``_`` is a space."""
    shown = word.rstrip("+#").replace("_", " ")
    kind, shape = ("integer" if "#" in word else "string"), ("name" if shown == "Name" else "")
    kind = _TYPES.get(shown, kind)
    return {"name": shown, "type": kind, "format": shape, "description": "", "priority": int("+" in word)}


def _custom_definition(column: Obj) -> Obj:
    told = {word: column.get(word) or "" for word in ("name", "type", "format", "description")}
    path = column.get("jsonPath") or column.get("JSONPath") or ""
    told["description"] = (
        told["description"] or f"Custom resource definition column (in JSONPath format): {path}"
    )
    return {**told, "priority": column.get("priority") or 0}
