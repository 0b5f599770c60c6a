"""Questions of advisories, answered on the command line, recorded in the plan, and told by ``explain``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from upgrader.catalog.advisories import advisories_of
from upgrader.catalog.advisory import Advisory

pytestmark = pytest.mark.skipif(not advisories_of("1.28"), reason="no advisories yet for 1.28")
Desk = Callable[..., Any]


def a_question() -> Advisory:
    """One of the shop's first hop that no object of it answers."""
    return next(a for a in advisories_of("1.28") if a.ask and not a.detect)


def test_a_slip_in_an_id_ends_the_command_before_the_cluster_is_read(desk: Desk) -> None:
    said = desk().type("plan", "--to", "1.28", "--answer", "1.28-nothing-of-that-name=no")
    assert said.code == 64
    assert "UPG-0364" in said.err


@pytest.mark.parametrize("word", ["maybe", ""])
def test_what_is_neither_yes_nor_no_is_refused(word: str, desk: Desk) -> None:
    said = desk().type("check", "--to", "1.28", "--answer", f"{a_question().id}={word}")
    assert said.code == 64
    assert "yes" in said.err


def test_an_answer_is_in_the_plan_and_ends_the_question(desk: Desk) -> None:
    here, id_ = desk(), a_question().id
    manifests = ("--manifests", str(here.place / "manifests"))

    def about(path: Any) -> list[str]:
        return [f["code"] for f in json.loads(path.read_text())["findings"] if f["subject"] == id_]

    open_ = here.plan("--to", "1.28", *manifests)
    digest = json.loads(open_.read_text())["id"]
    assert about(open_) == ["UPG-0362"]
    said_no = here.plan("--to", "1.28", *manifests, "--answer", f"{id_}=no: nobody has it")
    plan = json.loads(said_no.read_text())
    assert about(said_no) == []
    assert plan["answers"] == [{"id": id_, "concerned": False, "text": "nobody has it"}]
    assert plan["id"] != digest
    for form in ("text", "markdown"):
        shown = here.type("show", str(said_no), "-o", form)
        assert "nobody has it" in shown.out
        assert id_ in shown.out
    assert about(here.plan("--to", "1.28", *manifests, "--answer", f"{id_}=yes")) in (
        ["UPG-0360"],
        ["UPG-0361"],
    )


def test_a_playbook_holds_answers(desk: Desk) -> None:
    here, id_ = desk(), a_question().id
    swift = here.swift()
    swift.write_text(f'{swift.read_text()}\nanswers: {{"{id_}": no}}\n')
    path = here.place / "plan.json"
    said = here.type(
        "plan",
        "--to",
        "1.28",
        "--playbook",
        str(swift),
        "--manifests",
        str(here.place / "manifests"),
        "--out",
        str(path),
    )
    assert said.code == 0, said.text
    assert json.loads(path.read_text())["answers"][0] == {"id": id_, "concerned": False, "text": ""}


def test_an_advisory_is_explained_by_its_id(desk: Desk) -> None:
    one = a_question()
    said = desk().type("explain", one.id.upper())
    assert said.code == 0
    assert one.title in said.out
    assert one.source[0].split()[-1] in said.out
    assert f"--answer {one.id}=no" in said.out
    assert "near: " + one.id in desk(name="other").type("explain", f"{one.id}x").err


def test_the_list_of_codes_counts_the_advisories(desk: Desk) -> None:
    here = desk()
    assert "1.28  " in here.type("explain").out
    told = json.loads(here.type("explain", "-o", "json").out)
    assert set(told["advisories"]["1.28"]) == {"detector", "question", "explained"}
