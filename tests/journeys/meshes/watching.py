"""Somebody who never stops looking: at every change and every half second the mesh must serve as it did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from upgrader.sandbox.api.wire import AdmissionCall
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.istio.answers import discovery_of, proxy_of
from upgrader.sandbox.istio.planes import revisions
from upgrader.sandbox.store import Event, Key, Obj
from upgrader.sandbox.world import World

REV = "istio.io/rev"
_DECIDE = {"namespaces", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"}
_DECIDE_THERE = {"pods", "services", "endpoints", "configmaps"}
"""The same, in the namespace of istiod."""
_WATCHED = {"pods", "deployments", "statefulsets", "daemonsets"}
_HIDDEN = {"kube-system", "kube-public", "kube-node-lease", "istio-upgrade"}
_KINDS = (("apps", "deployments"), ("apps", "statefulsets"), ("apps", "daemonsets"), ("batch", "cronjobs"))
_GOOD = {"hosts": ["a.invalid"], "http": [{"route": [{"destination": {"host": "a.invalid"}}]}]}

NOBODY, REFUSED = "", "!"


@dataclass(frozen=True)
class Way:
    """One way of asking for injection."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    host: bool = False
    made_up: bool = False

    def __str__(self) -> str:
        return f"pod in {self.namespace} with {dict(self.labels)}"


