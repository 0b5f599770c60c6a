"""What kwok, which plays the kubelets, does with nodes and pods, in its own language of stages and templates.

A pod is ready at once, unless its label says which trouble it has. Pods of istiod are started by ``kubelet.py``, which
runs the real program and says itself when they are ready.
"""

from __future__ import annotations

from typing import Any

import yaml

TROUBLE = "bed/trouble"
"""Label of a pod: ``slow`` (ready after ``SLOW`` seconds), ``never`` (runs, never ready), ``crash``, ``image``; of a Job's pod: ``long``."""
SLOW = 4.0
_STAGE = "kwok.x-k8s.io/v1alpha1"
_LABEL = f'.metadata.labels["{TROUBLE}"]'
_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status'
_NODE = """
conditions:
{{ range NodeConditions }}
- {type: {{ .type }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }},
   lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }}}
{{ end }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ NodeName | Quote }}}
daemonEndpoints: {kubeletEndpoint: {Port: {{ NodePort }}}}
allocatable: {cpu: 1k, memory: 1Ti, pods: 1M}
capacity: {cpu: 1k, memory: 1Ti, pods: 1M}
nodeInfo: {architecture: amd64, operatingSystem: linux, kubeletVersion: {{ .metadata.annotations.kubelet | Quote }},
  containerRuntimeVersion: kwok, kernelVersion: "6.1.0", osImage: kwok, bootID: "", machineID: "", systemUUID: "",
  kubeProxyVersion: ""}
phase: Running
"""
_ADDRESSES = """
{{ with NodeIPWith .spec.nodeName }}
hostIP: {{ . | Quote }}
hostIPs: [{ip: {{ . | Quote }}}]
{{ end }}
{{ with PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ . | Quote }}
podIPs: [{ip: {{ . | Quote }}}]
{{ end }}
startTime: {{ Now | Quote }}
"""
_INIT = """
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  restartCount: 0
  ready: true
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: {running: {startedAt: {{ Now | Quote }}}}
  {{ else }}
  started: false
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }}}}
  {{ end }}
{{ end }}
"""


def stages() -> str:
    """The whole configuration, for ``kwok --config``."""
    ready = _pod("True", "running: {startedAt: {{ Now | Quote }}}")
    starting = _pod("False", "running: {startedAt: {{ Now | Quote }}}")
    found = [
        _stage("node-ready", "Node", [_expression(_READY, "NotIn", "True")], {"statusTemplate": _NODE}),
        _stage(
            "pod-ready",
            "Pod",
            [*_pending(), _not_istiod(), _expression(_LABEL, "NotIn", "slow", "never", "crash", "image")],
            {"statusTemplate": ready},
        ),
        _stage("istiod", "Pod", [*_pending(), _istiod()], {"statusTemplate": starting}),
        *_troubles(starting, ready),
        _stage("pod-complete", "Pod", _job(), {"statusTemplate": _COMPLETE}),
        _stage("pod-delete", "Pod", [_expression(".metadata.deletionTimestamp", "Exists")], {"delete": True}),
    ]
    return yaml.safe_dump_all(found, sort_keys=False)


def _troubles(starting: str, ready: str) -> list[dict[str, Any]]:
    waits = {"crash": "CrashLoopBackOff", "image": "ImagePullBackOff"}
    slow = [
        *_running(),
        _not_istiod(),
        _expression(_LABEL, "In", "slow"),
        _expression(_READY, "NotIn", "True"),
    ]
    return [
        _stage(
            "pod-starting",
            "Pod",
            [*_pending(), _not_istiod(), _expression(_LABEL, "In", "slow", "never")],
            {"statusTemplate": starting},
        ),
        _stage("pod-slow", "Pod", slow, {"statusTemplate": ready}, delay=SLOW),
        *(
            _stage(
                f"pod-{trouble}",
                "Pod",
                [*_pending(), _not_istiod(), _expression(_LABEL, "In", trouble)],
                {"statusTemplate": _pod("False", f"waiting: {{reason: {reason}, message: {trouble}}}", 3)},
            )
            for trouble, reason in waits.items()
        ),
    ]


def _pod(ready: str, state: str, restarts: int = 0) -> str:
    """Status of a running pod whose containers are all alike."""
    conditions = {
        "Initialized": "True",
        "Ready": ready,
        "ContainersReady": ready,
        "PodReadyToStartContainers": "True",
    }
    lines = [
        f'- {{type: {name}, status: "{status}", lastTransitionTime: {{{{ Now | Quote }}}}}}'
        for name, status in conditions.items()
    ]
    container = (
        "containerStatuses:\n{{ range .spec.containers }}\n"
        f'- {{name: {{{{ .name | Quote }}}}, image: {{{{ .image | Quote }}}}, imageID: "", ready: {ready.lower()}, '
        f"started: {ready.lower()}, restartCount: {restarts}, state: {{{state}}}}}\n{{{{ end }}}}\n"
    )
    return "\n".join(["conditions:", *lines, container, _INIT, _ADDRESSES, "phase: Running"])


_COMPLETE = """
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ Now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: false, restartCount: 0,
   state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }}}}}
{{ end }}
phase: Succeeded
"""


def _stage(
    name: str, kind: str, expressions: list[dict[str, Any]], then: dict[str, Any], delay: float = 0
) -> dict[str, Any]:
    wait = {"delay": {"durationMilliseconds": int(delay * 1000)}} if delay else {}
    spec = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": expressions},
        **wait,
        "next": then,
    }
    return {"apiVersion": _STAGE, "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def _pending() -> list[dict[str, Any]]:
    return [
        _expression(".metadata.deletionTimestamp", "DoesNotExist"),
        _expression(".status.phase", "In", "Pending"),
    ]


def _running() -> list[dict[str, Any]]:
    return [
        _expression(".metadata.deletionTimestamp", "DoesNotExist"),
        _expression(".status.phase", "In", "Running"),
    ]


def _istiod() -> dict[str, Any]:
    return _expression(".metadata.labels.app", "In", "istiod")


def _not_istiod() -> dict[str, Any]:
    return _expression(".metadata.labels.app", "NotIn", "istiod")


def _job() -> list[dict[str, Any]]:
    owner = _expression(".metadata.ownerReferences.[].kind", "In", "Job")
    return [*_running(), owner, _expression(_LABEL, "NotIn", "long")]
