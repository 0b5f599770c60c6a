"""The real transport: kubeconfig, credentials, connections, and what is said when they fail."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from upgrader.cluster.kube import Access, KubeTransport
from upgrader.cluster.quiet import quiet
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ServerTrouble, Unreachable

pytestmark = pytest.mark.slow
"""The official client alone takes a third of a second to import."""


def answer(status: int, body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(transport: KubeTransport, path: str = "/version", **query: str) -> tuple[int, Any, bytes]:
    return transport.send("GET", path, query, None, "", "application/json")


def post(transport: KubeTransport) -> tuple[int, Any, bytes]:
    return transport.send("POST", "/api/v1/namespaces", {}, b"{}", "application/json", "application/json")


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def plugin(tmp_path: Path, body: str, name: str = "plugin") -> dict[str, Any]:
    script = tmp_path / f"{name}.py"
    script.write_text(textwrap.dedent(body))
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(script)],
            "interactiveMode": "Never",
        }
    }


COUNTING = """
    import json, pathlib
    count = pathlib.Path(__file__).with_suffix(".count")
    number = int(count.read_text()) + 1 if count.exists() else 1
    count.write_text(str(number))
    print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                      "status": {"token": f"token-{number}"}}))
"""


def test_a_request_carries_query_accept_agent_and_token(scripted: Any, kubeconfig: Any) -> None:
    scripted.answers = [answer(200, b'{"a":1}', "Retry-After: 7")]
    transport = KubeTransport(Access(kubeconfig(scripted.url, user={"token": "secret"})))
    status, headers, body = get(transport, limit="5", labelSelector="a=b,c")
    assert (status, headers["retry-after"], body) == (200, "7", b'{"a":1}')
    head = scripted.seen[0]
    assert head.startswith("GET /version?limit=5&labelSelector=a%3Db%2Cc HTTP/1.1")
    assert "Authorization: Bearer secret" in head
    assert "User-Agent: upgrade/" in head


def test_every_status_is_an_answer_and_no_redirect_is_followed(scripted: Any, kubeconfig: Any) -> None:
    transport = KubeTransport(Access(kubeconfig(scripted.url)))
    for status in (302, 403, 404, 409, 422, 429, 500, 503):
        scripted.answers = [answer(status, b"{}", "Location: /elsewhere", "Retry-After: 0")]
        assert get(transport)[0] == status
        assert post(transport)[0] == status
    assert len(scripted.seen) == 16


def test_impersonation_is_asked_for_by_option_and_by_kubeconfig(scripted: Any, kubeconfig: Any) -> None:
    scripted.answers = [answer(200)]
    path = kubeconfig(scripted.url, user={"token": "t", "as": "robot", "as-groups": ["bots"]})
    get(KubeTransport(Access(path)))
    get(KubeTransport(Access(path, user="ana", groups=("ops", "dev"))))
    assert "Impersonate-User: robot" in scripted.seen[0]
    assert "Impersonate-Group: bots" in scripted.seen[0]
    assert "Impersonate-User: ana" in scripted.seen[1]
    assert "Impersonate-Group: bots" not in scripted.seen[1]
    assert all(f"Impersonate-Group: {g}" in scripted.seen[1] for g in ("ops", "dev"))


def test_of_two_kubeconfigs_the_first_one_says_which_context_is_current(
    scripted: Any, kubeconfig: Any
) -> None:
    scripted.answers = [answer(200)]
    first = kubeconfig(scripted.url, "first", {"token": "of-the-first"})
    second = kubeconfig("http://127.0.0.1:1", "second", {"token": "of-the-second"})
    transport = KubeTransport(Access(os.pathsep.join((first, second))))
    get(transport)
    assert (transport.context, transport.server) == ("first", scripted.url)
    assert "Bearer of-the-first" in scripted.seen[0]
    assert KubeTransport(Access(os.pathsep.join((first, second)), context="second")).context == "second"


def test_missing_and_empty_files_of_the_environment_are_passed_over(
    scripted: Any, kubeconfig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    found = kubeconfig(scripted.url)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join((str(tmp_path / "none"), str(empty), found)))
    assert KubeTransport(Access()).context == "one"


def test_a_named_file_that_does_not_exist_is_an_error(kubeconfig: Any, tmp_path: Path) -> None:
    with pytest.raises(UpgradeError) as refused:
        KubeTransport(Access(str(tmp_path / "none")))
    assert (refused.value.code, refused.value.exit_code) == ("UPG-0005", Exit.CONFIG)
    assert refused.value.what == (str(tmp_path / "none"),)


def test_without_any_kubeconfig_it_says_where_it_looked(kubeconfig: Any, tmp_path: Path) -> None:
    with pytest.raises(UpgradeError) as refused:
        KubeTransport(Access())
    assert refused.value.code == "UPG-0005"
    assert str(tmp_path / "home" / ".kube" / "config") in refused.value.what[0]


def test_an_unknown_context_is_answered_with_the_nearest_one(kubeconfig: Any) -> None:
    path = kubeconfig("http://127.0.0.1:1", "prod-eu1")
    with pytest.raises(UpgradeError) as refused:
        KubeTransport(Access(path, context="prod-eu2"))
    assert (refused.value.code, refused.value.exit_code) == ("UPG-0006", Exit.CONFIG)
    assert refused.value.what[0] == "nearest: prod-eu1"
    assert refused.value.do[0] == "--context prod-eu1"


def test_without_a_current_context_none_is_guessed(kubeconfig: Any) -> None:
    path = kubeconfig("http://127.0.0.1:1", current=False)
    with pytest.raises(UpgradeError, match="UPG-0006"):
        KubeTransport(Access(path))
    assert KubeTransport(Access(path, context="one")).context == "one"


@pytest.mark.parametrize(
    "text", ["- a list", "{", "clusters: 7", "contexts: [{}]\ncurrent-context: x", "plain"]
)
def test_a_kubeconfig_that_is_none_is_refused_with_a_code(text: str, kubeconfig: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(UpgradeError, match=r"UPG-000[56]"):
        KubeTransport(Access(str(path)))


@pytest.mark.parametrize(
    "cluster",
    [{"certificate-authority": "/nowhere/ca.crt"}, {"certificate-authority-data": "bm90IGEgY2VydA=="}],
)
def test_a_certificate_that_cannot_be_used_is_refused_before_anything_is_sent(
    cluster: dict[str, str], kubeconfig: Any
) -> None:
    path = kubeconfig("https://127.0.0.1:1", **cluster)
    with pytest.raises((UpgradeError, Unreachable)) as refused:
        get(KubeTransport(Access(path)))
    assert not getattr(refused.value, "ambiguous", False)


def test_a_plugin_is_run_again_when_the_server_does_not_accept_its_token(
    scripted: Any, kubeconfig: Any, tmp_path: Path
) -> None:
    scripted.answers = [answer(401), answer(200, b"in")]
    transport = KubeTransport(Access(kubeconfig(scripted.url, user=plugin(tmp_path, COUNTING))))
    assert get(transport)[2] == b"in"
    assert ["token-1" in scripted.seen[0], "token-2" in scripted.seen[1]] == [True, True]


def test_a_second_refusal_is_the_answer(scripted: Any, kubeconfig: Any, tmp_path: Path) -> None:
    scripted.answers = [answer(401)]
    transport = KubeTransport(Access(kubeconfig(scripted.url, user=plugin(tmp_path, COUNTING))))
    assert post(transport)[0] == 401
    assert len(scripted.seen) == 2


def test_what_a_failing_plugin_says_reaches_the_error_and_not_the_terminal(
    kubeconfig: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = plugin(
        tmp_path, "import sys; print('\x1b[31msession has expired', file=sys.stderr); sys.exit(3)"
    )
    with pytest.raises(UpgradeError) as refused:
        KubeTransport(Access(kubeconfig("http://127.0.0.1:1", user=failing)))
    assert refused.value.code == "UPG-0005"
    assert any("session has expired" in line and "\x1b" not in line for line in refused.value.what)
    assert capfd.readouterr() == ("", "")


def test_a_plugin_that_is_not_installed_is_named(kubeconfig: Any) -> None:
    missing = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/no/such/plugin"}}
    with pytest.raises(UpgradeError) as refused:
        KubeTransport(Access(kubeconfig("http://127.0.0.1:1", user=missing)))
    assert "/no/such/plugin" in refused.value.headline


def test_a_refused_connection_means_that_nothing_was_sent(kubeconfig: Any) -> None:
    transport = KubeTransport(Access(kubeconfig(f"http://127.0.0.1:{unused_port()}")))
    with pytest.raises(Unreachable) as trouble:
        post(transport)
    assert not trouble.value.ambiguous
    assert "object at 0x" not in trouble.value.message


def test_a_server_that_cannot_prove_who_it_is_gets_no_request(scripted_tls: Any, kubeconfig: Any) -> None:
    scripted_tls.answers = [answer(200)]
    transport = KubeTransport(Access(kubeconfig(scripted_tls.url, user={"token": "secret"})))
    with pytest.raises(Unreachable, match="certificate verify failed") as trouble:
        post(transport)
    assert not trouble.value.ambiguous
    assert scripted_tls.seen == []


def test_a_pinned_authority_and_server_name_are_enough_to_prove_it(
    scripted_tls: Any, kubeconfig: Any, self_signed: Path
) -> None:
    scripted_tls.answers = [answer(200, b"safe")]
    pinned = {"certificate-authority": str(self_signed), "tls-server-name": "elsewhere.invalid"}
    assert get(KubeTransport(Access(kubeconfig(scripted_tls.url, **pinned))))[2] == b"safe"


def test_a_server_without_tls_gets_no_request_over_https(scripted: Any, kubeconfig: Any) -> None:
    transport = KubeTransport(Access(kubeconfig(scripted.url.replace("http:", "https:"))))
    with pytest.raises(Unreachable) as trouble:
        post(transport)
    assert not trouble.value.ambiguous
    assert scripted.seen == []


def test_a_host_without_address_means_that_nothing_was_sent(kubeconfig: Any) -> None:
    transport = KubeTransport(Access(kubeconfig("http://no-such-host.invalid:6443")))
    with pytest.raises(Unreachable) as trouble:
        post(transport)
    assert not trouble.value.ambiguous


@pytest.mark.parametrize(
    "said",
    ["reset", "silence", answer(200, b"{", length=500), b"nonsense\r\n\r\n"],
    ids=["reset", "silence", "torn", "no http"],
)
def test_an_answer_that_does_not_come_leaves_the_outcome_unknown(
    said: Any, scripted: Any, kubeconfig: Any
) -> None:
    scripted.answers = [said]
    transport = KubeTransport(Access(kubeconfig(scripted.url), timeout=0.2))
    with pytest.raises(Unreachable) as trouble:
        post(transport)
    assert trouble.value.ambiguous
    assert trouble.value.request == "POST /api/v1/namespaces"
    assert len(scripted.seen) == 1


def test_an_answer_larger_than_the_budget_is_not_kept(
    scripted: Any, kubeconfig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upgrader.cluster.kube.LARGEST", 1000)
    scripted.answers = [answer(200, b"x" * 1001)]
    with pytest.raises(ServerTrouble, match="larger"):
        get(KubeTransport(Access(kubeconfig(scripted.url))))


class Hurried:
    """A clock on which every look is 200 seconds after the last."""

    def __init__(self) -> None:
        self.now = 0.0

    def boottime(self) -> float:
        self.now += 200.0
        return self.now

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_an_answer_that_trickles_for_ever_ends_at_the_total_budget(scripted: Any, kubeconfig: Any) -> None:
    scripted.answers = [answer(200, b"x" * 600_000)]
    with pytest.raises(Unreachable, match="300 s") as trouble:
        get(KubeTransport(Access(kubeconfig(scripted.url)), Hurried()))
    assert trouble.value.ambiguous


def test_a_pod_without_kubeconfig_uses_its_service_account(
    kubeconfig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("of-the-pod")
    (tmp_path / "ca.crt").write_text(Path(certificate()).read_text())
    transport = KubeTransport(Access(account=tmp_path))
    assert (transport.context, transport.server, transport.insecure) == (
        "in-cluster",
        "https://10.0.0.1:443",
        False,
    )


def certificate() -> str:
    import certifi

    return certifi.where()


def test_switched_off_certificate_checks_are_told(kubeconfig: Any) -> None:
    off: dict[str, Any] = {"insecure-skip-tls-verify": True}
    assert KubeTransport(Access(kubeconfig("https://127.0.0.1:1", **off))).insecure
    assert not KubeTransport(Access(kubeconfig("https://127.0.0.1:1", "two"))).insecure


def test_what_a_library_logs_is_kept_and_the_root_logger_is_as_before(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = list(logging.getLogger().handlers)
    with quiet() as said:
        logging.getLogger("kubernetes").warning("gone %s", "wrong\x1b[2J")
        logging.error("badly")  # noqa: LOG015  as the library does
    assert said == ["gone wrong[2J", "badly"]
    assert logging.getLogger().handlers == before
    assert capfd.readouterr() == ("", "")


def test_the_official_client_is_not_imported_before_a_connection_is_wanted() -> None:
    code = (
        "import sys, upgrader.cluster.kube, upgrader.survey, upgrader.cluster.wrap;"
        "print([m for m in sys.modules if m.split('.')[0] in ('kubernetes', 'urllib3')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_kubeconfig_file_is_only_read(kubeconfig: Any) -> None:
    path = Path(kubeconfig("http://127.0.0.1:1", user={"token": "t"}))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    KubeTransport(Access(str(path)))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert yaml.safe_load(path.read_text())["current-context"] == "one"
