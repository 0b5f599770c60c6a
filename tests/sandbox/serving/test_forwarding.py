"""Ports of pods, as kubectl of every age and the official Python client reach them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.serving.test_kubectl import KUBECTL, others
from upgrader.sandbox.api.wire import Forward
from upgrader.sandbox.forwarding.channels import Channels
from upgrader.sandbox.forwarding.listener import Listener
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n"


def inside(port: int, path: str) -> tuple[int, str, bytes] | None:
    return (200, "text/plain", b"x" * int(port)) if path == "/x" and port < 9000 else None


def test_a_connection_stays_until_one_side_wants_it_closed() -> None:
    listener = Listener(inside, 3)
    assert listener.hear(GET[:9]) == b""
    assert listener.hear(GET[9:] + GET).count(b"\r\n\r\nxxx") == 2
    assert not listener.over
    assert b"Connection: close" in listener.hear(LAST)
    assert listener.over


def test_a_long_answer_comes_in_chunks_as_go_sends_it() -> None:
    said = Listener(inside, 5000).hear(LAST)
    assert b"Transfer-Encoding: chunked" in said
    assert said.endswith(b"x\r\n388\r\n" + b"x" * 904 + b"\r\n0\r\n\r\n")


def test_channels_go_by_twos_and_repeat_their_port_first() -> None:
    line = Channels(Forward((3, 9999), inside, "a_b", "v4.channel.k8s.io"))
    assert line.begin() == [b"\x00\x03\x00", b"\x01\x03\x00", b"\x02\x0f\x27", b"\x03\x0f\x27"]
    (refusal,) = line.hear(b"\x02" + GET)
    assert refusal[0] == 3
    assert refusal.endswith(b"127.0.0.1:9999: connect: connection refused")
    assert line.hear(b"\x02" + GET) == line.hear(b"\x07" + GET) == line.hear(b"") == []
    (said,) = line.hear(b"\x00" + LAST)
    assert said.startswith(b"\x00HTTP/1.1 200 OK\r\n")
    assert line.over


@pytest.fixture(scope="module", params=[("stale-gateway", "1.26"), ("shop", "1.33")], ids=["1.26", "1.33"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Path]]:
    """API servers before and since they open SPDY inside WebSockets."""
    scenario, kubernetes = request.param
    world = World(kubernetes=kubernetes)
    load(world, scenario)
    home = tmp_path_factory.mktemp("kubectl")
    with Server(world) as server:
        write_kubeconfig(home / "config", server.url)
        yield world, home


def istiod(world: World) -> str:
    names = [p["metadata"]["name"] for p in world.store.list("", "pods", "istio-system")]
    return str(next(name for name in names if name.startswith("istiod")))


@contextmanager
def forwarded(program: str, home: Path, pod: str, port: int) -> Iterator[str]:
    command = [program, "-n", "istio-system", "port-forward", pod, f":{port}"]
    env = {"PATH": "/usr/bin", "HOME": str(home), "KUBECONFIG": str(home / "config")}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            found = re.search(r"127\.0\.0\.1:\d+", said)
            assert found is not None, said + process.stdout.read()
            yield f"http://{found[0]}"
        finally:
            process.terminate()


@pytest.mark.slow
@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed: nobody to ask")
@pytest.mark.parametrize("program", [*others(), Path(KUBECTL or "kubectl")], ids=lambda p: p.name)
def test_kubectl_forwards_a_port_of_istiod(served: tuple[World, Path], program: Path) -> None:
    world, home = served
    with forwarded(shutil.which(str(program)) or str(program), home, istiod(world), 15014) as url:
        first = urllib.request.urlopen(f"{url}/debug/syncz", timeout=10).read()
        second = urllib.request.urlopen(f"{url}/version", timeout=10).read()

    assert len(json.loads(first)) > 1
    assert second.startswith((b"1.17.8-", b"1.27.9-"))
    verbs = {e.verb for e in world.audit.entries if e.subresource == "portforward" and e.status == 101}
    assert verbs <= {"get", "create"}


@pytest.mark.slow
def test_the_official_client_forwards_a_port_of_istiod(served: tuple[World, Path]) -> None:
    from kubernetes import client, config, stream

    world, home = served
    api = client.CoreV1Api(config.new_client_from_config(str(home / "config")))
    call: Any = api.connect_get_namespaced_pod_portforward
    forward = stream.portforward(call, istiod(world), "istio-system", ports="15014")
    far = forward.socket(15014)
    far.setblocking(True)
    far.sendall(b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n")
    said = b""
    while piece := far.recv(4096):
        said += piece
    far.close()
    forward.websocket.shutdown()  # the library leaves it to the garbage collector
    assert re.search(rb"\r\n\r\n1\.\d+\.\d+-[0-9a-f]{40}-Clean$", said)


@pytest.mark.slow
def test_who_wants_no_upgrade_is_told_to(served: tuple[World, Path]) -> None:
    world, _ = served
    path = f"/api/v1/namespaces/istio-system/pods/{istiod(world)}/portforward"
    status, _, body = world.transport().send("GET", path, {"ports": "15014"}, None, "", "")
    assert (status, json.loads(body)["message"]) == (400, "Upgrade request required")


@pytest.mark.parametrize(("minor", "allowed"), [("1.34", True), ("1.35", False)])
def test_since_1_35_a_websocket_takes_the_right_to_create_too(minor: str, allowed: bool) -> None:
    world = World(kubernetes=minor)
    load(world, "shop")
    world.api.rbac.deny("admin", verbs=("create",), resources=("pods/portforward",))
    path = f"/api/v1/namespaces/istio-system/pods/{istiod(world)}/portforward"
    status, *_ = world.transport().dial(path, {"ports": "15014"}, "v4.channel.k8s.io")
    assert (status == 101) is allowed
    assert status in {101, 403}
