"""Programs are measured as users have them: compiled at their first start, whatever the environment of the measurement says."""

from __future__ import annotations

from pathlib import Path


def compiled_once(folder: Path) -> dict[str, str]:
    """Settings with which a Python program keeps its bytecode in *folder*."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)}
