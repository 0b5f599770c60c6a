"""Configuration files: what they may say, who wins, and where a value comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from upgrader.cli.entry import run

Desks = Callable[..., Desk]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name in ("UPGRADER_STATE", "UPGRADER_ASCII", "UPGRADER_COLOR"):
        monkeypatch.delenv(name, raising=False)


def config(path: str, *lines: str) -> None:
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("\n".join(["apiVersion: upgrader/v1", *lines, ""]))


def seen(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, str]]:
    capsys.readouterr()
    assert run(["config", "view", "-o", "json", *words]) == 0
    found: dict[str, dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def test_flags_beat_the_environment_which_beats_the_files_in_their_order(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen(capsys)["state"] == {"value": "", "origin": "default"}
    config("xdg/upgrader/config.yaml", "state: /user")
    assert seen(capsys)["state"]["value"] == "/user"
    config(".upgrader.yaml", "", "state: /project")
    assert seen(capsys)["state"] == {"value": "/project", "origin": ".upgrader.yaml:3"}
    config("named.yaml", "state: /named")
    assert seen(capsys, "--config", "named.yaml")["state"] == {"value": "/named", "origin": "named.yaml:2"}
    monkeypatch.setenv("UPGRADER_STATE", "/environment")
    assert seen(capsys, "--config", "named.yaml")["state"] == {
        "value": "/environment",
        "origin": "environment",
    }
    assert seen(capsys, "--state", "/flag")["state"] == {"value": "/flag", "origin": "flag"}


def test_each_setting_comes_from_the_strongest_file_that_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    config("xdg/upgrader/config.yaml", "output: {color: never, ascii: true}")
    config(".upgrader.yaml", "output:", "  ascii: false")
    found = seen(capsys)
    assert found["output.ascii"] == {"value": "false", "origin": ".upgrader.yaml:3"}
    assert found["output.color"]["value"] == "never"
    assert seen(capsys, "--color", "auto")["output.color"] == {"value": "auto", "origin": "flag"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["targett: '1.28'"], ".upgrader.yaml:2: unknown key 'targett'; did you mean target?"),
        (["contexts:", "  prod: {baner: X}"], ".upgrader.yaml:3: unknown key 'baner'; did you mean banner?"),
        (["output:", "  color: blue"], ".upgrader.yaml:3"),
        (["target: 1.28"], "must be in quotes"),
    ],
)
def test_what_is_not_understood_is_refused_with_file_and_line(
    lines: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config(".upgrader.yaml", *lines)
    assert run(["config", "view"]) == 78
    assert said in capsys.readouterr().err


def test_what_steers_an_upgrade_is_refused_in_the_file_of_a_user(capsys: pytest.CaptureFixture[str]) -> None:
    config("xdg/upgrader/config.yaml", "target: '1.29'")
    assert run(["config", "view"]) == 78
    assert "reviewable" in capsys.readouterr().err


def test_a_file_that_was_named_must_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "view", "--config", "nowhere.yaml"]) == 78
    assert "nowhere.yaml does not exist" in capsys.readouterr().err


@pytest.mark.slow
def test_target_and_playbook_of_the_project_are_the_defaults_of_a_plan(desk: Desks) -> None:
    shop = desk()
    config(".upgrader.yaml", "target: '1.28'", "playbook: quick")
    plan = json.loads(shop.type("plan", "-o", "json").out)
    assert plan["path"][-1].startswith("1.28")
    assert json.loads(shop.type("plan", "-o", "json", "--to", "1.29").out)["path"][-1].startswith("1.29")


@pytest.mark.slow
def test_commands_repeat_what_was_typed_and_not_what_the_environment_said(
    desk: Desks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = desk()
    said = shop.type("plan", "--path", "1.29")
    typed = f"--kubeconfig {shop.place / 'kubeconfig'} --state {shop.place / 'runs'}"
    assert f"upgrade plan --to 1.29 {typed}" in said.err
    monkeypatch.setenv("KUBECONFIG", str(shop.place / "kubeconfig"))
    monkeypatch.setenv("UPGRADER_STATE", str(shop.place / "runs"))
    monkeypatch.setenv("UPGRADER_CONTEXT", "sandbox")
    assert run(["plan", "--path", "1.29"]) == 3
    shown = capsys.readouterr().err
    assert "upgrade plan --to 1.29" in shown
    assert "--kubeconfig" not in shown
    assert "--state" not in shown


@pytest.mark.slow
def test_global_options_mean_the_same_before_and_after_the_command(
    desk: Desks, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = desk()
    wanted = ["--kubeconfig", str(shop.place / "kubeconfig"), "--ascii", "-o", "short"]
    assert run([*wanted, "check", "--to", "1.28"]) == 0
    before = capsys.readouterr().out
    assert run(["check", *wanted, "--to", "1.28"]) == 0
    assert capsys.readouterr().out == before
