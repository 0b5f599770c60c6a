"""The real API server: configuration, credentials and connections of the official client, and nothing else of it.

Its generated API classes are never used: they re-send writes by themselves, have no timeouts, lose fields that they do
not know, and cost a second to import. Everything of the library is imported when a connection is made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import yaml

from upgrader.cluster.access import READ, Access, no_context, no_kubeconfig, no_way_in
from upgrader.cluster.clean import clean_line
from upgrader.cluster.connection.messages import dial
from upgrader.cluster.connection.trouble import translated
from upgrader.cluster.port import Answer, Clock, Dialled
from upgrader.cluster.quiet import quiet
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import ServerTrouble, Unreachable

if TYPE_CHECKING:
    import urllib3
    from kubernetes.client import Configuration

__all__ = ["READ", "Access", "KubeTransport"]

CONNECT = 5.0
"""Seconds for a connection."""
WHOLE = 300.0
"""Seconds for one whole answer, however steadily it trickles."""
LARGEST = 64 * 1024 * 1024
"""Bytes of one answer, unpacked; pages of 500 objects stay far below."""
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Login:
    """What one reading of the configuration came to."""

    settings: Configuration
    context: str
    user: str = ""
    groups: tuple[str, ...] = ()


class KubeTransport:
    """Requests through the official client's connection pool; never re-sent by itself.

    Args:
        access: As the user wants it.
        clock: Measures the time of a whole answer; without one only the pauses in it are bounded.

    Attributes:
        context: Name of the context in use; ``in-cluster`` without a kubeconfig.
        server: URL of the API server.
        insecure: The kubeconfig switches certificate checks off.

    Raises:
        UpgradeError: UPG-0005: no usable kubeconfig or credentials; UPG-0006: no such context.
    """

    def __init__(self, access: Access, clock: Clock | None = None) -> None:
        self._access = access
        self._clock = clock
        self._login = _log_in(access)
        self.context = self._login.context
        self.server = str(self._login.settings.host)
        self.insecure = self.server.startswith("https:") and not self._login.settings.verify_ssl
        self._pool = _pool(self._login.settings)

    def send(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """One request; once more with fresh credentials when the server does not accept ours (401, so not done)."""
        answer = self._once(method, path, query, body, content_type, accept)
        if answer[0] == 401:
            self._login_again()
            answer = self._once(method, path, query, body, content_type, accept)
        return answer

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """Ask for a WebSocket; once more with fresh credentials when the server does not accept ours."""
        dialled = self._dialled_once(path, query, protocol)
        if dialled[0] == 401:
            self._login_again()
            dialled = self._dialled_once(path, query, protocol)
        return dialled

    def _dialled_once(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        deadline = self._clock.boottime() + WHOLE if self._clock else 0.0

        def late() -> None:
            _within_budget(0, self._clock.boottime() - deadline if self._clock else 0.0, f"GET {path}")

        where = f"{path}?{urlencode(query)}"
        headers = [*self._headers("*/*", "").items()]
        return dial(self._pool, self.server, where, headers, protocol, self._access.timeout, late)

    def _login_again(self) -> None:
        self._login = _log_in(self._access)
        self._pool = _pool(self._login.settings)

    def _once(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        import urllib3

        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = self._headers(accept, content_type)
        timeout = urllib3.Timeout(connect=CONNECT, read=self._access.timeout)
        with translated(f"{method} {path}", self.server):
            response = self._pool.request(
                method, url, body=body, headers=headers, timeout=timeout,
                retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
            data = self._read(response, f"{method} {path}")
        return response.status, {k.lower(): v for k, v in response.headers.items()}, data

    def _read(self, response: Any, request: str) -> bytes:
        """The whole body. A connection whose answer was not read to the end is not used again."""
        deadline = self._clock.boottime() + WHOLE if self._clock else 0.0
        data = bytearray()
        try:
            for piece in response.stream(_PIECE, decode_content=True):
                data += piece
                _within_budget(len(data), self._clock.boottime() - deadline if self._clock else 0.0, request)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return bytes(data)

    def _headers(self, accept: str, content_type: str) -> Any:
        import urllib3

        from upgrader import __version__

        headers = urllib3.HTTPHeaderDict({"Accept": accept, "User-Agent": f"upgrade/{__version__}"})
        headers["Accept-Encoding"] = "gzip"
        if content_type:
            headers["Content-Type"] = content_type
        with quiet():
            token = self._login.settings.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        if self._login.user:
            headers["Impersonate-User"] = self._login.user
        for group in self._login.groups:
            headers.add("Impersonate-Group", group)
        return headers


def _within_budget(size: int, late: float, request: str) -> None:
    if size > LARGEST:
        raise ServerTrouble(f"the answer is larger than {LARGEST >> 20} MiB", request=request)
    if late > 0:
        raise Unreachable(f"the answer took longer than {WHOLE:.0f} s", request=request)


def _log_in(access: Access) -> Login:
    """Read the configuration and get credentials, running the credential plugin that it names.

    Raises:
        UpgradeError: UPG-0005, UPG-0006.
    """
    files = access.files()
    if not files and not access.in_cluster:
        raise no_kubeconfig(access)
    with quiet() as said:
        from kubernetes.client.configuration import Configuration
        from kubernetes.config.config_exception import ConfigException

        settings = Configuration()
        try:
            return _of_files(access, files, settings, said) if files else _of_pod(access, settings)
        except UpgradeError:
            raise
        except ConfigException as error:
            raise no_way_in("the kubeconfig cannot be used", str(error), *said) from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise no_way_in(
                "the kubeconfig cannot be read", f"{type(error).__name__}: {error}", *said
            ) from error


def _of_pod(access: Access, settings: Configuration) -> Login:
    from kubernetes.config.incluster_config import InClusterConfigLoader

    paths = (str(access.account / "token"), str(access.account / "ca.crt"))
    InClusterConfigLoader(*paths).load_and_set(settings)
    return Login(settings, "in-cluster", access.user, access.groups)


def _of_files(access: Access, files: tuple[str, ...], settings: Configuration, said: list[str]) -> Login:
    """As kubectl: of two files that say the same thing, the first one counts, for ``current-context`` too."""
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    try:
        merged = KubeConfigMerger(os.pathsep.join(files))
    except yaml.YAMLError as error:
        raise no_way_in("the kubeconfig is not YAML", *files, str(error)) from error
    current = next((c for f in merged.config_files.values() if (c := f.get("current-context"))), "")
    name = access.context or str(current)
    contexts = {
        str(c.value.get("name")): c.value.get("context") or {} for c in merged.config.value["contexts"]
    }
    if name not in contexts:
        raise no_context(name, tuple(contexts))
    KubeConfigLoader(
        merged.config, active_context=name, config_base_path=None, config_persister=merged.save_changes
    ).load_and_set(settings)
    user = _user(merged, contexts[name].get("user"))
    if "exec" in user and not settings.api_key and not settings.cert_file:
        plugin = (user.get("exec") or {}).get("command", "")
        raise no_way_in(f"the credential plugin {clean_line(str(plugin))} gave no credentials", *said)
    groups = access.groups or (() if access.user else tuple(user.get("as-groups") or ()))
    return Login(settings, name, access.user or str(user.get("as") or ""), groups)


def _user(merged: Any, name: Any) -> dict[str, Any]:
    """What the kubeconfig says of a user; the library keeps exec and impersonation to itself."""
    for entry in merged.config.value["users"]:
        if entry.value.get("name") == name:
            found: dict[str, Any] = entry.value.get("user") or {}
            return found
    return {}


def _pool(settings: Configuration) -> urllib3.PoolManager:
    """Connections as the library would make them: certificates, proxies, server names.

    Raises:
        UpgradeError: UPG-0005: certificate, key or proxy URL cannot be used.
    """
    import urllib3
    from kubernetes.client.rest import RESTClientObject

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        with quiet():
            pool: urllib3.PoolManager = RESTClientObject(settings).pool_manager
            pool.connection_from_url(str(settings.host))
    except (OSError, ValueError, ImportError, urllib3.exceptions.HTTPError) as error:
        raise no_way_in("the kubeconfig cannot be used", f"server {settings.host}", str(error)) from error
    return pool
