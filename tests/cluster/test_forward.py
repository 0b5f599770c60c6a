"""A pod's own loopback address, reached through the API server: what is heard, and what is said when nothing is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_kube import COUNTING, answer, plugin, unused_port
from upgrader.cluster.connection import forwarding
from upgrader.cluster.kube import Access, KubeTransport
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, ReadOnly, Recording, Retrying, Sent
from upgrader.host.clock import SystemClock
from upgrader.model.failures import (
    ClusterFailure,
    Forbidden,
    Invalid,
    ServerTrouble,
    Unauthorized,
    Unforwardable,
    Unreachable,
)
from upgrader.model.kinds import POD, Ref
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World

ANY = Ref(POD, "istiod", "istio-system")
SYNCZ = "/debug/syncz"


class Wire:
    """The far end of a port-forward, message by message; then it hangs up."""

    def __init__(self, *messages: bytes) -> None:
        self.messages = list(messages)
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def receive(self) -> bytes | None:
        return self.messages.pop(0) if self.messages else None

    def close(self) -> None:
        self.closed = True


PORTS = (b"\x00\xa6\x3a", b"\x01\xa6\x3a")


def data(*pieces: bytes) -> list[bytes]:
    return [*PORTS, *(b"\x00" + piece for piece in pieces)]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]"
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\n[1,2]"


@pytest.mark.parametrize("text", [CHUNKED, WHOLE, UNTIL_CLOSED], ids=["chunked", "length", "closed"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_read_however_it_is_cut_and_told_to_end(text: bytes, size: int) -> None:
    wire = Wire(*data(*(text[i : i + size] for i in range(0, len(text), size))))

    assert forwarding.get(wire, SYNCZ, "x") == (200, b"[1,2]")
    assert wire.sent[0].startswith(b"\x00GET /debug/syncz HTTP/1.1\r\n")


def test_any_status_is_the_pod_s_own_word() -> None:
    assert forwarding.get(
        Wire(*data(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")), SYNCZ, "x"
    ) == (404, b"no")


@pytest.mark.parametrize(
    ("messages", "kind", "words"),
    [
        (data(WHOLE[:-1]), Unreachable, "in the middle"),
        (data(CHUNKED[:-9]), Unreachable, "in the middle"),
        (data(), Unreachable, "without an answer"),
        ([], Unreachable, "without an answer"),
        (data(b"SSH-2.0-x\r\n"), ServerTrouble, "not answer as HTTP"),
        (data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Unreachable, "in the middle"),
        ([*PORTS, b"\x01dial tcp4 127.0.0.1:15014: connect: connection refused"], ServerTrouble, "connection refused"),
        ([*PORTS, b"\x01unable to do port forwarding: socat not found"], Unforwardable, "socat not found"),
    ],
    ids=["short", "no last chunk", "nothing", "not even ports", "no HTTP", "bad chunk", "nobody listens", "no socat"],
)  # fmt: skip
def test_an_answer_that_is_none_or_not_whole_is_a_failure(
    messages: list[bytes], kind: type[ClusterFailure], words: str
) -> None:
    with pytest.raises(kind, match=words):
        forwarding.get(Wire(*messages), SYNCZ, "x")


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "LARGEST", 1000)
    endless = data(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 400] * 4)

    with pytest.raises(ServerTrouble, match="larger than"):
        forwarding.get(Wire(*endless), SYNCZ, "x")


def refusal(code: int, message: str = "", reason: str = "") -> ClusterFailure:
    told = {"kind": "Status", "message": message, "reason": reason}
    return forwarding.refusal((code, {}, json.dumps(told).encode() if message else b"<html>", None), "GET x")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refusal(401, "Unauthorized"), Unauthorized),
        (refusal(403, 'cannot create resource "pods/portforward"', "Forbidden"), Forbidden),
        (refusal(404, 'pods "istiod" not found', "NotFound"), Invalid),
        (refusal(429, "slow down"), ServerTrouble),
        (refusal(500, "etcdserver: request timed out"), ServerTrouble),
        (refusal(503), ServerTrouble),
        (refusal(500, "no preferred addresses found; known addresses: []"), Unforwardable),
        (refusal(502, "error dialing backend: dial tcp 10.0.0.1:10250: connect: connection refused"), Unforwardable),
        (refusal(400, "Upgrade request required", "BadRequest"), Unforwardable),
        (refusal(405), Unforwardable),
        (refusal(426), Unforwardable),
        (refusal(200), Unforwardable),
    ],
    ids=lambda v: f"{v.status} {v.message[:20]}" if isinstance(v, ClusterFailure) else v.__name__,
)  # fmt: skip
def test_what_will_not_change_is_told_from_what_may(
    failure: ClusterFailure, kind: type[ClusterFailure]
) -> None:
    assert type(failure) is kind


@pytest.fixture
def world() -> World:
    made = World(kubernetes="1.33")
    load(made, "shop")
    return made


def istiod(world: World) -> Ref:
    pods = world.store.list("", "pods", "istio-system")
    return next(
        Ref(POD, p["metadata"]["name"], "istio-system")
        for p in pods
        if p["metadata"]["name"].startswith("istiod")
    )


@pytest.fixture(params=["direct", pytest.param("http", marks=pytest.mark.slow)])
def cluster(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[RestCluster]:
    if request.param == "direct":
        yield RestCluster(world.transport())
        return
    with Server(world) as server:
        write_kubeconfig(tmp_path / "config", server.url)
        yield RestCluster(KubeTransport(Access(str(tmp_path / "config"), timeout=5.0), SystemClock()))


@pytest.mark.slow
class TestOnTheSandbox:
    def test_what_istiod_tells_to_loopback_callers_only_is_heard(
        self, cluster: RestCluster, world: World
    ) -> None:
        status, body = ReadOnly(cluster).forward(istiod(world), 15014, SYNCZ)

        pods = {f"{p['metadata']['name']}.{p['metadata']['namespace']}" for p in world.store.list("", "pods")}
        told = {entry["proxy"] for entry in json.loads(body)}
        assert (status, len(body) > 10_000, len(told) > 20, told <= pods) == (200, True, True, True)

    def test_the_pod_s_proxy_is_no_way_to_it(self, cluster: RestCluster, world: World) -> None:
        with pytest.raises(Unauthorized):
            cluster.fetch(istiod(world), 15014, SYNCZ)

    def test_a_short_answer_and_another_port(self, cluster: RestCluster, world: World) -> None:
        assert cluster.forward(istiod(world), 8080, "/ready") == (200, b"")

    def test_who_may_not_is_forbidden(self, cluster: RestCluster, world: World) -> None:
        world.api.rbac.deny("admin", verbs=("get",), resources=("pods/portforward",))
        with pytest.raises(Forbidden, match="pods/portforward"):
            cluster.forward(istiod(world), 15014, SYNCZ)

    def test_a_port_where_nobody_listens_is_a_failure(self, cluster: RestCluster, world: World) -> None:
        with pytest.raises(ServerTrouble, match="connection refused"):
            cluster.forward(istiod(world), 9999, "/")

    def test_a_pod_that_is_not_there_is_a_failure(self, cluster: RestCluster) -> None:
        with pytest.raises(Invalid, match="not found"):
            cluster.forward(ANY, 15014, SYNCZ)

    def test_a_node_without_kubelet_cannot_forward(self, cluster: RestCluster, world: World) -> None:
        for node in world.store.list("", "nodes"):
            world.store.put(("", "nodes", "", node["metadata"]["name"]), {**node, "status": {}})
        with pytest.raises(Unforwardable, match="no preferred addresses"):
            cluster.forward(istiod(world), 15014, SYNCZ)

    def test_nothing_of_it_is_a_write(self, cluster: RestCluster, world: World) -> None:
        before = len(world.audit.writes())
        cluster.forward(istiod(world), 15014, SYNCZ)

        last = world.audit.entries[-1]
        assert (last.verb, last.subresource, last.status, last.mutating) == ("get", "portforward", 101, False)
        assert len(world.audit.writes()) == before


def dial(transport: KubeTransport) -> Any:
    return transport.dial("/api/v1/namespaces/a/pods/b/portforward", {"ports": "15014"}, forwarding.PROTOCOL)


@pytest.mark.slow
class TestConnections:
    """Certificates, credentials and time limits are those of every other request."""

    def test_the_request_carries_token_impersonation_and_protocol(
        self, scripted: Any, kubeconfig: Any
    ) -> None:
        scripted.answers = [answer(403, b"no")]
        path = kubeconfig(scripted.url, user={"token": "secret"})
        status, _, body, messages = dial(KubeTransport(Access(path, user="ana", groups=("x", "y"))))
        assert (status, body, messages) == (403, b"no", None)
        head = scripted.seen[0]
        assert head.startswith("GET /api/v1/namespaces/a/pods/b/portforward?ports=15014 HTTP/1.1")
        for line in (
            "Authorization: Bearer secret", "Impersonate-User: ana", "Impersonate-Group: x", "Impersonate-Group: y",
            "Sec-WebSocket-Protocol: v4.channel.k8s.io", "Upgrade: websocket",
        ):  # fmt: skip
            assert f"\r\n{line}\r\n" in head
        assert "Origin:" not in head

    def test_credentials_that_are_no_longer_accepted_are_fetched_anew_once(
        self, scripted: Any, kubeconfig: Any, tmp_path: Path
    ) -> None:
        scripted.answers = [answer(401), answer(403)]
        status, *_ = dial(KubeTransport(Access(kubeconfig(scripted.url, user=plugin(tmp_path, COUNTING)))))
        assert status == 403
        assert ["token-1" in scripted.seen[0], "token-2" in scripted.seen[1]] == [True, True]

    def test_silence_ends_after_the_time_that_was_asked_for(self, scripted: Any, kubeconfig: Any) -> None:
        scripted.answers = ["silence"]
        with pytest.raises(Unreachable, match="did not finish"):
            dial(KubeTransport(Access(kubeconfig(scripted.url), timeout=0.1)))

    @pytest.mark.parametrize("code", [200, 302])
    def test_an_answer_to_somebody_else_s_question_is_no_way(
        self, scripted: Any, kubeconfig: Any, code: int
    ) -> None:
        scripted.answers = [answer(code, b"{}", f"Location: ws{scripted.url.removeprefix('http')}/elsewhere")]
        transport = KubeTransport(Access(kubeconfig(scripted.url, user={"token": "secret"})))
        with pytest.raises((Unforwardable, ClusterFailure)) as raised:
            RestCluster(transport).forward(ANY, 15014, SYNCZ)
        assert type(raised.value) is Unforwardable
        assert len(scripted.seen) == 1, "a redirect would carry the token away"

    def test_a_server_that_is_not_there_is_unreachable(self, kubeconfig: Any) -> None:
        with pytest.raises(Unreachable, match="cannot be reached"):
            dial(KubeTransport(Access(kubeconfig(f"http://127.0.0.1:{unused_port()}"))))

    def test_a_certificate_of_somebody_else_ends_the_connection_before_the_token_is_sent(
        self, scripted_tls: Any, kubeconfig: Any
    ) -> None:
        scripted_tls.answers = [answer(403)]
        with pytest.raises(Unreachable, match="no safe connection"):
            dial(KubeTransport(Access(kubeconfig(scripted_tls.url, user={"token": "secret"}))))
        assert scripted_tls.seen == []

    def test_the_server_name_and_certificate_authority_of_the_kubeconfig_are_used(
        self, scripted_tls: Any, kubeconfig: Any, self_signed: Path
    ) -> None:
        scripted_tls.answers = [answer(403)]
        path = kubeconfig(
            scripted_tls.url,
            **{"certificate-authority": f"{self_signed}.crt", "tls-server-name": "elsewhere.invalid"},
        )
        assert dial(KubeTransport(Access(path)))[0] == 403

    def test_it_goes_through_the_proxy_that_the_kubeconfig_names(
        self, scripted: Any, kubeconfig: Any
    ) -> None:
        scripted.answers = [answer(502)]
        path = kubeconfig("https://api.invalid:6443", **{"proxy-url": scripted.url})
        with pytest.raises(Unreachable):
            dial(KubeTransport(Access(path)))
        assert scripted.seen[0].startswith("CONNECT api.invalid:6443 HTTP/1")


class Weather:
    """A transport on good and bad days."""

    def __init__(self, *days: int | ClusterFailure) -> None:
        self.days = list(days)
        self.asked = 0

    def send(self, *request: Any) -> Any:
        raise AssertionError(request)

    def dial(self, *request: Any) -> Any:
        self.asked += 1
        day = self.days.pop(0)
        if isinstance(day, ClusterFailure):
            raise day
        return day, {}, b"", Wire(*data(WHOLE)) if day == 101 else None


class Patient:
    """A clock that waits for nothing."""

    def __init__(self) -> None:
        self.at = 0.0

    def boottime(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.mark.parametrize(
    ("days", "asked"),
    [((101,), 1), ((503, 101), 2), ((Unreachable("x"), 429, 101), 3), ((403,), 1), ((500,), 1), ((Unforwardable("x"),), 1)],
    ids=str,
)  # fmt: skip
def test_it_is_dialled_again_where_that_may_help(days: Sequence[Any], asked: int) -> None:
    weather, told = Weather(*days), list[Sent]()
    counting = Counting(Recording(weather, Patient(), told.append))
    cluster = RestCluster(Retrying(counting, Patient()))
    if 101 in days:
        assert cluster.forward(ANY, 15014, SYNCZ) == (200, b"[1,2]")
    else:
        with pytest.raises(ClusterFailure):
            cluster.forward(ANY, 15014, SYNCZ)
    assert (weather.asked, counting.sent["GET"], len(told)) == (asked, asked, asked)
    assert told[-1].path == "/api/v1/namespaces/istio-system/pods/istiod/portforward?ports=15014"


def test_the_connection_is_closed_whatever_is_heard() -> None:
    wire = Wire(*data(b"SSH-2.0-x\r\n"))

    class One(Weather):
        def dial(self, *request: Any) -> Any:
            return 101, {}, b"", wire

    with pytest.raises(ServerTrouble):
        RestCluster(One()).forward(ANY, 15014, SYNCZ)
    assert wire.closed
