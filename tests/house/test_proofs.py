"""Every code that a check can yield is proved twice: by a mesh that triggers it, and by one that just does not.

The proofs are calls in tests: ``blocks(mesh, "0322", …)``, ``advises`` and ``only`` fail where nothing is said under the
code, ``silent`` fails where something is. A code that is only put together at run time counts for nothing.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from upgrader.catalog import codes

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "upgrader"
CODE = re.compile(r"UPG-\d{4}")
SHORT = re.compile(r"\d{4}")
TRIGGERS, NEAR_MISSES = frozenset({"blocks", "advises", "only"}), frozenset({"silent"})

NAMED_BY_NONE = {"UPG-0013", "UPG-0015", "UPG-0017", "UPG-0018", "UPG-0301", "UPG-0346"}
"""Codes of commands that tests know by their words only; a code may leave this set, and none may join it."""


@cache
def parsed(folder: Path, pattern: str) -> tuple[tuple[Path, ast.Module], ...]:
    return tuple(
        (file, ast.parse(file.read_text(encoding="utf-8"))) for file in sorted(folder.rglob(pattern))
    )


def literals(tree: ast.AST, shape: re.Pattern[str]) -> set[str]:
    """Texts of that shape in *tree*."""
    return {
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and shape.fullmatch(n.value)
    }


def called(call: ast.Call) -> set[str]:
    """Names that *call* may be of; ``(blocks if bad else advises)(…)`` is of two."""
    return {n.id for n in ast.walk(call.func) if isinstance(n, ast.Name)}


@cache
def yielded() -> dict[str, str]:
    """Code to the module of checks that makes a finding of it."""
    found: dict[str, str] = {}
    for file, tree in parsed(PACKAGE / "checks", "*.py"):
        named = {
            name.id: literals(node.value, CODE)
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        }
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and called(n) == {"Finding"}):
            value = next(k.value for k in call.keywords if k.arg == "code")
            made = literals(value, CODE).union(
                *(named.get(n.id, set()) for n in ast.walk(value) if isinstance(n, ast.Name))
            )
            assert made, f"{file.relative_to(PACKAGE)}:{call.lineno}: which code is that"
            found |= dict.fromkeys(made, str(file.relative_to(PACKAGE)))
    return dict(sorted(found.items()))


@cache
def proofs(names: frozenset[str]) -> dict[str, str]:
    """Code to a test that calls one of *names* with it."""
    return {
        f"UPG-{short}": f"{file.relative_to(TESTS)}::{test.name}"
        for file, tree in parsed(TESTS, "test_*.py")
        for test in ast.walk(tree)
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")
        for call in ast.walk(test)
        if isinstance(call, ast.Call) and called(call) & names
        for short in set().union(*(literals(arg, SHORT) for arg in call.args))
    }


def test_checks_yield_codes_at_all() -> None:
    assert len(yielded()) > 80


@pytest.mark.parametrize("code", yielded())
def test_a_code_that_a_check_yields_has_a_page_a_trigger_and_a_near_miss(code: str) -> None:
    lacks = [
        what
        for what, there in (
            ("page", code in codes()),
            ("trigger", code in proofs(TRIGGERS)),
            ("near miss", code in proofs(NEAR_MISSES)),
        )
        if not there
    ]
    assert lacks == [], f"{code} of {yielded()[code]}"


def test_a_code_of_anything_else_is_named_by_some_test() -> None:
    """Of errors, and of what happens during a run."""
    source = set().union(*(literals(tree, CODE) for _, tree in parsed(PACKAGE, "*.py")))
    named = {
        code
        for file in TESTS.rglob("*.py")
        if file != Path(__file__)
        for code in CODE.findall(file.read_text(encoding="utf-8"))
    }
    assert source - yielded().keys() - named == NAMED_BY_NONE
