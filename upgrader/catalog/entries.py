"""What the files of the catalog consist of, one struct a kind of entry; each says where and when it was read."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec


class KubernetesRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kubernetes minors, each pair first and last.

    Attributes:
        supported: The project helps with problems there.
        tested: It was tried there, nothing is promised.
        minimum: istioctl of that Istio minor objects below it.
    """

    supported: tuple[str, str]
    tested: tuple[str, str]
    minimum: str


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patch releases that an upgrade should not stop at.

    Attributes:
        part: Whose image has the fault; ``cni`` concerns meshes with the node plugin only.
        why: Follows the word "it".
    """

    patches: tuple[str, ...]
    why: str
    source: str
    part: Literal["istiod", "cni"] = "istiod"


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Istio minor.

    Attributes:
        minor: ``1.29``.
        end_of_life: Last day of support.
        end: ``expected`` while that day lies ahead and was only announced.
        latest: The newest patch release that was seen.
        source: Upstream paths or pages that the entry was read from.
        seen: When it was last compared with them.
    """

    minor: str
    released: date
    end_of_life: date
    kubernetes: KubernetesRange
    latest: str
    source: tuple[str, ...]
    seen: date
    end: Literal["known", "expected"] = "known"
    known_bad: tuple[Fault, ...] = ()


class SkewRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a part may be from its istiod, in minors.

    Attributes:
        part: ``proxy``, ``cni``, ``cni-ambient`` or ``ztunnel``.
        behind: How much older it may be.
        ahead: How much newer it may be.
    """

    part: Literal["proxy", "cni", "cni-ambient", "ztunnel"]
    behind: int
    ahead: int
    source: tuple[str, ...]
    seen: date


class Floor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The oldest patch release of an old minor from which a hop may be made.

    Attributes:
        leaving: One patch release for each old minor that it is about.
        entering: The minor whose hop needs it; empty for every later one.
        when: ``managed-gateways``: istiod runs Deployments for Gateways of the Gateway API; ``gateways-move``: such a
            Gateway changes from the old revision to the new one.
        need: ``must``: the hop does harm without it; ``better``: the plan has a way round.
        why: What older ones do.
    """

    id: str
    leaving: tuple[str, ...]
    entering: str = ""
    when: Literal["managed-gateways", "gateways-move"]
    need: Literal["must", "better"]
    why: str
    source: tuple[str, ...]
    seen: date


class DefinitionVersions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Versions of one CustomResourceDefinition from minor *since* on."""

    name: str
    since: str
    served: tuple[str, ...]
    storage: str
    source: tuple[str, ...]
    seen: date


class EnvFlag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An environment variable that is not read any more, and that no note of a release names.

    Attributes:
        removed: The first minor that does not read it.
        back: A later minor that reads it again; empty where none does.
        part: Who read it.
        was: Its default before.
    """

    name: str
    removed: str
    part: Literal["istiod", "proxy"]
    was: str
    source: tuple[str, ...]
    seen: date
    back: str = ""


class Profiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Minors that the charts of *minor* can be told to behave like (``compatibilityVersion``)."""

    minor: str
    behaves: tuple[str, ...]
    source: tuple[str, ...]
    seen: date


class Hub(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registry of the project, and its end.

    Attributes:
        hub: ``gcr.io/istio-release``.
        last: The last minor whose images it gets.
        ends: When what it has goes away, as it was announced.
        outages: Times (UTC) at which it is switched off so that people notice.
        instead: Where the same images are.
    """

    hub: str
    last: str
    ends: str
    instead: str
    source: tuple[str, ...]
    seen: date
    outages: tuple[str, ...] = ()
