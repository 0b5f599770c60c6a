"""Ingresses before networking.k8s.io/v1: backends were a name and a port, path types had a default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from upgrader.sandbox.store import Obj


def to_v1beta1(obj: Obj) -> Obj:
    """As v1beta1 shows it."""
    return _converted(obj, _flat, "defaultBackend", "backend")


def from_v1beta1(obj: Obj) -> Obj:
    """As it is stored, from v1beta1."""
    return _converted(obj, _deep, "backend", "defaultBackend")


def _converted(obj: Obj, change: Callable[[Obj], Obj], old: str, new: str) -> Obj:
    spec = dict(obj.get("spec") or {})
    if old in spec:
        spec[new] = change(spec.pop(old))
    if spec.get("rules"):
        spec["rules"] = [_rule(rule, change) for rule in spec["rules"]]
    return {**obj, "spec": spec}


def _rule(rule: Obj, change: Callable[[Obj], Obj]) -> Obj:
    http = rule.get("http")
    if not http:
        return rule
    paths: list[Any] = [
        {"pathType": "ImplementationSpecific", **path, "backend": change(path.get("backend") or {})}
        for path in http.get("paths") or ()
    ]
    return {**rule, "http": {**http, "paths": paths}}


def _flat(backend: Obj) -> Obj:
    service = backend.get("service")
    if not service:
        return backend
    port = service.get("port") or {}
    return {"serviceName": service.get("name", ""), "servicePort": port.get("name") or port.get("number", 0)}


def _deep(backend: Obj) -> Obj:
    if "serviceName" not in backend:
        return backend
    told = backend.get("servicePort")
    port = {"name": told} if isinstance(told, str) else {"number": told}
    return {"service": {"name": backend["serviceName"], "port": port}}
