"""Pods as they come and go, and the addresses of istiods: what the stand-ins read from the API server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config

from tests.bed.standins.sidecars.pods import Istiod

__all__ = ["TROUBLE", "Kube"]

PAGE = 500
WATCH = 300
"""Seconds after which the server ends a watch, which is then continued."""
PODS = "/api/v1/pods"


class NotRead(LookupError):
    """The API server answered with something else."""


TROUBLE = (urllib3.exceptions.HTTPError, NotRead)
"""What the API server's absence or refusal is raised as."""
Obj = dict[str, Any]


class Kube:
    """Raw JSON through the official client's configuration and connections.

    Args:
        kubeconfig: File; its current context is used.
    """

    def __init__(self, kubeconfig: str) -> None:
        api: Any = config.new_client_from_config(kubeconfig)
        self._settings: client.Configuration = api.configuration
        self._pool: urllib3.PoolManager = api.rest_client.pool_manager

    def addresses(self, istiod: Istiod) -> list[str]:
        """``HOST:PORT`` of plaintext xDS of each ready istiod behind a Service, in order; empty: there is none now.

        Raises:
            LookupError: The API server did not say.
        """
        path = f"/apis/discovery.k8s.io/v1/namespaces/{istiod.namespace}/endpointslices"
        try:
            found = self._read(path, labelSelector=f"kubernetes.io/service-name={istiod.service}")
        except TROUBLE as error:
            raise LookupError(f"no answer about {istiod}: {error}") from error
        return sorted({f"{host}:{_port(each)}" for each in found["items"] for host in _hosts(each)})

    def follow(self, present: Callable[[list[Obj]], None], changed: Callable[[str, Obj], None]) -> None:
        """Tell all pods, then each change, until the watch can't go on; call again then.

        Args:
            present: Takes all pods there are.
            changed: Takes ``ADDED``, ``MODIFIED`` or ``DELETED`` and the pod.

        Raises:
            urllib3.exceptions.HTTPError: The server went away.
            NotRead: It refused.
        """
        version = ""
        pods: list[Obj] = []
        for page in self._pages():
            pods += page["items"]
            version = page["metadata"]["resourceVersion"]
        present(pods)
        while version:
            version = self._watch(version, changed)

    def _pages(self) -> Iterator[Obj]:
        more: dict[str, str] = {}
        while True:
            page = self._read(PODS, limit=str(PAGE), **more)
            yield page
            if not (token := page["metadata"].get("continue", "")):
                return
            more = {"continue": token}

    def _watch(self, version: str, changed: Callable[[str, Obj], None]) -> str:
        """One watch; where the next goes on, empty: list again."""
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        stream = self._open(PODS, WATCH + 30.0, {**query, "timeoutSeconds": str(WATCH)})
        for event in _lines(stream):
            if event["type"] == "ERROR":
                return ""
            version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                changed(event["type"], event["object"])
        return version

    def _read(self, path: str, **query: str) -> Obj:
        answer = self._open(path, 60.0, query)
        found: Obj = json.loads(answer.read())
        answer.release_conn()
        return found

    def _open(self, path: str, patience: float, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        token = self._settings.get_api_key_with_prefix("BearerToken", alias="authorization")
        answer = self._pool.request(
            "GET",
            f"{self._settings.host}{path}?{urlencode(query)}",
            headers={"Authorization": token} if token else {},
            timeout=urllib3.Timeout(connect=5.0, read=patience),
            retries=False,
            preload_content=False,
        )
        if answer.status != 200:
            raise NotRead(f"{answer.status} {answer.read()[:200].decode(errors='replace')}")
        return answer


def _hosts(endpoints: Obj) -> Iterator[str]:
    for each in endpoints.get("endpoints") or ():
        if each.get("conditions", {}).get("ready", True):
            yield from each["addresses"]


def _port(endpoints: Obj) -> int:
    ports = {port.get("name"): port.get("port") for port in endpoints.get("ports") or ()}
    return int(ports.get("grpc-xds") or 15010)


def _lines(stream: urllib3.BaseHTTPResponse) -> Iterator[Mapping[str, Any]]:
    rest = b""
    try:
        for piece in stream.stream(amt=None, decode_content=True):
            *whole, rest = (rest + piece).split(b"\n")
            yield from (json.loads(line) for line in whole if line)
    finally:
        stream.close()
