"""Pod templates without what may be a secret: what a check may ask of a workload, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from upgrader.cluster.read.hiding import HIDDEN, is_secret, unargued
from upgrader.model.kinds import Labels, Obj

ISTIOS_OWN = frozenset({"istio-proxy", "istio-init", "istio-validation", "discovery", "install-cni"})
"""Containers whose arguments and environment are Istio's, and so are kept. What they take from Secrets is not in there."""
_POD = (
    "hostNetwork", "hostPID", "hostUsers", "nodeSelector", "tolerations", "serviceAccountName",
    "automountServiceAccountToken", "terminationGracePeriodSeconds", "priorityClassName", "runtimeClassName",
    "securityContext", "shareProcessNamespace", "dnsPolicy", "restartPolicy",
)  # fmt: skip
_CONTAINER = ("name", "image", "imagePullPolicy", "ports", "resources", "securityContext", "restartPolicy")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_SLEEP = re.compile(r"\bsleep\s+\d+(?:\.\d+)?[smh]?")
_NAMED = {
    "configMap": "name", "secret": "secretName", "persistentVolumeClaim": "claimName", "hostPath": "path", "csi": "driver",
}  # fmt: skip
"""What a volume of each source is known by."""


def template_facts(template: Obj, *, args: bool = False) -> Obj:
    """*template* (metadata and spec of pods) in the same shape, with what checks may ask about.

    Left out: affinity, values of environment variables, arguments and commands but those of Istio's own containers,
    headers of probes, and of commands that probes and hooks run all but the program and how long it sleeps.

    Args:
        template: As a workload has it, or a pod.
        args: Keep the arguments of every container: of agents of the cluster, where they say how it is set up.
    """
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    kept: Obj = {key: spec[key] for key in _POD if spec.get(key) not in (None, {}, [], "")}
    for place in ("initContainers", "containers"):
        if spec.get(place):
            kept[place] = [_container(c, args=args) for c in spec[place]]
    if spec.get("volumes"):
        kept["volumes"] = [_volume(v) for v in spec["volumes"]]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": kept}


def env_of(container: Obj, *, values: bool) -> list[Obj]:
    """The variables of *container* by name, in its order; with what is written there where *values* are wanted."""
    found = container.get("env") or ()
    if not values:
        return [{"name": e["name"]} for e in found]
    return [_variable(e) for e in found]


def _variable(variable: Obj) -> Obj:
    """With its value, or with where that is taken from, which says no secret."""
    name = str(variable["name"])
    if "value" in variable:
        value = str(variable["value"])
        return {"name": name, "value": HIDDEN if value and is_secret(name) else value}
    return {"name": name, **{k: v for k, v in variable.items() if k == "valueFrom"}}


def _container(container: Obj, *, args: bool) -> Obj:
    own = container.get("name") in ISTIOS_OWN
    kept: Obj = {key: container[key] for key in _CONTAINER if container.get(key) not in (None, {}, [], "")}
    kept |= {key: _probe(container[key]) for key in _PROBES if container.get(key)}
    if container.get("lifecycle"):
        kept["lifecycle"] = {hook: _action(does) for hook, does in container["lifecycle"].items()}
    if container.get("env"):
        kept["env"] = env_of(container, values=own)
    if container.get("volumeMounts"):
        kept["volumeMounts"] = [{"name": m["name"]} for m in container["volumeMounts"]]
    if own or args:
        kept |= {key: unargued(container[key]) for key in ("command", "args") if container.get(key)}
    return kept


def _probe(probe: Obj) -> Obj:
    plain = {key: value for key, value in probe.items() if not isinstance(value, Mapping)}
    return plain | _action(probe)


def _action(action: Any) -> Obj:
    """A handler of a probe or hook."""
    if not isinstance(action, Mapping):
        return {}
    kept: Obj = {key: value for key, value in action.items() if key in {"tcpSocket", "grpc", "sleep"}}
    if isinstance(asked := action.get("httpGet"), Mapping):
        kept["httpGet"] = {key: value for key, value in asked.items() if key != "httpHeaders"}
    if isinstance(run := action.get("exec"), Mapping):
        kept["exec"] = {"command": _said(run.get("command") or ())}
    return kept


def _said(command: Iterable[str]) -> list[str]:
    """The program, and how long it sleeps."""
    words = [str(word) for word in command]
    if words[:1] == ["sleep"]:
        return words
    return [*words[:1], *_SLEEP.findall(" ".join(words[1:]))]


def _volume(volume: Obj) -> Obj:
    """Its name, its source, and which ConfigMap, Secret, claim or path that is."""
    kept: Obj = {"name": volume["name"]}
    for source, told in volume.items():
        if source != "name":
            kept[source] = _source(source, told)
    return kept


def _source(source: str, told: Any) -> Labels | Obj:
    if not isinstance(told, Mapping):
        return {}
    if source == "emptyDir":
        return dict(told)
    if source == "projected":
        return {"sources": [{k: _source(k, v) for k, v in one.items()} for one in told.get("sources") or ()]}
    if source == "serviceAccountToken":
        return {"audience": str(told.get("audience", ""))}
    key = _NAMED.get(source, "")
    name = told.get(key) or (
        told.get("name") if source == "secret" else None
    )  # a projected Secret has a name
    return {key if told.get(key) else "name": str(name)} if name else {}
