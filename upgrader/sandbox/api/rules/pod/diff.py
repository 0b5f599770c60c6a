"""The diff a pod update is refused with: a dump of the server's own structures, three lines of context."""

from __future__ import annotations

import difflib
from typing import Any

import orjson

from upgrader.sandbox.store import Obj

_SPEC = [
    "Volumes",
    "InitContainers",
    "Containers",
    "EphemeralContainers",
    "RestartPolicy",
    "TerminationGracePeriodSeconds",
    "ActiveDeadlineSeconds",
    "DNSPolicy",
    "NodeSelector",
    "ServiceAccountName",
    "AutomountServiceAccountToken",
    "NodeName",
    "SecurityContext",
    "ImagePullSecrets",
    "Hostname",
    "Subdomain",
    "SetHostnameAsFQDN",
    "Affinity",
    "SchedulerName",
    "Tolerations",
    "HostAliases",
    "PriorityClassName",
    "Priority",
    "PreemptionPolicy",
    "DNSConfig",
    "ReadinessGates",
    "RuntimeClassName",
    "Overhead",
    "EnableServiceLinks",
    "TopologySpreadConstraints",
    "OS",
    "SchedulingGates",
    "ResourceClaims",
    "Resources",
    "HostnameOverride",
]
_CONTAINER = [
    "Name",
    "Image",
    "Command",
    "Args",
    "WorkingDir",
    "Ports",
    "EnvFrom",
    "Env",
    "Resources",
    "ResizePolicy",
    "RestartPolicy",
    "RestartPolicyRules",
    "VolumeMounts",
    "VolumeDevices",
    "LivenessProbe",
    "ReadinessProbe",
    "StartupProbe",
    "Lifecycle",
    "TerminationMessagePath",
    "TerminationMessagePolicy",
    "ImagePullPolicy",
    "SecurityContext",
    "Stdin",
    "StdinOnce",
    "TTY",
]
_SECURITY = [
    "HostNetwork",
    "HostPID",
    "HostIPC",
    "ShareProcessNamespace",
    "HostUsers",
    "SELinuxOptions",
    "WindowsOptions",
    "RunAsUser",
    "RunAsGroup",
    "RunAsNonRoot",
    "SupplementalGroups",
    "SupplementalGroupsPolicy",
    "FSGroup",
    "Sysctls",
    "FSGroupChangePolicy",
    "SeccompProfile",
    "AppArmorProfile",
    "SELinuxChangePolicy",
]
_RESOURCES = ["Limits", "Requests", "Claims"]
_EMPTY_TEXT = frozenset(
    [
        "RestartPolicy",
        "DNSPolicy",
        "ServiceAccountName",
        "NodeName",
        "Hostname",
        "Subdomain",
        "SchedulerName",
        "PriorityClassName",
        "Name",
        "Image",
        "WorkingDir",
        "TerminationMessagePath",
        "TerminationMessagePolicy",
        "ImagePullPolicy",
    ]
)
_FALSE = frozenset(["Stdin", "StdinOnce", "TTY", "HostNetwork", "HostPID", "HostIPC"])
_SPELLED = {
    "DNSPolicy": "dnsPolicy",
    "DNSConfig": "dnsConfig",
    "OS": "os",
    "TTY": "tty",
    "FSGroup": "fsGroup",
}


def spec_diff(old: Obj, new: Obj) -> str:
    """A unified diff without its two header lines."""
    before, after = _lines(old), _lines(new)
    return "".join(f"{line}\n" for line in list(difflib.unified_diff(before, after, lineterm=""))[2:])


def _lines(spec: Obj) -> list[str]:
    text = orjson.dumps(_spec(spec), option=orjson.OPT_INDENT_2).decode()
    return [" " * ((len(line) - len(line.lstrip())) // 2) + line.lstrip() for line in text.splitlines()]


def _spec(spec: Obj) -> Obj:
    found = _struct(spec, _SPEC)
    for name in ("InitContainers", "Containers", "EphemeralContainers"):
        if found[name]:
            found[name] = [_container(container) for container in found[name]]
    if "securityContext" in spec:
        told = {
            **spec["securityContext"],
            **{n: spec[n] for n in ("hostNetwork", "hostPID", "hostIPC") if n in spec},
        }
        found["SecurityContext"] = _struct(told, _SECURITY)
    return found


def _container(container: Obj) -> Obj:
    found = _struct(container, _CONTAINER)
    found["RestartPolicy"] = container.get("restartPolicy")
    found["Resources"] = _struct(container.get("resources") or {}, _RESOURCES)
    return found


def _struct(source: Obj, names: list[str]) -> Obj:
    return {name: source.get(_spelled(name), _empty(name)) for name in names}


def _spelled(name: str) -> str:
    return _SPELLED.get(name) or name[0].lower() + name[1:]


def _empty(name: str) -> Any:
    if name in _EMPTY_TEXT:
        return ""
    return False if name in _FALSE else None
