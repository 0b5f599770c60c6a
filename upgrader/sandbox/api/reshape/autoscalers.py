"""HorizontalPodAutoscalers: v1 and v2beta1 beside the stored v2. v2beta2 has the fields of v2.

What v1 cannot say it keeps in annotations, as the API server does, so that nothing is lost on the way back.
"""

from __future__ import annotations

from typing import Any

import orjson

from upgrader.sandbox.store import Obj

_KEPT = {
    "metrics": "autoscaling.alpha.kubernetes.io/metrics",
    "behavior": "autoscaling.alpha.kubernetes.io/behavior",
}
_SOURCES = ("resource", "containerResource", "pods", "object", "external")


def to_v1(obj: Obj) -> Obj:
    """As autoscaling/v1 shows it."""
    spec, annotations = dict(obj.get("spec") or {}), dict(obj["metadata"].get("annotations") or {})
    others = []
    for metric in spec.pop("metrics", ()):
        usage = _cpu(metric)
        if usage is None or "targetCPUUtilizationPercentage" in spec:
            others.append(metric)
        else:
            spec["targetCPUUtilizationPercentage"] = usage
    for name, value in (("metrics", others), ("behavior", spec.pop("behavior", None))):
        if value:
            annotations[_KEPT[name]] = orjson.dumps(value).decode()
    return _with(obj, spec, annotations, _status_to_v1(obj.get("status") or {}))


def from_v1(obj: Obj) -> Obj:
    """As it is stored, from autoscaling/v1."""
    spec, annotations = (
        dict(obj.get("spec") or {}),
        dict((obj.get("metadata") or {}).get("annotations") or {}),
    )
    metrics: list[Obj] = []
    usage = spec.pop("targetCPUUtilizationPercentage", None)
    if usage is not None:
        target = {"type": "Utilization", "averageUtilization": usage}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    metrics += orjson.loads(annotations.pop(_KEPT["metrics"], "[]"))
    behavior = orjson.loads(annotations.pop(_KEPT["behavior"], "null"))
    spec |= {"metrics": metrics} if metrics else {}
    spec |= {"behavior": behavior} if behavior else {}
    return _with(obj, spec, annotations, None)


def _cpu(metric: Obj) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    found: int | None = (resource.get("target") or {}).get("averageUtilization")
    return found


def _status_to_v1(status: Obj) -> Obj:
    kept = {name: value for name, value in status.items() if name not in {"conditions", "currentMetrics"}}
    for metric in status.get("currentMetrics") or ():
        resource = metric.get("resource") or {}
        usage = (resource.get("current") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and usage is not None:
            kept["currentCPUUtilizationPercentage"] = usage
    return {"currentReplicas": 0, "desiredReplicas": 0, **kept}


def _with(obj: Obj, spec: Obj, annotations: Obj, status: Obj | None) -> Obj:
    meta = {name: value for name, value in (obj.get("metadata") or {}).items() if name != "annotations"}
    if annotations:
        meta["annotations"] = annotations
    found = {**obj, "metadata": meta, "spec": spec}
    if status is not None:
        found["status"] = status
    return found


def to_v2beta1(obj: Obj) -> Obj:
    """As autoscaling/v2beta1 shows it: targets are fields of the metric itself."""
    return _each_metric(obj, _flat)


def from_v2beta1(obj: Obj) -> Obj:
    """As it is stored, from autoscaling/v2beta1."""
    return _each_metric(obj, _deep)


def _each_metric(obj: Obj, change: Any) -> Obj:
    spec = dict(obj.get("spec") or {})
    if spec.get("metrics"):
        spec["metrics"] = [change(metric) for metric in spec["metrics"]]
    return {**obj, "spec": spec}


def _flat(metric: Obj) -> Obj:
    found: Obj = {"type": metric["type"]}
    for name in (source for source in _SOURCES if source in metric):
        told = dict(metric[name])
        target, named = told.pop("target", {}), told.pop("metric", {})
        if "describedObject" in told:
            told["target"] = told.pop("describedObject")
        words = _FLAT["resource" if name == "containerResource" else name]
        told |= {words[key]: value for key, value in target.items() if key in words}
        told |= {"metricName": named["name"]} if "name" in named else {}
        selector = "metricSelector" if name == "external" else "selector"
        told |= {selector: named["selector"]} if "selector" in named else {}
        found[name] = told
    return found


_FLAT = {
    "resource": {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue"},
    "pods": {"averageValue": "targetAverageValue"},
    "object": {"value": "targetValue", "averageValue": "averageValue"},
    "external": {"value": "targetValue", "averageValue": "targetAverageValue"},
}
_SORTS = {"averageUtilization": "Utilization", "averageValue": "AverageValue", "value": "Value"}


def _deep(metric: Obj) -> Obj:
    found: Obj = {"type": metric["type"]}
    for name in (source for source in _SOURCES if source in metric):
        told = dict(metric[name])
        if name == "object" and "target" in told:
            told["describedObject"] = told.pop("target")
        target: Obj = {}
        for word, flat in _FLAT["resource" if name == "containerResource" else name].items():
            if flat in told:
                target = {"type": _SORTS[word], word: told.pop(flat)}
        named = {"name": told.pop("metricName")} if "metricName" in told else {}
        for selector in ("metricSelector", "selector"):
            named |= {"selector": told.pop(selector)} if selector in told else {}
        found[name] = {**told, **({"metric": named} if named else {}), "target": target}
    return found