@dataclass
class Watch:
    """What was so in the beginning, and every moment at which it was not.

    Attributes:
        wrong: Time, step and what was wrong; each text once.
        probes: Dry-run pods and VirtualServices asked for.
        looks: Moments at which everything was looked at.
        step: The step under way, for the record.
    """

    world: World
    expected: dict[Way, str] = field(default_factory=dict)
    meshed: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    probes: int = 0
    looks: int = 0
    step: str = ""
    validates: bool = True
    excused: set[str] = field(default_factory=set)
    before: tuple[int, int, int] = (0, 0, 0)
    _dirty: bool = True
    _changed: dict[str, set[Key]] = field(default_factory=dict)

    @classmethod
    def begin(cls, world: World) -> Watch:
        """Remember what is so now."""
        watch = cls(world)
        watch.expected = {way: watch.answer(way) for way in watch._ways()}
        watch.validates = watch.accepted("plain") == ""
        for pod in world.store.list("", "pods"):
            if proxy_of(pod) is not None and (owner := _owner(pod)):
                watch.meshed.add(owner)
        if world.istio is not None:
            watch.before = len(world.istio.emptied), len(world.istio.fights), len(world.istio.hidden)
        watch.served = {name for name, ready in watch._gateways() if ready}
        world.store.subscribe(watch._note)
        return watch

    def on(self, world: World) -> Watch:
        """The same expectations of a fork."""
        other = Watch(
            world, dict(self.expected), set(self.meshed), set(self.served), validates=self.validates
        )
        other.excused, other.before = set(self.excused), self.before
        world.store.subscribe(other._note)
        return other

    def _note(self, event: Event) -> None:
        plural = event.key[1]
        if plural in _DECIDE or (plural in _DECIDE_THERE and event.key[2].endswith("-system")):
            self._dirty = True
        if plural in _WATCHED:
            self._changed.setdefault(plural, set()).add(event.key)
        elif plural == "services" and event.type == "DELETED":
            pods = self.world.store.list("", "pods")
            self._changed.setdefault("pods", set()).update(
                ("", "pods", p["metadata"]["namespace"], p["metadata"]["name"]) for p in pods
            )

    # looking

    def look(self) -> None:
        """Look at everything that may have changed."""
        if self._dirty:
            self._dirty = False
            self._look_at_admission()
        changed, self._changed = self._changed, {}
        for plural, keys in changed.items():
            for key in keys:
                if (obj := self.world.store.get(key)) is not None:
                    self._look_at_pod(obj) if plural == "pods" else self._look_at_workload(obj)
        if changed:
            self._look_at_gateways()

    def _look_at_admission(self) -> None:
        self.looks += 1
        live = revisions(self.world.store)
        injectors = self.world.store.list("admissionregistration.k8s.io", "mutatingwebhookconfigurations")
        own = (w["metadata"].get("labels") or {} for w in injectors)
        installed = {told.get(REV, "") for told in own if "istio.io/tag" not in told}
        for way, before in self.expected.items():
            if before == REFUSED or self._gone(way):
                continue
            found = self.answer(way)
            named = dict(way.labels).get(REV, "")
            if way.made_up and named == before and (named not in installed or named not in live):
                continue
            if found.startswith(REFUSED):
                self._tell(f"{way}: {found}")
            elif before and (not found or found not in live):
                self._tell(f"{way}: injected by {found or 'nobody'}, before by {before}")
            elif found and not before:
                self._tell(f"{way}: injected by {found}, before by nobody")
        for namespace in ("default", "plain") if self.validates else ():
            if trouble := self.accepted(namespace):
                self._tell(f"valid configuration in {namespace}: {trouble}")

    def _look_at_pod(self, pod: Obj) -> None:
        if pod["status"].get("phase") in ("Succeeded", "Failed") or pod["metadata"].get("deletionTimestamp"):
            return
        proxy, owner = proxy_of(pod), _owner(pod)
        if proxy is None:
            if owner in self.meshed:
                self._tell(f"{owner}: a pod without its sidecar")
            return
        namespace, name = discovery_of(proxy)
        if self.world.store.get(("", "services", namespace, name)) is None:
            self._tell(f"{owner}: its proxy asks {name}, which is not there")

    def _look_at_workload(self, obj: Obj) -> None:
        conditions = (obj.get("status") or {}).get("conditions") or []
        failing = next(
            (c for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True"), None
        )
        if failing:
            self._tell(f"{obj['metadata']['namespace']}/{obj['metadata']['name']}: {failing.get('message')}")

    def _look_at_gateways(self) -> None:
        there = dict(self._gateways())
        for name in self.served & there.keys():
            if not there[name]:
                self._tell(f"gateway {name} has no ready pod")
        if self.world.istio is not None:
            for emptied in self.world.istio.emptied[self.before[0] :]:
                self._tell(f"emptied: {emptied[1:]}")
            for fight in self.world.istio.fights[self.before[1] :]:
                self._tell(f"fight: {fight[1:]}")
            for hidden in self.world.istio.hidden[self.before[2] :]:
                self._tell(f"hidden: {hidden[1:]}")

    def _tell(self, text: str) -> None:
        if any(text.startswith(one) for one in self.excused):
            return
        if not any(one.endswith(text) for one in self.wrong):
            self.wrong.append(f"{self.world.clock.now():%H:%M:%S.%f} {self.step}: {text}")

    def _gone(self, way: Way) -> bool:
        space = self.world.store.get(("", "namespaces", "", way.namespace))
        return space is None or bool(space["metadata"].get("deletionTimestamp"))

    # asking

    def answer(self, way: Way) -> str:
        """Revision that injects such a pod; empty for nobody, ``!`` and words when it cannot be created."""
        self.probes += 1
        spec: Obj = {"containers": [{"name": "app", "image": "app"}]}
        spec |= {"hostNetwork": True} if way.host else {}
        meta = {
            "name": "watch",
            "namespace": way.namespace,
            "labels": dict(way.labels),
            "annotations": dict(way.notes),
        }
        try:
            made = self._admit(
                "", "pods", way.namespace, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
            )
        except ApiError as error:
            return f"{REFUSED}{error.message}"
        proxies = [
            c
            for place in ("containers", "initContainers")
            for c in made["spec"].get(place) or ()
            if c["name"] == "istio-proxy"
        ]
        if len(proxies) > 1:
            return f"{REFUSED}two proxies"
        if not proxies:
            return NOBODY
        status = (made["metadata"].get("annotations") or {}).get("sidecar.istio.io/status", "")
        return str(json.loads(status).get("revision", "")) if status else "?"

    def accepted(self, namespace: str) -> str:
        """Why a valid VirtualService is refused; empty when it is accepted."""
        self.probes += 1
        meta = {"name": "watch", "namespace": namespace}
        body = {
            "apiVersion": "networking.istio.io/v1beta1",
            "kind": "VirtualService",
            "metadata": meta,
            "spec": _GOOD,
        }
        try:
            self._admit("networking.istio.io", "virtualservices", namespace, body)
        except ApiError as error:
            return str(error.message)
        return ""

    def _admit(self, group: str, plural: str, namespace: str, body: Obj) -> Obj:
        version = body["apiVersion"].rpartition("/")[2]
        call = AdmissionCall(
            "CREATE", group, version, plural, "", namespace, "watch", body, None, dry_run=True, user="watch"
        )
        assert self.world.api.admission is not None
        return self.world.api.admission.admit(call)

    # what there is

    def _ways(self) -> set[Way]:
        store = self.world.store
        ways: set[Way] = set()
        classes: set[tuple[str | None, str | None]] = set()
        for space in store.list("", "namespaces"):
            name, told = space["metadata"]["name"], space["metadata"].get("labels") or {}
            kind = told.get(REV), told.get("istio-injection")
            if name not in _HIDDEN:
                ways |= {Way(name, labels) for labels in (_ASKING[:1] if kind in classes else _ASKING)}
                classes.add(kind)
        hooks = store.list("admissionregistration.k8s.io", "mutatingwebhookconfigurations")
        labels = (w["metadata"].get("labels") or {} for w in hooks)
        names = {told.get(label) for told in labels for label in (REV, "istio.io/tag")}
        ways |= {Way("plain", ((REV, name),), made_up=True) for name in names if name}
        for group, plural in _KINDS:
            for obj in store.list(group, plural):
                if obj["metadata"]["namespace"] not in _HIDDEN:
                    ways.add(_way(obj))
        return ways

    def _gateways(self) -> Iterator[tuple[str, bool]]:
        for one in self.world.store.list("apps", "deployments"):
            labels = one["metadata"].get("labels") or {}
            if "gateway.istio.io/managed" in labels or labels.get("istio") == "ingressgateway":
                ready = int((one.get("status") or {}).get("readyReplicas") or 0)
                yield f"{one['metadata']['namespace']}/{one['metadata']['name']}", ready > 0


_ASKING: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("sidecar.istio.io/inject", "true"),),
    (("sidecar.istio.io/inject", "false"),),
)


def _way(obj: Obj) -> Way:
    spec = obj["spec"]["jobTemplate"]["spec"] if obj["kind"] == "CronJob" else obj["spec"]
    meta: Mapping[str, Any] = spec["template"].get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if "istio" in k}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k == "sidecar.istio.io/inject"}
    host = bool(spec["template"]["spec"].get("hostNetwork"))
    made_up = REV in labels
    return Way(
        obj["metadata"]["namespace"],
        tuple(sorted(labels.items())),
        tuple(sorted(notes.items())),
        host,
        made_up,
    )


def _owner(pod: Obj) -> str:
    meta = pod["metadata"]
    owner = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None)
    if owner is None:
        return ""
    name = str(owner["name"])
    if owner["kind"] == "ReplicaSet":
        name = name.rpartition("-")[0]
    return f"{meta['namespace']}/{name}"
