"""What every part of the API needs to answer one call."""

from __future__ import annotations

from dataclasses import dataclass, field

from upgrader.sandbox.api.access.rbac import Ask, Rbac
from upgrader.sandbox.api.convert import from_hub, to_hub
from upgrader.sandbox.api.kinds.catalogue import FIELD_VALIDATION_SINCE, Catalogue
from upgrader.sandbox.api.snapshots import Snapshots
from upgrader.sandbox.api.target import Target
from upgrader.sandbox.api.wire import Admission, AdmissionCall, PodProxy, Request
from upgrader.sandbox.clock import stamp
from upgrader.sandbox.errors import Cause, invalid, not_found, unsupported
from upgrader.sandbox.store import Entry, Key, Obj, Store

_OPTIONS = {
    "create": "CreateOptions",
    "update": "UpdateOptions",
    "patch": "PatchOptions",
    "delete": "DeleteOptions",
    "deletecollection": "DeleteOptions",
}
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_LONGEST_MANAGER = 128


@dataclass
class Backend:
    """The state behind the door and who is asked along the way.

    Attributes:
        applies: By object and manager: the configuration that was applied last, the revision it left, and the edition
            of the catalogue then.
    """

    store: Store
    catalogue: Catalogue
    rbac: Rbac
    kubernetes: str
    admission: Admission | None = None
    proxy: PodProxy | None = None
    snapshots: Snapshots = field(default_factory=Snapshots)
    applies: dict[tuple[Key, str, str, str], tuple[bytes, str, int]] = field(default_factory=dict)

    def now(self) -> str:
        """The moment as metav1.Time."""
        return stamp(self.store.clock.now())


@dataclass
class Call:
    """One request with its target.

    Attributes:
        verb: The word RBAC and audit use.
        warnings: What the client is told beside the answer.
        key: Where the named object is stored.
    """

    backend: Backend
    request: Request
    target: Target
    verb: str
    warnings: list[str] = field(default_factory=list)
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        target = self.target
        self.key = target.resource.key(target.namespace, target.name)

    @property
    def store(self) -> Store:
        return self.backend.store

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored.

        Raises:
            ApiError: 422 for anything but ``All``.
        """
        asked = self.request.query.get("dryRun", "")
        if asked not in {"", "All"}:
            options = _OPTIONS.get(self.verb, "GetOptions")
            raise invalid(options, "", [unsupported("dryRun", [asked], ["All"])], "meta.k8s.io")
        return asked == "All"

    @property
    def field_validation(self) -> str:
        """What happens to unknown fields besides that they are dropped: Ignore, Warn or Strict.

        Raises:
            ApiError: 422 for another word.
        """
        if self.backend.catalogue.minor < FIELD_VALIDATION_SINCE:
            return "Ignore"
        asked = self.request.query.get("fieldValidation") or "Warn"
        if asked not in _VALIDATIONS:
            options = _OPTIONS.get(self.verb, "GetOptions")
            raise invalid(options, "", [unsupported("fieldValidation", asked, _VALIDATIONS)], "meta.k8s.io")
        return asked

    @property
    def manager(self) -> str:
        """Field manager of a write that is no apply: as told, or the first word of the user agent.

        Raises:
            ApiError: 422 for one that is too long.
        """
        told = self.request.query.get("fieldManager", "")
        if len(told) > _LONGEST_MANAGER:
            why = f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
            options = _OPTIONS.get(self.verb, "GetOptions")
            raise invalid(options, "", [Cause("fieldManager", "FieldValueTooLong", why)], "meta.k8s.io")
        return told or self.request.header("User-Agent").partition("/")[0][:128] or "unknown"

    def ask(self, verb: str) -> Ask:
        """Whether the user may do this to the target."""
        target, resource = self.target, self.target.resource
        return Ask(
            user=self.request.user,
            verb=verb,
            group=resource.group,
            resource=resource.plural,
            subresource=target.subresource,
            namespace=target.namespace or self._itself(),
            name=target.name,
            groups=self.request.groups,
        )

    def _itself(self) -> str:
        """A namespace is in itself, so that a Role there may be about it."""
        return self.target.name if self.target.resource.home == ("", "namespaces") else ""

    def entry(self) -> Entry:
        """The stored object the call names.

        Raises:
            ApiError: 404.
        """
        found = self.store.entry(self.key)
        if found is None:
            raise not_found(self.target.resource.plural, self.target.name, self.target.resource.group)
        return found

    def shown(self, obj: Obj) -> Obj:
        """A stored object as the version of this call shows it."""
        return from_hub(self.target.resource, self.target.version, obj)

    def stored(self, obj: Obj) -> Obj:
        """An object of this call's version as it is stored."""
        return to_hub(self.target.resource, self.target.version, obj)

    def admit(
        self, operation: str, name: str, obj: Obj | None, old: Obj | None, *, dry_run: bool
    ) -> Obj | None:
        """What admission makes of a write, in stored form; ``obj`` itself when nobody changed anything.

        Raises:
            ApiError: admission refused.
        """
        admission, target = self.backend.admission, self.target
        if admission is None:
            return obj
        shown = None if obj is None else self.shown(obj)
        answer = admission.admit(
            AdmissionCall(
                operation,
                target.resource.group,
                target.version,
                target.resource.plural,
                target.subresource,
                target.namespace if target.resource.plural != "namespaces" else name,
                name,
                shown,
                None if old is None else self.shown(old),
                dry_run,
                self.request.user,
                target.resource.versions,
            )
        )
        if obj is None or answer is shown:
            return obj
        return self.stored(answer)
