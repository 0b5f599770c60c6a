"""What changes when one moves onto an Istio minor, and how to see whether it concerns a mesh."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

UNSET = msgspec.UNSET


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to every object of one kind: it holds for an object when the path has a value for which the test holds.

    Attributes:
        kind: What is looked at. A kind of Istio or the Gateway API with its group (``Gateway.networking.istio.io``), a
            kind of Kubernetes (``Service``, ``Node``, ``Secret`` …), or one of the views of ``checks.advisories.views``:
            ``Workload`` (pod template of a workload of the mesh), ``IstiodEnv``, ``ProxyEnv``, ``CniEnv`` (one
            mapping of name to value), ``MeshConfig``, ``InjectorValues``, ``InstallValues``, ``Proxy``,
            ``ControlPlane``, ``Cluster``.
        name: Glob of the object's name.
        namespace: Glob of its namespace.
        selector: Labels it must have, as kubectl writes them: ``app=istiod,istio.io/tag``.
        injected: Of a workload: only those whose next pod gets a sidecar (true), or none (false).
        path: As kubectl's JSONPath without braces: ``spec.ports[*].port``, ``spec..tls.mode``,
            ``metadata.labels['istio.io/rev']``, ``spec.containers[?name=="istio-proxy"].resources``, ``(a|b)`` for either key.
            Empty: the object itself.
        where: Further patterns that must hold for the same value, with paths from there; their ``kind`` stays empty.

    Exactly one test, the fields below; without any it is ``exists: true``.

    Attributes:
        exists: Whether there is such a value (false: the path leads to none).
        empty: Whether it is ``""``, ``[]``, ``{}`` or null.
        equals: It is this; numbers and their text are equal.
        differs: It is there, and not this.
        among: It is one of these.
        outside: It is there, and none of these.
        matches: Regular expression that is found somewhere in its text.
        contains: Its JSON text contains this.
        below: A version (of Kubernetes, of a bundle, of a proxy) before this one; a text that is no version is below none.
        at_least: A version from this one on.
        above: A number greater than this.
        longer: A list or mapping with more members than this.
    """

    kind: str = ""
    name: str = ""
    namespace: str = ""
    selector: str = ""
    injected: bool | msgspec.UnsetType = UNSET
    path: str = ""
    where: tuple[Pattern, ...] = ()
    exists: bool | msgspec.UnsetType = UNSET
    empty: bool | msgspec.UnsetType = UNSET
    equals: Any = UNSET
    differs: Any = UNSET
    among: tuple[Any, ...] | msgspec.UnsetType = UNSET
    outside: tuple[Any, ...] | msgspec.UnsetType = UNSET
    matches: str | msgspec.UnsetType = UNSET
    contains: str | msgspec.UnsetType = UNSET
    below: str | msgspec.UnsetType = UNSET
    at_least: str | msgspec.UnsetType = UNSET
    above: float | msgspec.UnsetType = UNSET
    longer: int | msgspec.UnsetType = UNSET


class Detector(Pattern, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern that names the objects which are concerned, or a named check for what no pattern can say.

    Attributes:
        also: Each of them must hold for some object of the mesh, or nothing is concerned.
        unless: Where one of them holds for some object, nothing is concerned.
        check: Name of a function in ``checks.advisories.named``; then ``kind`` and the rest stay empty.
    """

    also: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()
    check: str = ""


class Advisory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change that arrives with a minor. It is seen by detectors, asked of a person, or nobody can see it.

    Attributes:
        id: ``1.13-port-22``; the part before the first dash is the minor one moves onto.
        title: One line, no full stop.
        severity: ``breaking`` (something stops working), ``behaviour`` (it works differently), ``info``.
        change: What is different from this minor on.
        do: What to do about it, imperative, one a line; commands and edits where there are any.
        revert: The setting that keeps the old behaviour for a while, or empty.
        certain: Whether a detector that holds proves that the mesh is concerned; else somebody has to look.
        detect: Any of these.
        ask: A question that can be answered with yes (concerned) or no. With ``detect`` it is only asked where that holds.
        undetectable: Why neither an object nor a person's answer can tell, or why nothing on the mesh depends on it.
        source: ``istio/istio TAG PATH`` or ``istio/istio.io PATH``.
        seen: When it was last compared with them.
    """

    id: str
    title: str
    area: Literal[
        "installation", "traffic", "security", "ambient", "gateway-api", "telemetry", "control-plane",
        "tooling", "multicluster", "extensibility", "injection",
    ]  # fmt: skip
    severity: Literal["breaking", "behaviour", "info"]
    change: str
    do: tuple[str, ...] = ()
    revert: str = ""
    certain: bool = False
    detect: tuple[Detector, ...] = ()
    ask: str = ""
    undetectable: str = ""
    source: tuple[str, ...]
    seen: date

    @property
    def minor(self) -> str:
        """The minor one moves onto."""
        return self.id.partition("-")[0]


class AdvisoriesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of ``catalog/data/advisories``, named after its minor: ``1.13.yaml``."""

    schema: Literal[1]
    advisories: tuple[Advisory, ...]
