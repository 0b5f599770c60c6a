"""``make bench-bed``: what it costs to look at a mesh of thousands of injected pods, beside other ways of looking.

Everything is measured in one run, each as a process of its own: seconds, and peak memory of that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bed.bed import Bed
from tests.bed.build import place
from tests.bed.processes import await_
from tests.bed.space import INSIDE
from tests.bed.versions import NEW, OLD, USUAL, istio
from tests.bytecode import compiled_once

PODS = 5000
NAMESPACES = 50
DEPLOYMENTS = 10
"""In each namespace."""
ROUNDS = 3
_PAUSE = 5.0
_RAW = """
import sys, urllib3, yaml, orjson
config = yaml.safe_load(open(sys.argv[1]))
cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
pool = urllib3.PoolManager(ca_certs=cluster["certificate-authority"])
token, count = "", 0
while True:
    url = cluster["server"] + "/api/v1/pods?limit=500" + (f"&continue={token}" if token else "")
    page = orjson.loads(pool.request("GET", url, headers={"Authorization": "Bearer " + user["token"]}).data)
    count += len(page["items"])
    token = page["metadata"].get("continue")
    if not token:
        break
print(count)
"""
_SURVEY = """
from upgrader.cli.input.options import Globals
from upgrader.cli.wiring import connect, survey
print(len(survey(connect(Globals())).pods))
"""
_TYPED = """
from kubernetes import client, config
config.load_kube_config()
print(len(client.CoreV1Api().list_pod_for_all_namespaces().items))
"""


@dataclass(frozen=True)
class Cost:
    """Of one way of looking: the fastest of all rounds, and the most memory of any."""

    name: str
    seconds: float
    mebibytes: float


def main(minor: str) -> int:
    """Fill a bed, look in every way, print."""
    with Bed(Path(os.environ[INSIDE]) / "bed", minor, sample=1) as bed:
        _fill(bed)
        folder = _manifests(bed)
        costs = [_cost(bed, name, words) for name, words in _ways(bed, folder).items()]
    _show(costs)
    return 0


def _ways(bed: Bed, folder: Path) -> dict[str, list[str]]:
    istioctl = str(place(istio(NEW)[1]))
    upgrade = str(Path(sys.executable).with_name("upgrade"))
    return {
        "raw paged list of pods": [sys.executable, "-c", _RAW, str(bed.kubeconfig())],
        "our survey": [sys.executable, "-c", _SURVEY],
        "upgrade plan": [upgrade, "plan", "--to", NEW, "--manifests", str(folder)],
        "istioctl analyze -A": [istioctl, "analyze", "-A"],
        "istioctl x precheck": [istioctl, "x", "precheck"],
        "typed list of the official client": [sys.executable, "-c", _TYPED],
    }


def _cost(bed: Bed, name: str, words: Sequence[str]) -> Cost:
    settings = {**bed.environment("admin"), **compiled_once(bed.folder / "bytecode")}
    found = [_once(words, settings) for _ in range(ROUNDS)]
    return Cost(name, min(seconds for seconds, _ in found), max(memory for _, memory in found))


def _once(words: Sequence[str], settings: Mapping[str, str]) -> tuple[float, float]:
    """Seconds and MiB. The exit code of a look that finds something is not ours to judge."""
    begun = time.monotonic()
    process = subprocess.Popen(
        words, env=dict(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def _fill(bed: Bed) -> None:
    revision = OLD.replace(".", "-")
    bed.install(OLD, revision)
    replicas = PODS // (NAMESPACES * DEPLOYMENTS)
    for number in range(NAMESPACES):
        name = f"team-{number:02}"
        labels = {"istio.io/rev": revision}
        bed.api.create(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        )
        for app in range(DEPLOYMENTS):
            bed.api.create(
                f"/apis/apps/v1/namespaces/{name}/deployments", _deployment(f"app-{app}", replicas)
            )
    print(f"{NAMESPACES * DEPLOYMENTS} Deployments made, {PODS} pods awaited", flush=True)
    await_("all pods run", lambda: _running(bed) >= PODS, 900)


def _running(bed: Bed) -> int:
    """How many pods are available; asked seldom, for it is not what is measured."""
    time.sleep(_PAUSE)
    found = bed.api.items("/apis/apps/v1/deployments")
    count = sum(int(one["status"].get("availableReplicas", 0)) for one in found)
    print(f"  {count} run", flush=True)
    return count


def _deployment(name: str, replicas: int) -> dict[str, object]:
    container = {"name": "app", "image": "example.test/app:1"}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _manifests(bed: Bed) -> Path:
    folder = bed.folder / "manifests" / NEW
    folder.mkdir(parents=True)
    (folder / "istiod.yaml").write_text(bed.rendered(NEW, NEW.replace(".", "-")))
    return folder.parent


def _show(costs: Sequence[Cost]) -> None:
    table = Table("looking at", "seconds", "MiB", "against the raw list", title=f"{PODS} injected pods")
    for cost in costs:
        ratio = f"{cost.seconds / costs[0].seconds:.2f}"
        table.add_row(cost.name, f"{cost.seconds:.2f}", f"{cost.mebibytes:.0f}", ratio)
    console = Console()
    console.print(table)
    by = {cost.name: cost.seconds for cost in costs}
    both = by["istioctl analyze -A"] + by["istioctl x precheck"]
    console.print(f"plan against analyze and precheck together: {by['upgrade plan'] / both:.2f}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else USUAL))
