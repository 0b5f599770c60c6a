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
            ``Workload`` (pod template of a workload of the mesh: paths begin with ``metadata`` or ``spec``, name and
            namespace are the workload's, the selector asks the template's labels), ``IstiodEnv``, ``ProxyEnv``, ``CniEnv``
            (one mapping of name to value, so a path is the name of a variable), ``MeshConfig``, ``InjectorValues``,
            ``InstallValues``, ``Proxy`` and ``ControlPlane`` (fields as in ``model.snapshot``), ``Cluster``
            (``version``, ``platform``, ``nodes``, ``groups`` of its API and ``counts`` of objects by kind).
            Of several revisions only those are asked that the plan leaves.
        name: Glob of the object's name.
        namespace: Glob of its namespace.
        selector: Labels it must have, as kubectl writes them: ``app=istiod,istio.io/tag,!istio.io/rev``.
        injected: Of a workload: only those whose next pod gets a sidecar (true), or none (false).
        path: As kubectl's JSONPath without braces: ``spec.ports[*].port``, ``spec..tls.mode``,
            ``metadata.labels['istio.io/rev']``, ``metadata.annotations['proxy.istio.io/*']`` (``*`` in a quoted key is any
            text), ``spec.containers[?name=="istio-proxy"].resources``, ``(a|b[*].c)`` for either. A key of a list leads
            nowhere, members are ``[*]``. Empty: the object itself. More in ``catalog.paths``.
        where: Further patterns that must hold for the same value, with paths from there; their ``kind`` stays empty. Two
            fields of one member are asked so: ``path: spec.servers[*]`` with one ``where`` each.

    Exactly one test, the fields below; without any it is ``exists: true``. Several values are asked one by one, and one
    that passes is enough; ``exists: false`` holds when none is left that fulfils ``where``. A null is no value, except for
    ``empty``. Scalars are compared as text: ``true`` is ``"true"``, ``80`` is ``"80"``.

    Attributes:
        exists: Whether there is such a value (false: the path leads to none).
        empty: Whether it is ``""``, ``[]``, ``{}`` or null (true), or something else (false). What is not there is neither.
        equals: It is this; numbers and their text are equal.
        differs: It is there, and not this.
        among: It is one of these.
        outside: It is there, and none of these.
        matches: Regular expression that is found somewhere in its text (compact JSON for a list or mapping).
        contains: Its text contains this; compact JSON (``"a":{"b":1}``) for a list or mapping.
        below: A version (of Kubernetes, of a bundle, of a proxy) before this one; a text that is no version is below none.
        at_least: A version from this one on. ``-rc.1`` and the like come before the release, ``-gke.5`` or ``+k3s1`` do not.
        above: A number, or the text of one, greater than this.
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
        also: Each of them must hold for some object of the mesh, or nothing is concerned. Any object: they do not speak of
            the one that the detector names (``where`` does).
        unless: Where one of them holds for some object, nothing is concerned: ``unless: [{kind: IstiodEnv, path: X, equals:
            "false"}]`` is silent where somebody set X already.
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
        do: What to do about it, imperative, one a line; commands and edits where there are any. Needed with detect or ask.
        revert: The setting that keeps the old behaviour for a while, or empty.
        certain: Whether a detector that holds proves that the mesh is concerned; else somebody has to look. Certain and
            breaking stops the plan (an exception needs a reason), so be sure: no mesh that keeps working may be hit.
        detect: Any of these.
        ask: A question that can be answered with yes (concerned) or no. With ``detect`` it is only asked where that holds,
            and an unanswered breaking one then stops the plan; without, it is one more line of the plan to tick off.
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
