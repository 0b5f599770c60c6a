"""Each detector of the catalog finds the mesh that it is about, and leaves alone the one that is just not."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import yaml

from tests.checks.advisories.world import Case, path, world
from upgrader.catalog import load_catalog
from upgrader.catalog.advisories import advisories_of, minors_with_advisories
from upgrader.catalog.advisory import Advisory
from upgrader.checks import Context
from upgrader.checks.advisories.check import detected
from upgrader.checks.advisories.world import World
from upgrader.model.kinds import Obj

CASES = Path(__file__).with_name("cases")


class Numbered(NamedTuple):
    """A case, and which of the cases of its advisory it is."""

    advisory: str
    number: int
    case: Case

    def __str__(self) -> str:
        return f"{self.advisory}-{self.number}"


@cache
def cases() -> tuple[Numbered, ...]:
    """Every case of every file; an advisory has one, or a list of them."""
    found: list[Numbered] = []
    for file in sorted(CASES.glob("*.yaml")):
        for id_, told in yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader).items():
            assert id_.startswith(f"{file.stem}-"), f"{id_} is in {file.name}"
            several = told if isinstance(told, list) else [told]
            made = msgspec.convert(several, tuple[Case, ...])
            found += [Numbered(id_, number, case) for number, case in enumerate(made)]
    return tuple(found)


def known(id_: str) -> Advisory:
    return next(a for a in advisories_of(id_.partition("-")[0]) if a.id == id_)


def named(one: Advisory, case: Case, objects: tuple[Obj, ...]) -> list[str]:
    """What the detectors of *one* name in that mesh."""
    context = Context(path=path(case, objects, one.minor), catalog=load_catalog())
    seen = World(world(case, objects, one.minor), context)
    return [str(hit) for hit in detected(one, seen)]


@pytest.mark.parametrize("one", cases(), ids=str)
def test_the_mesh_that_an_advisory_is_about_is_concerned(one: Numbered) -> None:
    found = named(known(one.advisory), one.case, one.case.concerned)
    assert found != []


@pytest.mark.parametrize("one", cases(), ids=str)
def test_the_mesh_that_is_just_not_is_spared(one: Numbered) -> None:
    found = named(known(one.advisory), one.case, one.case.spared)
    assert found == []


@pytest.mark.parametrize("minor", minors_with_advisories())
def test_every_detector_of_a_minor_is_proved_by_a_case_of_its_own(minor: str) -> None:
    unproved = [
        f"{one.id} detect[{number}]"
        for one in advisories_of(minor)
        for number, detector in enumerate(one.detect)
        if not any(
            named(msgspec.structs.replace(one, detect=(detector,)), c.case, c.case.concerned)
            for c in cases()
            if c.advisory == one.id
        )
    ]
    assert unproved == []
