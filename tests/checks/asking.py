"""One question to a mesh, in one line."""

from __future__ import annotations

from typing import Any

from tests.meshes import Mesh
from upgrader.catalog import load_catalog
from upgrader.checks import Context, run_checks
from upgrader.model.finding import Finding, Severity
from upgrader.model.version import Version


def context(path: str = "1.27.9 1.28.10", **fields: Any) -> Context:
    """A context for versions separated by blanks."""
    return Context(path=tuple(Version.parse(v) for v in path.split()), catalog=load_catalog(), **fields)


def findings(mesh: Mesh, path: str = "1.27.9 1.28.10", **fields: Any) -> tuple[Finding, ...]:
    """Everything that the checks say about *mesh*."""
    return run_checks(mesh.snapshot(), context(path, **fields)).findings


def said(mesh: Mesh, code: str, path: str = "1.27.9 1.28.10", **fields: Any) -> list[Finding]:
    """What they say under *code*, in short ``0201``."""
    return [f for f in findings(mesh, path, **fields) if f.code == f"UPG-{code}"]


def blocks(mesh: Mesh, code: str, subject: str = "", path: str = "1.27.9 1.28.10", **fields: Any) -> Finding:
    """The one finding under *code*, which must block."""
    [found] = said(mesh, code, path, **fields)
    assert found.severity is Severity.BLOCKED, found
    assert found.subject == subject, found
    return found


def advises(mesh: Mesh, code: str, subject: str = "", path: str = "1.27.9 1.28.10", **fields: Any) -> Finding:
    """The one finding under *code*, which must not block."""
    [found] = said(mesh, code, path, **fields)
    assert found.severity is Severity.ADVISORY, found
    assert found.subject == subject, found
    return found


def silent(mesh: Mesh, code: str, path: str = "1.27.9 1.28.10", **fields: Any) -> None:
    """Nothing is said under *code*."""
    assert said(mesh, code, path, **fields) == []
