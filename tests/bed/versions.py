"""What the bed is made of: which releases, from which modules, with which stamps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PARTS = Path(__file__).parent / "parts"
"""One small Go module for each part, for their dependency graphs do not agree."""
KUBERNETES: Mapping[str, str] = {"1.32": "1.32.2", "1.34": "1.34.4"}
"""Minor to release. The oldest that Istio 1.30 supports, and the one that the recorded exchanges come from."""
USUAL = "1.34"
OLD, NEW = "1.29.6", "1.30.3"
BEFORE_NEW = "1.30.2"
"""For what an istiod of OLD knows nothing of: ListenerSets."""
STAMPS = (OLD, BEFORE_NEW, NEW)
"""Of istiod and istioctl: one source, the only one that the module proxy serves, linked for each."""
HUB = "docker.io/istio"
_STAMP = "istio.io/istio/pkg/version"
_GIT = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Program:
    """One binary.

    Attributes:
        module: Folder below ``parts``.
        package: Its main package.
        version: Part of the name of its folder in the cache.
        variables: What the linker sets, name to value.
    """

    name: str
    module: str
    package: str
    version: str
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def programs(minor: str) -> tuple[Program, ...]:
    """Everything that a bed of that Kubernetes minor needs, the parts of Kubernetes first.

    Raises:
        KeyError: no such minor in ``KUBERNETES``.
    """
    return (
        *(_kubernetes(name, minor) for name in ("apiserver", "controller-manager", "scheduler", "ctl")),
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", "3.6.16"),
        Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "0.8.0"),
        *(one for stamp in STAMPS for one in istio(stamp)),
    )


def istio(stamp: str) -> tuple[Program, Program]:
    """istiod and istioctl that say they are *stamp*."""
    values = {
        "buildVersion": stamp,
        "buildTag": stamp,
        "buildHub": HUB,
        "buildGitRevision": "bed",
        "buildStatus": "Clean",
    }
    variables = {f"{_STAMP}.{name}": value for name, value in values.items()}
    packages = {"pilot-discovery": "pilot/cmd/pilot-discovery", "istioctl": "istioctl/cmd/istioctl"}
    found = [
        Program(name, "istio", f"istio.io/istio/{package}", stamp, variables)
        for name, package in packages.items()
    ]
    return found[0], found[1]


def kubectl(minor: str) -> Program:
    """kubectl of the API server's own release."""
    return _kubernetes("ctl", minor)


def _kubernetes(name: str, minor: str) -> Program:
    release = KUBERNETES[minor]
    variables = {
        f"{_GIT}.gitVersion": f"v{release}",
        f"{_GIT}.gitMajor": minor.partition(".")[0],
        f"{_GIT}.gitMinor": minor.partition(".")[2],
    }
    binary = "kubectl" if name == "ctl" else f"kube-{name}"
    return Program(binary, f"kubernetes-{minor}", f"k8s.io/kubernetes/cmd/{binary}", release, variables)
