"""The API server as anybody may call it: one request, one answer, no retries, no opinions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

Obj = dict[str, Any]
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class Api:
    """One user's requests.

    Args:
        kubeconfig: With a token and a certificate authority, as the bed writes them.
    """

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        token = config["users"][0]["user"]["token"]
        self.server = str(cluster["server"])
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(ca_certs=cluster["certificate-authority"], maxsize=8)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status, and the body as JSON or else as text."""
        answer = self._pool.request(
            method,
            self.server + path + (f"?{urlencode(query)}" if query else ""),
            body=None if body is None else json.dumps(body).encode(),
            headers=self._headers | {"Content-Type": content},
            retries=False,
            timeout=30.0,
        )
        text = answer.data.decode()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def got(self, path: str, **query: str) -> Any:
        """What a GET answers.

        Raises:
            Refused: with any other status than 200.
        """
        return self._good("GET", path, query=query)

    def items(self, path: str, **query: str) -> list[Obj]:
        """Items of a list."""
        return list(self.got(path, **query)["items"])

    def create(self, path: str, body: Obj) -> Obj:
        """POST, which must work."""
        made: Obj = self._good("POST", path, body)
        return made

    def patch(self, path: str, body: Any, content: str = MERGE) -> Obj:
        """PATCH, which must work."""
        patched: Obj = self._good("PATCH", path, body, content=content)
        return patched

    def delete(self, path: str) -> None:
        """DELETE, which must work."""
        self._good("DELETE", path)

    def watch(self, path: str, over: threading.Event) -> Iterator[Any]:
        """Every event after now, until *over* is set; short watches, each from where the last one ended.

        Raises:
            Refused: the server does not remember that far back.
        """
        version = str(self.got(path, limit="1")["metadata"]["resourceVersion"])
        while not over.is_set():
            query = {
                "watch": "1",
                "resourceVersion": version,
                "timeoutSeconds": "1",
                "allowWatchBookmarks": "1",
            }
            answer = self._pool.request(
                "GET",
                f"{self.server}{path}?{urlencode(query)}",
                headers=self._headers,
                retries=False,
                timeout=30.0,
            )
            for line in answer.data.splitlines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Refused(f"watch {path}: {message(event['object'])}")
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield event

    def _good(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, answer = self.ask(method, path, body, **more)
        if status >= 300:
            raise Refused(f"{method} {path}: {status} {message(answer)}")
        return answer


class Refused(Exception):
    """The API server said no."""


def message(answer: Any) -> str:
    """The words of a Status, or the answer itself."""
    return str(answer.get("message", answer)) if isinstance(answer, dict) else str(answer)
