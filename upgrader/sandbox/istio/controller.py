"""What running istiods do to a cluster: certificates, webhooks, leases, Gateway classes, Gateways."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final

import orjson

from upgrader.sandbox.clock import micro_stamp
from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.loop import Queue
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.istio.authority import PLUGGED_IN, SELF_SIGNED, bundle_of, root_of
from upgrader.sandbox.istio.gateways import CLASSES, GROUP, Emptied, Fight, Gateways, gateway_version
from upgrader.sandbox.istio.injection.decision import IGNORED_NAMESPACES
from upgrader.sandbox.istio.planes import Istio, istiod_of, labels_of
from upgrader.sandbox.istio.webhooks.rules import GROUP as ADMISSION
from upgrader.sandbox.istio.webhooks.rules import MUTATING, VALIDATING
from upgrader.sandbox.local import Local
from upgrader.sandbox.store import Event, Key, Obj

AGENT: Final = "pilot-discovery/v1 (linux/amd64)"
"""The first word is the field manager of all that istiod updates."""
REVISION: Final = "istio.io/rev"
INJECTOR: Final = "sidecar-injector.istio.io"
ROOT_CONFIG: Final = "istio-ca-root-cert"
LEASES: Final = ("istio-gateway-deployment", "istio-gateway-status-leader")
_FLEET: Final[Key] = ("istio", "fleet", "", "")
_CLASSES: Final[Key] = ("istio", "classes", "", "")
_LEASE_GROUP: Final = "coordination.k8s.io"
_RETRY: Final = 1.0
_LEASES_SINCE = 18


class IstioController:
    """All istiods of a cluster; each acts only while a pod of its revision is Ready.

    Attributes:
        emptied: Moments at which an istiod took its configuration from a gateway that still ran on it.
        hidden: Moments at which an istiod began to leave out what adds to a gateway that runs on it.
        fights: Moments at which a Gateway began to have two owners.
    """

    hears = frozenset(
        {
            "pods", "namespaces", "configmaps", "secrets", "gatewayclasses", "customresourcedefinitions", "gateways",
            "listenersets", "xlistenersets", "endpoints", "deployments", "services", "serviceaccounts", MUTATING, VALIDATING,
        }
    )  # fmt: skip
    hears_ends = False

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.queue = Queue(cluster.clock, cluster.agenda, cluster.lag)
        self._istiods: dict[Key, Istio] = {}
        self._known: dict[str, Istio] = {}
        self._gateways = Gateways(cluster, self.queue, self.alive, self.client)
        self.queue.add(_FLEET)

    @property
    def emptied(self) -> list[Emptied]:
        """(moment, ``namespace/name`` of the Gateway, revision) in order."""
        return self._gateways.emptied

    @property
    def hidden(self) -> list[Emptied]:
        """(moment, ``Kind namespace/name`` of listeners, revision) in order."""
        return self._gateways.hidden

    @property
    def fights(self) -> list[Fight]:
        """(moment, ``namespace/name`` of the Gateway, its owners) in order."""
        return self._gateways.fights

    def inherit(self, other: IstioController) -> None:
        """Know what the istiods of the original world did before, and have in hand what they have."""
        self.queue.copy_from(other.queue)
        self._istiods, self._known = dict(other._istiods), dict(other._known)
        self._gateways.inherit(other._gateways)

    def alive(self) -> dict[str, Istio]:
        """One answering istiod per revision; of several replicas the first by name."""
        found: dict[str, Istio] = {}
        for _, istiod in sorted(self._istiods.items()):
            found.setdefault(istiod.revision, istiod)
        return found

    def client(self, istiod: Istio) -> Local:
        """A client that writes as this istiod's service account."""
        return self.cluster.connected(
            f"system:serviceaccount:{istiod.namespace}:istiod{istiod.suffix}", AGENT
        )

    def next_due(self) -> datetime | None:
        """The earliest timer."""
        return self.queue.next_due()

    def changed(self, event: Event) -> None:
        """Note what a change means for any istiod."""
        group, plural, namespace, name = event.key
        if (group, plural) == ("", "pods"):
            self._note(event.key, None if event.type == "DELETED" else event.obj)
        elif group == ADMISSION or (group, plural) == ("", "namespaces"):
            self.queue.add(event.key)
        elif (group, plural) == ("", "configmaps") and name == ROOT_CONFIG:
            self.queue.add(("", "namespaces", "", namespace))
        elif (group, plural) == ("", "secrets") and name in {SELF_SIGNED, PLUGGED_IN}:
            self.queue.add(_FLEET)
        elif plural == "gatewayclasses" or name == f"gatewayclasses.{GROUP}":
            self.queue.add(_CLASSES)
        self._gateways.changed(event)

    def reconcile(self) -> None:
        """Work through what is dirty or due; an istiod tries again later what the API server refused."""
        for key in self.queue.take():
            try:
                self._sync(key)
            except ApiError:
                self.queue.after(key, _RETRY)

    def _note(self, key: Key, pod: Obj | None) -> None:
        istiod = None if pod is None else istiod_of(pod)
        before = self._istiods.get(key)
        if istiod is not None and istiod.ready:
            self._istiods[key] = istiod
            self._known[istiod.revision] = istiod
        else:
            self._istiods.pop(key, None)
        if before != self._istiods.get(key):
            self.queue.add(_FLEET)

    def _sync(self, key: Key) -> None:
        if key == _FLEET:
            self._sync_fleet()
        elif key == _CLASSES:
            self._sync_classes()
        elif key[1] in {MUTATING, VALIDATING}:
            self._sync_webhooks(key)
        elif key[:2] == ("", "namespaces"):
            self._sync_namespace(key)
        else:
            self._gateways.sync(key)

    def _sync_fleet(self) -> None:
        """Somebody came or went: everything is looked at again, first what the others need."""
        for istiod in self.alive().values():
            self._ensure_authority(istiod)
        self._sync_leases()
        for plural in (MUTATING, VALIDATING):
            for obj in self.store.list(ADMISSION, plural):
                self.queue.add((ADMISSION, plural, "", obj["metadata"]["name"]))
        for obj in self.store.list("", "namespaces"):
            self.queue.add(("", "namespaces", "", obj["metadata"]["name"]))
        self.queue.add(_CLASSES)
        self._gateways.mark_all()

    def _ensure_authority(self, istiod: Istio) -> None:
        namespace = istiod.namespace
        if any(self.store.get(("", "secrets", namespace, name)) for name in (PLUGGED_IN, SELF_SIGNED)):
            return
        root = base64.b64encode(root_of(self.store, namespace).encode()).decode()
        nothing = base64.b64encode(b"the sandbox signs nothing\n").decode()
        self.client(istiod).create(
            f"/api/v1/namespaces/{namespace}/secrets",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": SELF_SIGNED, "namespace": namespace},
                "type": "istio.io/ca-root",
                "data": {
                    "ca-cert.pem": root,
                    "ca-key.pem": nothing,
                    "cert-chain.pem": "",
                    "key.pem": "",
                    "root-cert.pem": "",
                },
            },
        )

    def _sync_leases(self) -> None:
        """Held while a pod of the revision runs; a revision that ended lets go of its leases and leaves them behind."""
        alive = self.alive()
        for revision, istiod in sorted(self._known.items()):
            for word in LEASES if istiod.at_least(_LEASES_SINCE) else ():
                if revision in alive:
                    self._hold(alive[revision], f"{word}-{revision}")
                else:
                    self._release(istiod, f"{word}-{revision}")

    def _hold(self, istiod: Istio, name: str) -> None:
        """Renewals are not written: a lease shows who acquired it when."""
        stored = self.store.get((_LEASE_GROUP, "leases", istiod.namespace, name))
        held = (stored or {}).get("spec", {}).get("holderIdentity")
        if held and ("", "pods", istiod.namespace, held) in self._istiods:
            return
        now = micro_stamp(self.cluster.now())
        spec = {
            "holderIdentity": istiod.pod,
            "leaseDurationSeconds": 30,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": (stored or {}).get("spec", {}).get("leaseTransitions", 0) + 1,
        }
        if stored is None:
            meta = {"name": name, "namespace": istiod.namespace}
            made = {"apiVersion": f"{_LEASE_GROUP}/v1", "kind": "Lease", "metadata": meta, "spec": spec}
            self.client(istiod).create(_leases(istiod), made)
        else:
            self.client(istiod).update(f"{_leases(istiod)}/{name}", {**stored, "spec": spec})

    def _release(self, istiod: Istio, name: str) -> None:
        stored = self.store.get((_LEASE_GROUP, "leases", istiod.namespace, name))
        if stored is not None and stored["spec"].get("holderIdentity"):
            spec = {**stored["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
            self.client(istiod).update(f"{_leases(istiod)}/{name}", {**stored, "spec": spec})

    def _sync_webhooks(self, key: Key) -> None:
        """The certificate of whichever istiod has the revision the configuration is labelled with, tags included."""
        obj = self.store.get(key)
        istiod = self.alive().get(labels_of(obj).get(REVISION, ""))
        if obj is None or istiod is None:
            return
        bundle = bundle_of(self.store, istiod.namespace)
        patched = _validators if key[1] == VALIDATING else _injectors
        hooks = [patched(hook, bundle) for hook in obj.get("webhooks") or []]
        if hooks != obj.get("webhooks"):
            path = f"/apis/{ADMISSION}/v1/{key[1]}/{key[3]}"
            self.client(istiod).update(path, {**obj, "webhooks": hooks})

    def _sync_namespace(self, key: Key) -> None:
        """The root certificate that proxies mount, everywhere but where nothing is ever injected."""
        obj, name = self.store.get(key), key[3]
        istiod = next(iter(self.alive().values()), None)
        if obj is None or istiod is None or name in IGNORED_NAMESPACES or _is_ending(obj):
            return
        data = {"root-cert.pem": root_of(self.store, istiod.namespace)}
        stored = self.store.get(("", "configmaps", name, ROOT_CONFIG))
        root = f"/api/v1/namespaces/{name}/configmaps"
        if stored is None:
            meta = {"name": ROOT_CONFIG, "namespace": name, "labels": {"istio.io/config": "true"}}
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
            self.client(istiod).create(root, made)
        elif stored.get("data") != data:
            self.client(istiod).update(f"{root}/{ROOT_CONFIG}", {**stored, "data": data})

    def _sync_classes(self) -> None:
        version = gateway_version(self.store, "gatewayclasses")
        if not version:
            return
        for name, (controller, since, about) in CLASSES.items():
            istiod = next((i for i in self.alive().values() if i.at_least(since)), None)
            if istiod is not None:
                self._ensure_class(
                    istiod, version, name, {"controllerName": controller, "description": about}
                )

    def _ensure_class(self, istiod: Istio, version: str, name: str, spec: Obj) -> None:
        root, client = f"/apis/{GROUP}/{version}/gatewayclasses", self.client(istiod)
        stored = self.store.get((GROUP, "gatewayclasses", "", name))
        if stored is None:
            made = {"apiVersion": f"{GROUP}/{version}", "kind": "GatewayClass", "metadata": {"name": name}}
            client.create(root, made | {"spec": spec})
            return
        if stored.get("status") or stored["spec"].get("controllerName") != spec["controllerName"]:
            return
        accepted = {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "Handled by Istio controller",
            "lastTransitionTime": self.cluster.stamp(),
            "observedGeneration": stored["metadata"].get("generation", 1),
        }
        body = orjson.dumps({"status": {"conditions": [accepted]}})
        client.patch(f"{root}/{name}/status", body, "application/merge-patch+json")


def _leases(istiod: Istio) -> str:
    return f"/apis/{_LEASE_GROUP}/v1/namespaces/{istiod.namespace}/leases"


def _is_ending(namespace: Obj) -> bool:
    return bool(namespace["metadata"].get("deletionTimestamp"))


def _with_bundle(hook: Obj, bundle: str) -> Obj:
    return {**hook, "clientConfig": {**hook["clientConfig"], "caBundle": bundle}}


def _injectors(hook: Obj, bundle: str) -> Obj:
    """Source: ``patchMutatingWebhookConfig`` in pkg/webhooks/webhookpatch.go."""
    return _with_bundle(hook, bundle) if hook["name"].endswith(INJECTOR) else hook


def _validators(hook: Obj, bundle: str) -> Obj:
    """Fail closed once the validator answers; source: pkg/webhooks/validation/controller/controller.go."""
    return _with_bundle(hook, bundle) | {"failurePolicy": "Fail"}
