"""What just is not refused: each refusal of ``test_refusals`` with one thing mended, which then goes through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Desk, Said
from tests.cli.test_refusals import assert_refused
from upgrader.cli.entry import run
from upgrader.model.failures import Forbidden, Unauthorized
from upgrader.report.errors import of_failure

Desks = Callable[..., Desk]
CONFIGURATION = "apiVersion: upgrader/v1\ncontexts:\n  sandbox: {require_saved_plan: true}\n"
PLAYBOOK = "schema: 1\nname: mine\nwaves:\n  - name: all\n    select: {}\n    at_once: 2\n"


def taken(said: Said, *codes: str) -> None:
    """The command was carried out, and none of *codes* was told."""
    assert said.code == 0, said.text
    assert [code for code in codes if code in said.text] == []


def test_a_way_over_every_minor_that_has_manifests(desk: Desks) -> None:
    shop = desk()
    taken(shop.type("plan", "--path", "1.28,1.29"), "UPG-0001", "UPG-0101", "UPG-0102", "UPG-0105")


def test_a_manifest_folder_that_is_as_it_was_rendered(desk: Desks) -> None:
    shop = desk()
    file = shop.place / "manifests" / "1.28.10" / "istiod.yaml"
    file.write_text(f"# looked at\n{file.read_text()}")
    taken(shop.type("plan", "--to", "1.28"), "UPG-0010", "UPG-0011")


def test_a_context_that_is_there_and_answers(desk: Desks) -> None:
    said = desk().type("plan", "--to", "1.28", "--context", "sandbox", "--request-timeout", "9s")
    taken(said, "UPG-0005", "UPG-0006", "UPG-0009")


def test_a_configuration_and_a_playbook_of_known_keys(desk: Desks) -> None:
    shop = desk()
    Path(".upgrader.yaml").write_text("apiVersion: upgrader/v1\ntarget: '1.28'\n")
    (shop.place / "playbook.yaml").write_text(PLAYBOOK)
    said = shop.type("plan", "--playbook", str(shop.place / "playbook.yaml"))
    taken(said, "UPG-0002", "UPG-0004", "UPG-0012", "UPG-0014")


def test_a_saved_plan_begins_unasked_and_is_used_up(desk: Desks) -> None:
    """Fresh, whole, of this cluster, allowed, not blocked, and the record of its run is found."""
    shop = desk()
    Path(".upgrader.yaml").write_text(CONFIGURATION)
    plan = shop.plan("--to", "1.28", "--valid-for", "1h")
    shop.world.local("ana", "kubectl").patch(
        "/api/v1/namespaces/monitoring",
        b'{"metadata":{"labels":{"team":"sre"}}}',
        "application/merge-patch+json",
    )
    first = next(i["id"] for w in json.loads(plan.read_text())["hops"][0]["waves"] for i in w["items"])
    begun = shop.type("apply", str(plan), "--until", first)
    taken(begun, "UPG-0007", "UPG-0013", "UPG-0019", "UPG-0302")
    taken(begun, "UPG-0401", "UPG-0402", "UPG-0403", "UPG-0405", "UPG-0406")
    taken(shop.type("resume", "--until", first), "UPG-0404", "UPG-0504")
    again = shop.type("apply", str(plan))
    assert again.code == 4, again.text
    assert "error UPG-0403:" in again.err


def test_an_exception_with_a_reason_for_something_found(desk: Desks) -> None:
    shop = desk()
    found = json.loads(shop.type("plan", "--to", "1.28", "-o", "json").out)["findings"]
    code = next(f["code"] for f in found if f["severity"] == "advisory")
    said = shop.type("plan", "--to", "1.28", "--allow", code, "--reason", "we looked")
    taken(said, "UPG-0016")


def test_a_page_there_is_and_one_there_is_none_of(desk: Desks) -> None:
    shop = desk()
    assert_refused(shop, shop.type("explain", "UPG-0109x"), "UPG-0018", 64)
    taken(shop.type("explain", "0109"), "UPG-0018")


def test_a_scenario_there_is_and_one_there_is_none_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sandbox", "start", "shopp"]) == 64
    refused = capsys.readouterr().err
    assert "error UPG-0017: there is no scenario 'shopp'" in refused
    assert "shop" in refused
    assert run(["sandbox", "start", "shop", "--listen", "nowhere"]) == 64
    assert "UPG-0017" not in capsys.readouterr().err


def test_a_file_that_this_machine_does_not_take(desk: Desks) -> None:
    shop = desk()
    said = shop.type("plan", "--to", "1.28", "--out", str(shop.place / "gone" / "plan.json"))
    assert_refused(shop, said, "UPG-0015", 1)
    (shop.place / "gone").mkdir()
    taken(shop.type("plan", "--to", "1.28", "--out", str(shop.place / "gone" / "plan.json")), "UPG-0015")


def test_who_is_not_known_is_told_apart_from_who_may_not() -> None:
    unknown, not_allowed = (
        of_failure(Unauthorized("Unauthorized")),
        of_failure(Forbidden("pods is forbidden")),
    )
    assert (unknown.code, unknown.exit_code) == ("UPG-0301", 77)
    assert "kubectl auth whoami" in unknown.do
    assert not_allowed.code != "UPG-0301"
    assert (not_allowed.code, not_allowed.exit_code) == ("UPG-0302", 77)
