"""A namespace bound to another revision."""

from __future__ import annotations

import msgspec

from upgrader.model.change import Change, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import K8S_GATEWAY, NAMESPACE, Obj, Ref
from upgrader.model.step import Reader, Reading
from upgrader.probes.gateways import GatewaysOn
from upgrader.steps.drift import check_same, check_values, told


class RelabelNamespace(msgspec.Struct, frozen=True, kw_only=True, tag="relabel-namespace", tag_field="step"):
    """New pods in *namespace* are injected by *revision*; running pods are untouched.

    Attributes:
        uid: Of the namespace that was planned for; its namesake is drift.
        labels: Label to wanted value; None removes it. ``istio-injection`` wins over ``istio.io/rev``, so both are
            moved in the same patch.
        before: The same labels as they were (None: absent). A value that is neither is somebody else's change: drift.
        gateways: ``namespace/name`` of the Gateways that inherit this label, and so roll.
    """

    namespace: str
    uid: str
    revision: str
    labels: dict[str, str | None]
    before: dict[str, str | None]
    gateways: tuple[str, ...] = ()

    @property
    def ref(self) -> Ref:
        """The namespace as an object."""
        return Ref(NAMESPACE, self.namespace)

    def observe(self, cluster: Reader) -> Obj | None:
        """The namespace, or None when it is gone."""
        return cluster.get(self.ref)

    def diff(self, seen: Obj | None) -> tuple[Change, ...]:
        """One patch with all labels that differ; () too when the namespace is gone or going.

        Raises:
            UpgradeError: UPG-0604: another namespace of that name, or a label is neither as before nor as wanted.
        """
        if seen is None:
            return ()
        check_same(str(self.ref), seen, self.uid)
        missing = check_values(str(self.ref), seen, ("metadata", "labels"), self.labels, self.before)
        if not missing or seen["metadata"].get("deletionTimestamp"):
            return ()
        body: Obj = {"metadata": {"labels": missing}}
        return (Patch(self.ref, body, seen["metadata"]["uid"], seen["metadata"]["resourceVersion"]),)

    def verify(self, cluster: Reader) -> Reading:
        """Whether the labels still stand and the Gateways that follow them have rolled."""
        seen = self.observe(cluster)
        if seen is None:
            return Reading.holds(f"namespace {self.namespace} is gone; there is nothing to move")
        try:
            gap = self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        if gap:
            return Reading.broken(f"namespace {self.namespace} does not have its label for {self.revision}")
        if self.gateways:
            rolled = GatewaysOn(gateways=gateway_refs(self.gateways), revision=self.revision).look(cluster)
            return msgspec.structs.replace(rolled, summary=f"{self._now()}; {rolled.summary}")
        return Reading.holds(self._now())

    def title(self) -> str:
        """What changes, for plan and journal."""
        moves = (f"{k} {told(self.before.get(k))} -> {told(v)}" for k, v in self.labels.items())
        return f"namespace {self.namespace}: {', '.join(moves)}"

    def _now(self) -> str:
        return f"namespace {self.namespace} is injected by {self.revision}"


def gateway_refs(names: tuple[str, ...]) -> tuple[Ref, ...]:
    """``namespace/name`` as references to Gateway API gateways."""
    pairs = (name.partition("/") for name in names)
    return tuple(Ref(K8S_GATEWAY, name, namespace) for namespace, _, name in pairs)
