"""The API server's only door: ``handle`` answers one request, purely over the store."""

from __future__ import annotations

import msgspec
import orjson

from upgrader.sandbox.api.access.audit import Audit, AuditEntry
from upgrader.sandbox.api.access.rbac import Ask, Rbac
from upgrader.sandbox.api.backend import Backend, Call
from upgrader.sandbox.api.content import failure, warned
from upgrader.sandbox.api.discovery import discovery
from upgrader.sandbox.api.kinds.catalogue import Catalogue, minor_of
from upgrader.sandbox.api.openapi import openapi
from upgrader.sandbox.api.target import parse
from upgrader.sandbox.api.verbs.dispatch import dispatch, verb_of
from upgrader.sandbox.api.wire import JSON, Admission, AdmissionCall, PodProxy, Request, Response
from upgrader.sandbox.errors import ApiError, forbidden, no_such_path, unauthorized
from upgrader.sandbox.store import Store

__all__ = ["Admission", "AdmissionCall", "Api", "PodProxy", "Request", "Response"]

_HEALTH = ("/healthz", "/livez", "/readyz")
_MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Api:
    """One API server over one store.

    ``kubernetes`` is its version (``1.34`` or ``1.34.4``). ``audit`` remembers every request.

    Raises:
        ValueError: kubernetes is no version of Kubernetes 1.
    """

    def __init__(
        self, store: Store, *, kubernetes: str, rbac: Rbac | None = None, audit: Audit | None = None
    ) -> None:
        self.backend = Backend(
            store, Catalogue(minor_of(kubernetes)), rbac or Rbac(), kubernetes.removeprefix("v")
        )
        self.rbac.store = store
        self.audit = audit or Audit()

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self.backend.store

    @property
    def catalogue(self) -> Catalogue:
        """The resources that are served."""
        return self.backend.catalogue

    @property
    def rbac(self) -> Rbac:
        """Who may do what."""
        return self.backend.rbac

    @property
    def admission(self) -> Admission | None:
        """Who is asked before a write."""
        return self.backend.admission

    @admission.setter
    def admission(self, admission: Admission | None) -> None:
        self.backend.admission = admission

    @property
    def proxy(self) -> PodProxy | None:
        """What pods answer."""
        return self.backend.proxy

    @proxy.setter
    def proxy(self, proxy: PodProxy | None) -> None:
        self.backend.proxy = proxy

    def handle(self, request: Request) -> Response:
        """The answer to a request; refusals are answers too."""
        call: Call | None = None
        try:
            request = self._identified(request)
            answer = None if request.path in self.catalogue.targets else self._elsewhere(request)
            if answer is None:
                call = self._call(request)
                answer = self._answered(call)
        except ApiError as error:
            answer = failure(error)
        if call is not None and call.warnings:
            answer = warned(answer, call.warnings)
        self._remember(request, call, answer.status)
        return answer

    def _call(self, request: Request) -> Call:
        target = parse(self.catalogue, request.path)
        return Call(self.backend, request, target, verb_of(request, target))

    def _answered(self, call: Call) -> Response:
        if self.rbac.asks and not call.target.resource.kind.startswith("SelfSubject"):
            self.rbac.require(call.ask(call.verb))
        if call.verb in _MUTATING:
            with self.store.lock:
                return dispatch(call)
        return dispatch(call)

    def _identified(self, request: Request) -> Request:
        """The request as the user its headers name.

        Raises:
            ApiError: 401 for a bearer token nobody has, 403 for an impersonation that is not allowed.
        """
        scheme, _, token = request.header("Authorization").partition(" ")
        if scheme == "Bearer":
            user = self.rbac.user_of(token.strip(), self.store.clock.now())
            if user is None:
                raise unauthorized()
            request = msgspec.structs.replace(request, user=user)
        other = request.header("Impersonate-User")
        if not other:
            return request
        groups = tuple(name for name in request.header("Impersonate-Group").split(", ") if name)
        self._may_impersonate(request, "users", other)
        for group in groups:
            self._may_impersonate(request, "groups", group)
        return msgspec.structs.replace(request, user=other, groups=groups)

    def _may_impersonate(self, request: Request, what: str, name: str) -> None:
        user = request.user
        ask = Ask(user=user, verb="impersonate", group="", resource=what, name=name, groups=request.groups)
        if not self.rbac.allows(ask):
            why = f'User "{user}" cannot impersonate resource "{what}" in API group "" at the cluster scope'
            raise forbidden(what, name, why)

    def _elsewhere(self, request: Request) -> Response | None:
        """Answers that are about no resource; None when the path may name one.

        Raises:
            ApiError: 404 in plain text.
        """
        path = request.path.rstrip("/") or "/"
        if path == "/version":
            return Response(200, {"Content-Type": JSON}, orjson.dumps(self._version()))
        if path.startswith(_HEALTH):
            return _health(request)
        if path.startswith("/openapi/"):
            found = openapi(self.backend, request)
        else:
            found = discovery(self.backend, request)
        if found is None and not path.startswith(("/api/", "/apis/")):
            raise no_such_path()
        return found

    def _version(self) -> dict[str, str]:
        minor = str(self.catalogue.minor)
        told = self.backend.kubernetes
        return {
            "major": "1",
            "minor": minor,
            "gitVersion": f"v{told}" if told.count(".") > 1 else f"v{told}.0",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": self.backend.now(),
            "goVersion": "",
            "compiler": "gc",
            "platform": "linux/amd64",
        }

    def _remember(self, request: Request, call: Call | None, status: int) -> None:
        target = None if call is None else call.target
        review = target is not None and (
            target.resource.verbs == ("create",) or target.subresource in {"token", "portforward"}
        )
        verb = request.method.lower() if call is None else call.verb
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        dry = request.query.get("dryRun") == "All" or (
            b'"dryRun"' in request.body and b'"dryRun":["All"]' in request.body.replace(b" ", b"")
        )
        self.audit.add(
            AuditEntry(
                at=self.store.clock.now(),
                user=request.user,
                agent=request.header("User-Agent"),
                verb=verb,
                method=request.method,
                path=request.path,
                query=query,
                dry_run=dry,
                status=status,
                group="" if target is None else target.resource.group,
                resource="" if target is None else target.resource.plural,
                namespace="" if target is None else target.namespace,
                name="" if target is None else target.name,
                subresource="" if target is None else target.subresource,
                mutating=verb in _MUTATING and not dry and not review,
            )
        )


def _health(request: Request) -> Response:
    return Response(
        200, {"Content-Type": "text/plain; charset=utf-8"}, b"ok" if request.method != "HEAD" else b""
    )
