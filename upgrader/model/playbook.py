"""What an operator may decide; decoded strictly from YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec


class WaveRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cut through the namespaces; the first wave that selects a namespace gets it.

    Attributes:
        select: Namespace labels that must all match; empty matches every namespace.
        namespaces: Names, as an alternative to *select*.
        soak: How long the wave is watched after its last restart.
        at_once: Workloads restarted at the same time.
        gate: ``automatic``, or ``approval`` to wait for a person before the wave starts.
    """

    name: str
    select: dict[str, str] = {}
    namespaces: tuple[str, ...] = ()
    soak: timedelta = timedelta(minutes=5)
    at_once: int = 1
    gate: Literal["automatic", "approval"] = "automatic"


class Messages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words, as Jinja2 templates of one line each."""

    approval: str = "Wave {{ wave }} moves {{ namespaces | length }} namespaces to {{ target }}"
    retire: str = "Remove revision {{ old }}; going back after that is a reinstall"


class Install(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a control plane is installed.

    Attributes:
        method: ``manifests`` or ``istioctl``; None leaves it to what installed the mesh. A plan says which one it was.
        folder: Folder with one sub-folder of YAML per version; usually given by ``--manifests``.
        overlay: IstioOperator file beside the playbook: options for every revision that istioctl renders.
    """

    method: Literal["manifests", "istioctl"] | None = None
    folder: str = ""
    overlay: str = ""


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deadlines; nothing waits for ever."""

    step: timedelta = timedelta(minutes=20)
    gate: timedelta = timedelta(minutes=10)
    api: timedelta = timedelta(minutes=10)


class Playbook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Waves, pace, gates and words of an upgrade.

    Attributes:
        probe_every: Pause between two looks while a wave soaks.
        gateways_soak: Soak after the gateways moved.
        approvals: Manual gates beside those of waves: ``retire`` asks before the old revision is removed.
        mirrors: Image repositories that hold the same images: upstream to mirror.
        answers: Advisory id to ``yes`` or ``no``, with ``: text`` where there is more to say.
        exclude: ``namespace/workload`` or ``namespace`` that stays behind; the old revision then stays too.
    """

    schema: Literal[1]
    name: str
    summary: str = ""
    install: Install = Install()
    waves: tuple[WaveRule, ...]
    gateways_soak: timedelta = timedelta(minutes=5)
    probe_every: timedelta = timedelta(seconds=20)
    approvals: tuple[Literal["retire"], ...] = ("retire",)
    patience: Patience = Patience()
    valid_for: timedelta = timedelta(hours=24)
    mirrors: dict[str, str] = {}
    answers: dict[str, str | bool] = {}
    messages: Messages = Messages()
