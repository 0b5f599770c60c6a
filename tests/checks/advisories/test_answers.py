"""An answer is one to a question that there is, and stays with the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.accepting import accepts
from tests.checks.asking import context
from upgrader.catalog.advisories import advisories_of, minors_with_advisories
from upgrader.checks.advisories.choosing import advisories_along, checked
from upgrader.checks.advisories.words import concerned
from upgrader.cli.runs.answering import answers_of, of_the_way
from upgrader.model.answer import Answer, parse_answer
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.playbook import Playbook, WaveRule

ENTRIES = """
schema: 1
advisories:
- &one
  id: 1.99-asked
  title: Something
  area: traffic
  severity: breaking
  change: Changed.
  do: [look]
  ask: Is it?
  source: [istio/istio 1.99.0 x]
  seen: 2026-11-01
- {<<: *one, id: 1.99-certain, ask: "", certain: true, detect: [{kind: Node, path: a}]}
- {<<: *one, id: 1.99-maybe, ask: "", detect: [{kind: Node, path: a}]}
- {<<: *one, id: 1.99-unseen, ask: "", undetectable: nobody knows}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "advisories").mkdir()
    (tmp_path / "advisories" / "1.99.yaml").write_text(ENTRIES, encoding="utf-8")
    return tmp_path


def playbook(**answers: Any) -> Playbook:
    kept = {key.replace("_", "-").replace("v", "1.", 1): said for key, said in answers.items()}
    return Playbook(schema=1, name="x", waves=(WaveRule(name="all"),), answers=kept)


def refused(*given: str, folder: Path) -> UpgradeError:
    with pytest.raises(UpgradeError) as error:
        answers_of(given, playbook(), folder)
    assert error.value.code == "UPG-0364"
    assert error.value.exit_code is Exit.USAGE
    return error.value


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("yes", Answer(id="1.99-asked", concerned=True)),
        ("No", Answer(id="1.99-asked", concerned=False)),
        ("no: none of  ours", Answer(id="1.99-asked", concerned=False, text="none of ours")),
    ],
)
def test_an_answer_is_yes_or_no_and_maybe_a_text(said: str, answer: Answer) -> None:
    assert parse_answer("1.99-ASKED", said) == answer


@pytest.mark.parametrize("said", ["", "maybe", "yess", "true"])
def test_what_is_neither_is_refused(said: str, folder: Path) -> None:
    assert "1.99-asked" in refused(f"1.99-asked={said}", folder=folder).headline


def test_a_slip_in_the_id_is_refused_with_what_was_meant(folder: Path) -> None:
    error = refused("1.99-askd=no", folder=folder)
    assert error.what[0].startswith("near: 1.99-asked")


def test_what_the_cluster_proves_is_excused_and_not_answered(folder: Path) -> None:
    assert "--allow UPG-0360:1.99-certain" in refused("1.99-certain=no", folder=folder).do[0]
    assert "no question" in refused("1.99-unseen=no", folder=folder).headline
    with accepts("UPG-0364"):
        assert answers_of(["1.99-maybe=no"], playbook(), folder) == (
            Answer(id="1.99-maybe", concerned=False),
        )


def test_a_playbook_answers_too_and_the_command_line_goes_before(folder: Path) -> None:
    kept = playbook(v99_asked="no: ours", v99_maybe=False)
    assert [a.words for a in answers_of([], kept, folder)] == ["no: ours", "no"]
    assert [a.words for a in answers_of(["1.99-asked=yes"], kept, folder)] == ["yes", "no"]


def test_a_plan_records_what_was_answered_on_its_way_or_for_it_alone() -> None:
    mine, other, said = (Answer(id=f"1.{n}-x", concerned=False) for n in (28, 29, 30))
    path = context("1.27.9 1.28.10").path
    assert of_the_way((mine, other, said), path, ["1.30-X=no"]) == (mine, said)


def test_only_the_minors_that_are_entered_are_asked(folder: Path) -> None:
    assert [*advisories_along(context("1.98.0 1.99.0").path, folder)] == ["1.99"]
    assert advisories_along(context("1.99.0 1.99.1").path, folder) == {}
    assert advisories_along((), folder) == {}


def test_a_named_check_that_there_is_none_of_is_refused(folder: Path) -> None:
    file = folder / "advisories" / "1.99.yaml"
    file.write_text(ENTRIES.replace("{kind: Node, path: a}", "{check: duplicate_subset}"), encoding="utf-8")
    with pytest.raises(UpgradeError, match="UPG-0003") as error:
        checked([Answer(id="1.99-asked", concerned=True)], folder)
    assert "near: duplicate_subsets" in error.value.what[0]


@pytest.mark.parametrize("minor", minors_with_advisories())
def test_no_finding_offers_an_answer_that_is_then_refused(minor: str) -> None:
    here = context("1.30.3 1.31.0")
    for one in advisories_of(minor):
        offers = any("--answer" in line for line in concerned(one, (), 1, here, None).do)
        assert offers is not one.certain, one.id
