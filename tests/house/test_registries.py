"""What is written is also used: every step, probe and check is in its list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest

from upgrader import checks, probes, steps
from upgrader.checks import CHECKS
from upgrader.model.event import RunEvent
from upgrader.planning.plan import Gate
from upgrader.probes import AnyProbe
from upgrader.steps import STEPS, AnyStep

ASKED = {"mesh": "Snapshot", "context": "Context", "return": "Iterator[Finding]"}
"""What every check takes and gives."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Every module below a package."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def tagged(package: ModuleType, field: str) -> set[type]:
    """Classes that can be stored in a plan under *field*."""
    return {
        each
        for module in modules(package)
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, msgspec.Struct)
        and each.__struct_config__.tag_field == field
        and each.__module__ == module.__name__
    }


def test_every_step_is_in_the_registry() -> None:
    assert tagged(steps, "step") == set(STEPS)


def test_every_probe_is_in_the_union() -> None:
    assert tagged(probes, "probe") == set(AnyProbe.__args__)


def test_every_check_is_in_the_list() -> None:
    written = {
        each
        for module in modules(checks)
        for each in vars(module).values()
        if callable(each)
        and getattr(each, "__module__", "") == module.__name__
        and getattr(each, "__annotations__", {}) == ASKED
    }
    assert {f.__name__ for f in written if not f.__name__.startswith("_")} - {
        f.__name__ for f in CHECKS
    } == set()
    assert len(set(CHECKS)) == len(CHECKS) > 25


@pytest.mark.parametrize("union", [AnyStep | Gate, AnyProbe, RunEvent], ids=["steps", "probes", "events"])
def test_stored_names_are_told_apart_and_are_words(union: Any) -> None:
    names = [each.__struct_config__.tag for each in union.__args__]
    assert len(names) == len(set(names))
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)


def test_stored_names_are_those_of_the_first_release() -> None:
    """An event is renamed in Python, never on disk. Names may be added here, never changed or taken away."""
    first = {
        "approval-awaited", "approved", "drift-seen", "intent", "interrupted", "lock-left", "lock-taken", "looked", "outcome",
        "phase-entered", "run-closed", "run-opened", "step-halted", "step-progress", "step-settled", "step-started",
    }  # fmt: skip
    assert first <= {each.__struct_config__.tag for each in RunEvent.__args__}
