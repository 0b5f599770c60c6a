"""Playbooks are read strictly, and every complaint names file and line."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import example, given

from upgrader.host.shipped import playbooks
from upgrader.model.duration import duration
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.playbook import Install, Messages, Patience, Playbook, WaveRule
from upgrader.playbook.load import load_playbook, parse_playbook
from upgrader.playbook.render import check_template, render

HEAD = "schema: 1\nname: x\n"
WAVES = "waves:\n  - name: all\n"


def complaint(text: str) -> str:
    with pytest.raises(UpgradeError) as refused:
        parse_playbook(text, "playbook.yaml")
    assert (refused.value.code, refused.value.exit_code) == ("UPG-0004", Exit.CONFIG)
    return refused.value.headline


def test_the_shipped_playbook_is_read_and_takes_every_namespace() -> None:
    found = load_playbook(playbooks() / "canary")
    assert found.name == "canary"
    assert found.waves[-1].select == {}
    assert found.waves[0].soak == timedelta(minutes=10)
    assert found.approvals == ("retire",)


def test_the_smallest_playbook_has_sane_pace() -> None:
    found = parse_playbook(HEAD + WAVES, "p")
    assert found.waves[0].at_once == 1
    assert found.waves[0].soak == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + WAVES + "    atonce: 2\n", "playbook.yaml:5: unknown key 'atonce'; did you mean at_once?"),
        (HEAD + WAVES + "    soak: 10\n", "playbook.yaml:5: '10' is not a duration"),
        (HEAD + WAVES + "    at_once: many\n", "playbook.yaml:5: at_once: Expected"),
        (HEAD + WAVES + "    gate: perhaps\n", "playbook.yaml:5: gate: Invalid"),
        (HEAD + WAVES + "    when: now\n", "a playbook has no conditions"),
        (HEAD + WAVES + "    name: twice\n", "key 'name' is there twice"),
        (HEAD + WAVES + "  - name: all\n", "two waves are called all"),
        (HEAD + WAVES + "    at_once: 0\n", "wave all: at_once is 0"),
        (HEAD + WAVES + "    select: {tier: 1}\n", "must be in quotes"),
        ("name: x\n" + WAVES, "missing"),
        ("schema: 2\nname: x\n" + WAVES, "playbook.yaml:1"),
        (HEAD, "missing required field 'waves'"),
        ("", "the file is empty"),
        (HEAD + "a: &b 1\nc: *b\n", "aliases"),
        (HEAD + "waves: [", "not YAML"),
        (HEAD + WAVES + 'messages: {retire: "{{ nobody }}"}\n', "messages.retire: unknown fact 'nobody'"),
        (HEAD + WAVES + 'messages: {approval: "{{ wave"}\n', "messages.approval: line 1"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in complaint(text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UpgradeError, match="UPG-0004"):
        load_playbook(tmp_path / "none.yaml")


def test_the_vocabulary_is_on_the_page_and_stays_small() -> None:
    page = (playbooks() / "README.md").read_text(encoding="utf-8")
    types = (Playbook, WaveRule, Install, Patience, Messages)
    keys = {field.name for type_ in types for field in msgspec.structs.fields(type_)}
    assert not {key for key in keys if not re.search(rf"`([a-z_]+(\[\])?\.)?{key}[`.]", page)}
    assert len(keys) <= 26


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("1.5h", 5400), ("2d", 172800), ("500ms", 0.5)]
)
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["10", "", "m", "1 h 2", "-5m", "five m"])
def test_a_duration_without_a_unit_is_a_guess_and_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


def test_a_filter_that_is_not_offered_is_refused() -> None:
    assert "center" in check_template("{{ wave | center(999999999) }}", ("wave",))


def test_words_are_filled_in_on_one_line() -> None:
    assert (
        render("{{ old }} goes\n  {{ names | join(', ') }}", {"old": "1-27-9", "names": ["a", "b"]})
        == "1-27-9 goes a, b"
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ names.append('x') }}",
        "{{ names.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{{ unknown }}",
    ],
)
def test_a_template_reaches_nothing_but_the_facts(template: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        render(template, {"names": ["a"]})


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in wave %}x{% endfor %}",
        "{{ wave * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '{:999}'.format(wave) }}",
        "{{ '%999d' % 1 }}",
        "{% include 'x' %}",
    ],
)
def test_a_template_that_could_run_away_is_refused_before_it_runs(template: str) -> None:
    assert "are allowed in words" in check_template(template, ("wave",))


@given(st.text(max_size=200))
@example("=")
@example("!other x")
@example("2001-99-99")
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    with suppress(UpgradeError):
        parse_playbook(text, "p")
