"""The long text of every code, as ``upgrade explain`` prints it; needs no network and no cluster."""

from __future__ import annotations

from pathlib import Path

_PAGES = Path(__file__).with_name("explain")


def codes() -> tuple[str, ...]:
    """Every code that has a page, sorted."""
    return tuple(sorted(file.stem for file in _PAGES.glob("UPG-*.md")))


def page(code: str) -> str | None:
    """The page of *code* (in any case, ``UPG-`` may be left out), or None when there is none."""
    name = code.strip().upper()
    name = name if name.startswith("UPG-") else f"UPG-{name}"
    if name not in codes():
        return None
    return (_PAGES / f"{name}.md").read_text(encoding="utf-8")
