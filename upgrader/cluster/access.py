"""How the user wants to reach the cluster, and what is said when that does not lead there."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from upgrader.cluster.clean import clean_line
from upgrader.model.errors import Exit, UpgradeError

READ = 30.0
"""Seconds without a byte; ``--request-timeout`` changes it."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """The options of kubectl by the same names.

    Attributes:
        kubeconfig: One path or a list separated as in PATH; empty for ``$KUBECONFIG``, then ``~/.kube/config``.
        context: Empty for the current one.
        user: Impersonated with ``--as``.
        groups: Impersonated with ``--as-group``.
        timeout: Seconds without a byte of answer.
        account: Folder of the pod's service account, asked when no kubeconfig is named and none is at its usual place.
    """

    kubeconfig: str = ""
    context: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    timeout: float = READ
    account: Path = SERVICE_ACCOUNT

    @property
    def paths(self) -> str:
        """The files in the order in which they are merged."""
        return self.named or str(Path.home() / ".kube" / "config")

    @property
    def named(self) -> str:
        """The files that somebody named; empty when the usual place is meant."""
        return self.kubeconfig or os.environ.get("KUBECONFIG", "")

    def files(self) -> tuple[str, ...]:
        """The kubeconfig files that exist and are not empty, which is how kubectl reads a list.

        Raises:
            UpgradeError: UPG-0005: a file that ``--kubeconfig`` names does not exist.
        """
        wanted = [str(Path(p).expanduser()) for p in self.paths.split(os.pathsep) if p]
        missing = [p for p in wanted if not Path(p).is_file()]
        if self.kubeconfig and missing:
            raise no_way_in("a kubeconfig that was named does not exist", *missing)
        return tuple(p for p in wanted if p not in missing and Path(p).stat().st_size)

    @property
    def in_cluster(self) -> bool:
        """Whether this is a pod whose service account may be used."""
        here = bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (self.account / "token").is_file()
        return here and not self.named and not self.context


def no_kubeconfig(access: Access) -> UpgradeError:
    """UPG-0005: nothing says how to reach a cluster."""
    return no_way_in(
        "no kubeconfig was found", *(f"looked for {p}" for p in access.paths.split(os.pathsep) if p)
    )


def no_way_in(headline: str, *what: str) -> UpgradeError:
    """UPG-0005: the configuration does not lead to a cluster."""
    return UpgradeError(
        "UPG-0005",
        headline,
        what=tuple(clean_line(w)[:500] for w in what),
        why="a kubeconfig says where the API server is and who you are there",
        do=(
            "kubectl config get-contexts",
            "or name a file: --kubeconfig FILE, or KUBECONFIG=FILE in the environment",
        ),
        exit_code=Exit.CONFIG,
    )


def no_context(name: str, known: Sequence[str]) -> UpgradeError:
    """UPG-0006: the context is not in the kubeconfig (or, with no *name*, none is current)."""
    shown = [clean_line(k) for k in sorted(known)]
    near = difflib.get_close_matches(clean_line(name), shown, n=1, cutoff=0.5)
    have = ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
    pick = near or shown[:1] or ["NAME"]
    return UpgradeError(
        "UPG-0006",
        f"the kubeconfig has no context {clean_line(name)!r}"
        if name
        else "the kubeconfig names no current context",
        what=(
            *((f"nearest: {near[0]}",) if near else ()),
            f"known: {have}" if have else "it has no context at all",
        ),
        why="a context says which cluster, and as whom; guessing one could change the wrong cluster",
        do=(f"--context {pick[0]}", "kubectl config get-contexts"),
        exit_code=Exit.CONFIG,
    )
