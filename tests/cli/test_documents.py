"""What scripts get: one document on stdout, whatever happens, with the same facts as the text and no secret in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Desk, Said
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.life import Life

Desks = Callable[..., Desk]
pytestmark = pytest.mark.slow
LOOKS = [
    ["plan", "--to", "1.28"],
    ["plan", "--path", "1.29"],
    ["plan", "--only", "nowhere"],
    ["check"],
    ["verify"],
    ["versions"],
    ["version"],
    ["explain"],
    ["explain", "UPG-0101"],
    ["explain", "UPG-9999"],
    ["help", "gates"],
    ["help", "events"],
    ["status"],
    ["show", "nothing.json"],
    ["report"],
    ["config", "view"],
    ["sandbox", "list"],
    ["unlock", "r-20260105-0001"],
    ["approve", "r-20260105-0001", "h1.01"],
    ["restore", "r-20260105-0001"],
    ["rollback"],
    ["resume"],
    ["apply", "--to", "1.28"],
    ["apply", "--to", "1.28", "--dry-run=client"],
    ["aply"],
    ["plan", "--tu", "1.28"],
]


def one_json(said: Said) -> Any:
    assert said.out.strip(), said.text
    return json.loads(said.out)


def test_every_command_prints_one_document_and_the_exit_code_stays(desk: Desks) -> None:
    shop = desk()
    for words in LOOKS:
        plain = shop.type(*words)
        found = one_json(said := shop.type(*words, "-o", "json"))
        assert said.code == plain.code, words
        assert "\x1b" not in said.text
        again = shop.type(*words, "-o", "yaml")
        assert again.code == plain.code, words
        documents = [*yaml.safe_load_all(again.out)]
        assert len(documents) == 1
        assert isinstance(documents[0], type(found)), words
        if plain.code:
            assert found["exit_code"] == plain.code or words[0] in {"plan", "check", "verify"}, words
    assert shop.writes() == []


def test_results_go_to_stdout_and_everything_else_to_stderr(desk: Desks) -> None:
    shop = desk()
    for words in (["plan", "--to", "1.28"], ["check"], ["verify"], ["versions"], ["explain"], ["help"]):
        said = shop.type(*words)
        assert said.out.strip()
        assert said.err == "", words
    for words in (["plan", "--path", "1.29"], ["status"], ["resume"]):
        said = shop.type(*words)
        assert said.out == "", words
        assert said.err.startswith("error UPG-")


def test_two_plans_of_one_state_differ_in_times_only(desk: Desks) -> None:
    shop = desk()

    def plan() -> str:
        text = shop.type("plan", "--to", "1.29", "-o", "json").out
        return re.sub(r'"(pl-\w+|\d{4}-\d\d-\d\dT[\d:.]+Z)"', '"-"', text)

    assert plan() == plan()


def test_a_run_can_be_followed_as_text_and_as_events_at_once(desk: Desks) -> None:
    shop = desk()
    events = shop.place / "events.jsonl"
    with Life(shop.world, 100.0):
        said = shop.type(
            "apply", str(shop.plan("--to", "1.28")), "--until", "canary", "-o", "text", "-o", f"jsonl={events}"
        )  # fmt: skip
    assert said.code == 0, said.text
    ended = {e["scope"]["step"] for line in events.read_text().splitlines() if (e := json.loads(line))["type"].endswith(".end") and "scope" in e}  # fmt: skip
    assert ended == set(re.findall(r"^\S+  (h\d\.\d\d)   ok ", said.err, re.MULTILINE))


def test_a_run_ends_with_one_document(desk: Desks) -> None:
    shop = desk()
    with Life(shop.world, 100.0):
        said = shop.type("apply", str(shop.plan("--to", "1.28")), "--until", "canary", "-o", "json")
        found = one_json(said)
        assert (said.code, found["result"], found["safe_to_leave"]) == (0, "interrupted", True)
        assert found["next"][0].startswith(f"upgrade resume {found['run']} --kubeconfig ")
        gone_back = one_json(shop.type("rollback", "--yes", "-o", "json"))
    assert gone_back["result"] == "rolled-back"


def test_no_secret_appears_anywhere(desk: Desks) -> None:
    shop = desk()
    token, data = "CANARY-TOKEN-1b2c3d", "Q0FOQVJZLURBVEEtNGU1ZjZh"
    kubeconfig = shop.place / "kubeconfig"
    server = re.search(r"http://127.0.0.1:\d+", kubeconfig.read_text())
    assert server
    write_kubeconfig(kubeconfig, server[0], token=token)
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "cacerts"},
        "data": {"ca-key.pem": data},
    }
    shop.world.local().create("/api/v1/namespaces/istio-system/secrets", body)
    plan = str(shop.plan("--to", "1.28"))
    told = [shop.type("plan", "-o", "json"), shop.type("check", "-o", "wide"), shop.type("show", plan, "-o", "markdown")]  # fmt: skip
    with Life(shop.world, 100.0):
        told.append(shop.type("apply", plan, "--until", "canary", "-o", "jsonl"))
    told += [shop.type("report", "-o", "json"), shop.type("status"), shop.type("config", "view")]
    told.append(shop.type("apply", plan))
    kept = [p.read_text(errors="replace") for p in (shop.place / "runs").rglob("*") if p.is_file()]
    assert kept
    for text in [*(said.text for said in told), *kept]:
        assert token not in text
        assert data not in text
        assert "CANARY" not in text


def test_what_is_kept_is_for_its_owner_alone(desk: Desks) -> None:
    shop = desk()
    with Life(shop.world, 100.0):
        assert shop.type("apply", str(shop.plan("--to", "1.28")), "--until", "h1.02").code == 0
    runs = shop.place / "runs"
    kept = [runs, *runs.rglob("*")]
    assert {p.stat().st_mode & 0o777 for p in kept if p.is_dir()} == {0o700}
    assert {p.stat().st_mode & 0o777 for p in kept if p.is_file()} == {0o600}
    assert Path(runs).is_dir()


def test_the_images_of_every_part_are_one_format_of_check(desk: Desks) -> None:
    said = desk().type("check", "-o", "images")
    assert (said.code, said.err) == (0, "")
    head, first, *_ = said.out.splitlines()
    assert head.split() == ["COMPONENT", "REVISION", "PODS", "IMAGE", "DIGEST", "REMARK"]
    assert first.split()[:4] == ["istiod", "1-27-9", "1", "docker.io/istio/pilot:1.27.9"]
    parts = {line.partition("  ")[0] for line in said.out.splitlines()[1:]}
    assert parts >= {"istiod", "gateway", "native sidecar"}
