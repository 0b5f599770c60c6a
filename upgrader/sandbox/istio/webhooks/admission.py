"""Admission through the webhook configurations in the store, answered by the istiods they lead to."""

from __future__ import annotations

from upgrader.sandbox.api.wire import AdmissionCall
from upgrader.sandbox.errors import ApiError, bad_request, internal
from upgrader.sandbox.istio.authority import readable, trusted
from upgrader.sandbox.istio.injection.injector import Refusal, inject, native_sidecars, wants_injection
from upgrader.sandbox.istio.injection.settings import settings_of
from upgrader.sandbox.istio.planes import Istio
from upgrader.sandbox.istio.webhooks.reach import Unreachable, Unusable, dial
from upgrader.sandbox.istio.webhooks.rules import (
    MUTATING,
    VALIDATING,
    Entries,
    Entry,
    exempt,
    namespace_labels,
    selects,
)
from upgrader.sandbox.istio.webhooks.validation import problem
from upgrader.sandbox.store import Obj, Store

_HARMLESS = ("None", "NoneOnDryRun")


class Webhooks:
    """Mutating, then validating webhooks, in order of configuration name.

    Only istiods answer: a webhook that leads anywhere else is unreachable, so its failurePolicy decides.
    """

    def __init__(self, store: Store, *, kubernetes: str = "1.34") -> None:
        self._store = store
        self._mutating, self._validating = Entries(store, MUTATING), Entries(store, VALIDATING)
        self._kubernetes = _minor(kubernetes)

    def admit(self, call: AdmissionCall) -> Obj:
        """The object as the webhooks leave it.

        Raises:
            ApiError: a webhook refused (400), cannot be asked in a dry run (400), or is unreachable while its
                failurePolicy is Fail (500).
        """
        obj = call.obj
        if not exempt(call):
            space = namespace_labels(call, self._store)
            for entry in self._mutating.whose_rules_match(call):
                if selects(entry, call, obj, space):
                    obj = self._mutated(entry, call, obj)
            for entry in self._validating.whose_rules_match(call):
                if selects(entry, call, obj, space):
                    self._validate(entry, call, obj)
        return {} if obj is None else obj

    def _mutated(self, entry: Entry, call: AdmissionCall, obj: Obj | None) -> Obj | None:
        istiod = self._ask(entry, call)
        if istiod is None or obj is None or call.resource != "pods" or call.subresource:
            return obj
        settings = settings_of(self._store, istiod)
        if not wants_injection(obj, call.namespace, istiod, settings):
            return obj
        try:
            return inject(obj, istiod, settings, native=native_sidecars(istiod, self._kubelets))
        except Refusal as refusal:
            raise _denied(entry, str(refusal)) from refusal

    def _validate(self, entry: Entry, call: AdmissionCall, obj: Obj | None) -> None:
        istiod = self._ask(entry, call)
        if istiod is None or obj is None or call.operation == "DELETE":
            return
        if found := problem(obj):
            raise _denied(entry, f"configuration is invalid: {found}")

    def _ask(self, entry: Entry, call: AdmissionCall) -> Istio | None:
        """The istiod that answers this entry, or None when nobody does and the entry fails open."""
        _refuse_side_effects(entry, call)
        try:
            return self._dial(entry)
        except Unreachable as reason:
            if not entry.fails_closed:
                return None
            tried = "" if isinstance(reason, Unusable) else "failed to call webhook: "
            failed = f'failed calling webhook "{entry.name}": {tried}{reason}'
            raise internal(failed) from reason

    def _dial(self, entry: Entry) -> Istio:
        config = entry.hook.get("clientConfig") or {}
        if not readable(config.get("caBundle") or ""):
            why = "unable to load root certificates: unable to parse bytes as PEM block"
            raise Unusable(f"could not get REST client: {why}")
        timeout = entry.hook.get("timeoutSeconds", 10)
        if "service" not in config:
            host = str(config.get("url", "")).removeprefix("https://").split("/")[0].split(":")[0]
            raise Unreachable(
                f'Post "{config.get("url")}?timeout={timeout}s": dial tcp: lookup {host}: no such host'
            )
        service = config["service"]
        port, path = service.get("port", 443), service.get("path") or "/"
        url = f"https://{service['name']}.{service['namespace']}.svc:{port}{path}?timeout={timeout}s"
        try:
            istiod = dial(self._store, service["namespace"], service["name"], port)
        except Unreachable as reason:
            raise Unreachable(f'Post "{url}": {reason}') from reason
        if not trusted(self._store, istiod, config.get("caBundle") or ""):
            unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
            raise Unreachable(f'Post "{url}": {unknown}')
        if not path.startswith(("/inject", "/validate")):
            raise Unreachable("the server could not find the requested resource")
        return istiod

    def _kubelets(self) -> tuple[int, int]:
        """The oldest kubelet of the cluster; the API server's own minor when there are no nodes."""
        nodes = self._store.list("", "nodes")
        found = [
            ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", "") for node in nodes
        ]
        return min((_minor(version) for version in found if version), default=self._kubernetes)


def _refuse_side_effects(entry: Entry, call: AdmissionCall) -> None:
    if call.dry_run and entry.hook.get("sideEffects") not in _HARMLESS:
        raise bad_request(f'admission webhook "{entry.name}" does not support dry run')


def _denied(entry: Entry, why: str) -> ApiError:
    return ApiError(400, "", f'admission webhook "{entry.name}" denied the request: {why}')


def _minor(version: str) -> tuple[int, int]:
    parts = version.removeprefix("v").split(".")
    return int(parts[0]), int(parts[1])
