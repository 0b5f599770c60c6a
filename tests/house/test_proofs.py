"""Every code is proved twice: by something that triggers it, and by something that just does not.

For a check both are calls in tests: ``blocks(mesh, "0322", …)``, ``advises`` and ``only`` fail where nothing is said under
the code, ``silent`` fails where something is. For errors, and for findings of planning, the code is named in tests: where it
is told, and beside it where it is not (``not in``, ``!=``, ``== []``, ``taken``, ``accepts``). Of what only happens while a
run is under way, every run that ends well is the near miss. A code that is only put together at run time counts for nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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
DENIALS = NEAR_MISSES | {"taken", "accepts"}
BEFORE_A_RUN = re.compile(r"UPG-0[0-4]\d\d")
"""Errors of what was typed and read, and findings; from 05 on it is the record, a run, or this program."""


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


def empty(node: ast.expr) -> bool:
    """Whether *node* is written as a value with nothing in it."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    if isinstance(node, ast.Call):
        return called(node) in ({"set"}, {"frozenset"}, {"dict"}) and not node.args
    return isinstance(node, ast.Dict) and not node.keys


def denies(node: ast.AST) -> bool:
    """Whether what stands inside *node* is said not to be."""
    if isinstance(node, ast.Compare):
        unlike = any(isinstance(one, ast.NotIn | ast.NotEq) for one in node.ops)
        return unlike or any(empty(one) for one in (node.left, *node.comparators))
    if isinstance(node, ast.Call):
        return bool(called(node) & DENIALS)
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def named(node: ast.AST, *, denied: bool = False) -> Iterator[tuple[str, bool]]:
    """Codes that *node* names, docstrings aside, each with whether it is said not to be there."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from ((code, denied) for code in CODE.findall(node.value))
    inside = denied ^ denies(node)
    for child in ast.iter_child_nodes(node):
        yield from named(child, denied=inside)


@cache
def said_of_anything_else() -> dict[bool, frozenset[str]]:
    """Codes by whether a test says that they are not there."""
    files = [tree for file, tree in parsed(TESTS, "*.py") if file != Path(__file__)]
    told = {one for tree in files for one in named(tree)}
    return {way: frozenset(code for code, denied in told if denied is way) for way in (False, True)}


@pytest.mark.parametrize("code", sorted({*codes()} - yielded().keys()))
def test_a_code_of_anything_else_is_told_by_some_test_and_just_not_by_another(code: str) -> None:
    told, not_told = (said_of_anything_else()[way] for way in (False, True))
    assert code in told, "no test triggers it"
    assert code in not_told or not BEFORE_A_RUN.fullmatch(code), "no test comes close without triggering it"


def test_no_page_is_of_a_code_that_nothing_tells() -> None:
    source = set().union(*(literals(tree, CODE) for _, tree in parsed(PACKAGE, "*.py")))
    assert source == {*codes()}
