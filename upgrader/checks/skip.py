"""The refusal of a version skip, in the words that every command uses."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.version import Version


def skip_refusal(source: Version, target: Version, via: Sequence[Version]) -> UpgradeError:
    """UPG-0101: one hop from *source* to *target* would leave out minors.

    Args:
        source: What runs.
        target: What was asked for.
        via: The whole path that is allowed instead: from *source* to *target*, one minor a hop. Without its ends, or
            empty, it is shown as far as it is known.
    """
    skipped = [f"{source.major}.{minor}" for minor in range(source.minor + 1, target.minor)]
    path = [v for v in via if v not in {source, target}]
    shown = " -> ".join(str(v) for v in (source, *path, target))
    plural = "minor versions" if len(skipped) > 1 else "a minor version"
    return UpgradeError(
        "UPG-0101",
        f"{source} -> {target} skips {plural} ({', '.join(skipped)})",
        what=(f"--path {target.series} asks for one hop across {source.minors_to(target)} minor versions",),
        why=(
            "our rule is one minor version per hop: each hop is checked against that version's upgrade notes, and "
            "can be undone onto a revision that is still installed. Istio itself supports a two-minor jump with "
            "revisions; this refusal is our policy and has no override."
        ),
        do=(f"upgrade plan --to {target.series}            # {shown}",),
        exit_code=Exit.BLOCKED,
    )
