"""A case: a short exchange with an API server in a namespace of its own, and what was answered."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import orjson
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from tests.conformance.face import Answer, Place
from tests.conformance.normal import Normal

Obj = dict[str, Any]
Pick = Callable[[Any], Any]

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

_LONGEST = 40.0
"""Seconds a controller may take."""
_GROUPS = {
    "deployments": "apps/v1",
    "replicasets": "apps/v1",
    "statefulsets": "apps/v1",
    "daemonsets": "apps/v1",
    "controllerrevisions": "apps/v1",
    "jobs": "batch/v1",
    "cronjobs": "batch/v1",
    "leases": "coordination.k8s.io/v1",
    "poddisruptionbudgets": "policy/v1",
    "horizontalpodautoscalers": "autoscaling/v2",
    "ingresses": "networking.k8s.io/v1",
    "roles": "rbac.authorization.k8s.io/v1",
    "rolebindings": "rbac.authorization.k8s.io/v1",
    "endpointslices": "discovery.k8s.io/v1",
    "localsubjectaccessreviews": "authorization.k8s.io/v1",
}


class NeverHappened(AssertionError):
    """What a case waits for did not come: the answers are those of another server."""


class CannotBeAsked(Exception):
    """The case needs something of whoever runs the server that nobody can do here."""


@dataclass
class Talk:
    """What a case speaks through; every answer is kept, normalised, unless it is asked quietly.

    Paths are short (``configmaps/c`` is in the namespace of the case) or begin with a slash.

    Attributes:
        space: The namespace of this case alone; names of cluster-wide objects begin with it too.
        heard: What was asked and answered so far.
    """

    place: Place
    space: str
    heard: list[Obj] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._face = self.place.face()
        self._normal = Normal(self.space)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = JSON,
        accept: str = JSON,
        only: Pick | None = None,
        quiet: bool = False,
        user: str = "",
        **query: Any,
    ) -> Answer:
        """Ask once. ``only`` picks the part of a body that is compared, ``user`` is who is impersonated."""
        answer = self._ask(method, path, body, media, accept, user, query)
        if not quiet:
            self._keep(f"{method} {_with(path, query)}", answer, only)
        return answer

    def get(self, path: str, **how: Any) -> Any:
        """The body of what is there."""
        return self.send("GET", path, **how).body

    def post(self, path: str, body: Any, **how: Any) -> Any:
        """The body of the answer to a POST."""
        return self.send("POST", path, body, **how).body

    def put(self, path: str, body: Any, **how: Any) -> Any:
        """The body of the answer to a PUT."""
        return self.send("PUT", path, body, **how).body

    def patch(self, path: str, body: Any, media: str = MERGE, **how: Any) -> Any:
        """The body of the answer to a PATCH, a merge patch unless told otherwise."""
        return self.send("PATCH", path, body, media=media, **how).body

    def apply(self, path: str, body: Any, manager: str = "one", **how: Any) -> Any:
        """The body of the answer to a server-side apply."""
        return self.send("PATCH", path, body, media=APPLY, fieldManager=manager, **how).body

    def delete(self, path: str, body: Any = None, **how: Any) -> Any:
        """The body of the answer to a DELETE."""
        return self.send("DELETE", path, body, **how).body

    def made(self, path: str, body: Any, **how: Any) -> Any:
        """Create what the case is not about: it must succeed and is not compared."""
        answer = self.send("POST", path, body, quiet=True, **how)
        assert answer.status == 201, answer.body
        if path.startswith("/"):
            self.left.append(f"{path}/{answer.body['metadata']['name']}")
        return answer.body

    def until(self, holds: Callable[[Any], Any], path: str, *, method: str = "GET", **how: Any) -> Any:
        """Ask until the body is as wanted, and keep that last answer alone.

        Raises:
            NeverHappened: it is not within some time.
        """
        only, quiet = how.pop("only", None), how.pop("quiet", False)

        @retry(
            retry=retry_if_result(lambda answer: not _true(holds, answer.body)),
            stop=stop_after_delay(_LONGEST),
            wait=wait_fixed(self.place.pause),
        )
        def asked() -> Answer:
            return self.send(method, path, quiet=True, **how)

        try:
            answer = asked()
        except RetryError as late:
            last = late.last_attempt.result()
            raise NeverHappened(f"{method} {path}: {last.status} {last.body}") from late
        if not quiet:
            self._keep(f"{method} {path} until", answer, only)
        return answer.body

    def gone(self, path: str) -> None:
        """Wait until nothing is there; kept is that it went."""
        self.until(lambda body: body.get("code") == 404, path)

    def watch(
        self, path: str, count: int, *, accept: str = JSON, only: Pick | None = None, **query: Any
    ) -> list[Any]:
        """The first events of a watch, as many as are expected; it ends earlier when the server ends it."""
        asked = self._url(path, {"watch": "true", "timeoutSeconds": 20, **query})
        with closing(self._face.events(asked, {"Accept": accept})) as events:  # type: ignore[type-var]
            found = list(islice(events, count))
        self._keep(f"WATCH {_with(path, query)}", Answer(200, {}, found), only)
        return found

    def close(self) -> None:
        """Clean up what is not in the namespace, then that, without waiting."""
        for path in [*reversed(self.left), f"/api/v1/namespaces/{self.space}"]:
            self.send("DELETE", path, quiet=True)
        self._face.close()

    def _ask(
        self, method: str, path: str, body: Any, media: str, accept: str, user: str, query: Mapping[str, Any]
    ) -> Answer:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = media
        if user:
            headers["Impersonate-User"] = user
        raw = body.encode() if isinstance(body, str) else None if body is None else orjson.dumps(body)
        return self._face.send(method, self._url(path, query), raw, headers)

    def _url(self, path: str, query: Mapping[str, Any]) -> str:
        if not path.startswith("/"):
            group = _GROUPS.get(path.split("/", maxsplit=1)[0], "")
            path = f"{f'/apis/{group}' if group else '/api/v1'}/namespaces/{self.space}/{path}"
        return f"{path}?{urlencode(query)}" if query else path

    def _keep(self, asked: str, answer: Answer, only: Pick | None) -> None:
        self._normal.note(answer.body)
        body = answer.body if only is None else _picked(only, answer.body)
        told: Obj = {"asked": asked.replace(self.space, "<space>"), "status": answer.status}
        if "warning" in answer.headers:
            told["warning"] = self._normal(re.split(r'\n|(?<="), (?=299)', answer.headers["warning"]))
        self.heard.append(told | {"body": self._normal(body)})


def _true(holds: Callable[[Any], Any], body: Any) -> bool:
    try:
        return bool(holds(body))
    except (AttributeError, KeyError, IndexError, TypeError):
        return False


def _picked(only: Pick, body: Any) -> Any:
    """The part that is compared; the whole where there is no such part, so that a refusal is seen."""
    try:
        return only(body)
    except (KeyError, IndexError, TypeError, StopIteration):
        return body


def _with(path: str, query: Mapping[str, Any]) -> str:
    shown = {name: "<token>" if name == "continue" else value for name, value in query.items()}
    if shown.get("resourceVersion", "0") not in ("", "0", "1"):
        shown["resourceVersion"] = "<revision>"
    return path + "".join(f" {name}={value}" for name, value in shown.items())


@dataclass(frozen=True)
class Case:
    """A sentence, and the exchange that shows it."""

    name: str
    act: Callable[[Talk], None]


CASES: dict[str, Case] = {}
"""All cases by name: every module of ``cases`` adds its own."""


def case(act: Callable[[Talk], None]) -> Callable[[Talk], None]:
    """Make a function a case; its name says what is true."""
    name = f"{act.__module__.rpartition('.')[2]}/{act.__name__}"
    assert name not in CASES, name
    CASES[name] = Case(name, act)
    return act


@contextmanager
def talk(place: Place) -> Iterator[Talk]:
    """A namespace that is furnished with what every namespace gets, for the time of the block."""
    space = f"conf-{secrets.token_hex(4)}"
    speaker = Talk(place, space)
    try:
        made = speaker.send("POST", "/api/v1/namespaces", {"metadata": {"name": space}}, quiet=True)
        assert made.status == 201, made.body
        speaker.until(lambda body: body["metadata"]["name"], "serviceaccounts/default", quiet=True)
        speaker.until(lambda body: body["metadata"]["name"], "configmaps/kube-root-ca.crt", quiet=True)
        yield speaker
    finally:
        speaker.close()


def answers(one: Case, place: Place) -> list[Obj]:
    """What this server answers to the case.

    Raises:
        NeverHappened: something the case waits for did not come.
    """
    with talk(place) as speaker:
        one.act(speaker)
        return speaker.heard
