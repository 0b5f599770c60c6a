"""A plan as a comment of a change review: for somebody who has never seen this program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.engine.desk import hop, item, wave
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import DEPLOYMENT, STATEFUL_SET, Kind, Ref
from upgrader.planning.outlook.expected import Outlook
from upgrader.planning.plan import Plan, Planned
from upgrader.report.plan.escaping import escaped, inline
from upgrader.report.plan.markdown import LIMIT, plan_markdown
from upgrader.steps import RelabelNamespace, RestartWorkload

pytestmark = pytest.mark.slow
LABEL = "istio.io/rev"


def restart(name: str, kind: Kind = DEPLOYMENT) -> RestartWorkload:
    namespace, _, short = name.partition("/")
    return RestartWorkload(
        ref=Ref(kind, short, namespace), uid="u", revision="1-28-0", image="proxyv2:1.28.0", mark="m"
    )


def relabel(namespace: str) -> RelabelNamespace:
    return RelabelNamespace(
        namespace=namespace, uid="u", revision="1-28-0", labels={LABEL: "1-28-0"}, before={LABEL: "1-27-0"}
    )


def found(subject: str, code: str = "UPG-0312", **more: object) -> Finding:
    facts = {"severity": Severity.ADVISORY, "summary": f"{subject}: a CronJob", "do": ("wait for it",)} | more
    return Finding(code=code, subject=subject, **facts)  # type: ignore[arg-type]


def huge(plan: Plan, namespaces: int = 500, workloads: int = 4) -> Plan:
    """*plan* with a great many steps, and an advisory for each."""
    items: list[Planned] = []
    findings: list[Finding] = []
    for number in range(namespaces):
        space = f"namespace-with-a-long-name-{number:04d}"
        moves = item(f"h1.{len(items):02d}", relabel(space))
        items.append(replace(moves, title=f"namespace {space}: istio.io/rev 1-27-0 -> 1-28-0"))
        for one in range(workloads):
            name = f"{space}/workload-with-a-long-name-{one}"
            items.append(item(f"h1.{len(items):02d}", restart(name), mark="r"))
            findings.append(found(name))
    first, second = (hop(n, wave("namespaces", *items)) for n in (1, 2))
    spaces = tuple(f"namespace-with-a-long-name-{n:04d}" for n in range(namespaces))
    waves = (replace(first.waves[0], namespaces=spaces),)
    return replace(
        plan, hops=(replace(first, waves=waves), replace(second, waves=waves)), findings=tuple(findings)
    )


def folds(text: str) -> Iterator[str]:
    yield from re.findall(r"<details>.*?</details>", text, re.DOTALL)


def outside(text: str) -> str:
    """What is seen without a click."""
    return re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)


def test_verdict_numbers_way_back_worst_moment_and_command_need_no_click(shop: Plan) -> None:
    seen = outside(plan_markdown(shop, made_file="plan.json"))
    for words in (
        "**Applicable.**",
        "12 (25)",
        "**Going back:**",
        "**Worst moment:**",
        "upgrade apply plan.json",
    ):
        assert words in seen


def test_a_bot_finds_the_comment_by_the_beginning_of_its_first_line(shop: Plan, hostile: Plan) -> None:
    for plan in (shop, hostile):
        first = plan_markdown(plan).splitlines()[0]
        assert first.startswith(f"## Istio upgrade plan `{plan.id}` - `sandbox`")


def test_a_comment_fits_with_500_namespaces_and_2000_workloads_and_says_what_it_lacks(shop: Plan) -> None:
    text = plan_markdown(huge(shop), made_file="plan.json")
    assert len(text) <= LIMIT
    assert "Left out to fit one comment: the equivalent commands, the steps of the later hops" in text
    assert "upgrade apply plan.json" in outside(text)
    assert "**Going back:**" in outside(text)
    assert "and 1987 more; the plan names them" in text
    assert "2000 workloads" in text


@pytest.mark.parametrize("limit", [40_000, 15_000, 9_000, 6_000])
def test_what_matters_most_is_left_out_last(shop: Plan, limit: int) -> None:
    text = plan_markdown(huge(shop, 60), limit=limit)
    for words in ("**Applicable.**", "### Advisories", "upgrade apply", "Left out" if limit < 20_000 else ""):
        assert words in text
    assert len(text) <= limit


def test_nothing_is_said_to_be_missing_where_nothing_is(shop: Plan) -> None:
    assert "Left out" not in plan_markdown(shop)


def test_each_fold_is_closed_outside_its_fence(shop: Plan, hostile: Plan) -> None:
    for text in (plan_markdown(shop), plan_markdown(hostile)):
        assert text.count("<details>") == text.count("</details>") == len(list(folds(text)))
        assert all(len(re.findall(r"^```", fold, re.MULTILINE)) in {0, 2} for fold in folds(text))


def test_a_line_of_a_diff_begins_with_its_sign(shop: Plan) -> None:
    lines = re.findall(r"```diff\n(.*?)```", plan_markdown(shop), re.DOTALL)[0].splitlines()
    assert {line[0] for line in lines} == {"+", "!", "-", " "}
    assert "! h1.09-10  restart sandbox: httpbin (2), sleep (1)" in lines


def test_a_hop_of_the_same_shape_is_told_in_three_lines(shop: Plan) -> None:
    later = next(fold for fold in folds(plan_markdown(shop)) if "Steps of hop 2" in fold)
    assert "the same shape as hop 1" in later
    assert later.count("h2.") == 3


HOSTILE = "a|b `x` ```` <img src=x> @everyone **bold** [l](http://evil.example) \x1b[31m\n## heading"


def test_words_of_the_cluster_can_not_break_the_page(shop: Plan) -> None:
    items = tuple(
        replace(one, title=HOSTILE) for one in next(w for w in shop.hops[0].waves if w.kind == "backup").items
    )
    first = replace(
        shop.hops[0], waves=(replace(shop.hops[0].waves[0], items=items), *shop.hops[0].waves[1:])
    )
    evil = found(HOSTILE, summary=HOSTILE, do=(f"kubectl delete {HOSTILE}", HOSTILE))
    names = replace(shop.cluster, context=HOSTILE)
    text = plan_markdown(
        replace(
            shop, cluster=names, findings=(evil, found("a/b", do=(HOSTILE,))), hops=(first, *shop.hops[1:])
        ),
        banner=HOSTILE,
    )
    assert "\x1b" not in text
    assert not re.search(r"^## heading", text, re.MULTILINE)
    for fold in folds(text):
        fences = re.findall(r"^(`{3,})(?:\w*)$", fold, re.MULTILINE)
        assert fences[::2] == fences[1::2]
    bare = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"\\[\\`*_{}\[\]<>|#~]", "", bare))
    assert "<img" not in bare
    assert not re.search(r"@\w", bare)
    assert "http://" not in bare
    assert "**bold**" not in bare


def test_a_table_has_as_many_columns_in_each_row(shop: Plan, hostile: Plan) -> None:
    rows = (*hostile.findings, found(HOSTILE, summary=HOSTILE, do=(f"kubectl delete {HOSTILE}",)))
    for plan in (shop, hostile, replace(shop, findings=rows)):
        lines = plan_markdown(plan).splitlines()
        for above, below in pairwise(lines):
            if above.startswith("|") and below.startswith("|"):
                assert bars(above) == bars(below), below


def bars(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line))


@pytest.mark.parametrize("command", ["kubectl get `x`", "kubectl get ``` a | b", "`"])
def test_a_command_is_code_whatever_it_holds(command: str) -> None:
    mark = re.match(r"`+", inline(command))
    assert mark
    assert mark.group() not in command
    assert not re.search(r"(?<!\\)\|", inline(command))


def test_a_mention_and_a_link_are_words() -> None:
    assert not re.search(r"@\w|://\w", escaped("@ana see https://x.example"))


def worst(plan: Plan, *findings: Finding) -> str:
    text = plan_markdown(replace(plan, findings=findings))
    return next(line for line in text.splitlines() if line.startswith("**Worst moment:**"))


def test_the_worst_moment_names_what_users_may_notice(shop: Plan) -> None:
    gap = found("shop/ledger", "UPG-0309", summary="shop/ledger uses strategy Recreate: a gap")
    assert "`shop/ledger` uses strategy Recreate: a gap" in worst(shop, gap)


def test_what_the_plan_takes_care_of_is_no_worst_moment(shop: Plan) -> None:
    assert any(f.code == "UPG-0327" for f in shop.findings)
    text = plan_markdown(shop)
    assert "empties" not in worst(shop, *shop.findings)
    assert "The plan takes care of it: it scales that istiod to 0 first" in text


def test_a_stateful_set_of_one_pod_has_a_moment_without_any_also_in_a_plan_of_an_older_release(
    shop: Plan,
) -> None:
    alone = replace(item("h1.01", restart("shop/db", STATEFUL_SET), mark="r"), pods=1)
    plan = replace(shop, hops=(hop(1, wave("namespaces", alone)),), outlook=Outlook())
    assert "`shop/db` has no ready pod while its only one restarts" in worst(plan)


def test_a_plan_that_can_not_be_applied_gives_no_command_to_apply_it(hostile: Plan) -> None:
    text = plan_markdown(hostile)
    assert "> [!CAUTION]\n> **Not applicable.**" in text
    assert "upgrade apply" not in text
    assert "Valid until" not in text


def test_an_exception_is_told_with_its_reason(shop: Plan) -> None:
    excused = found("shop/x", "UPG-0308", severity=Severity.BLOCKED, allowed="CHG-1: moved by hand")
    text = plan_markdown(replace(shop, findings=(excused,)))
    assert "### Exceptions (1)" in text
    assert "**Allowed:** CHG-1: moved by hand" in text


def test_a_reviewer_sees_which_image_runs_when(shop: Plan) -> None:
    row = next(line for line in plan_markdown(shop).splitlines() if line.startswith("| proxyv2 |"))
    assert re.findall(r"proxyv2:([\d.]+)", row) == ["1.27.9", "1.28.10", "1.29.6"]


def test_a_plan_without_steps_has_nothing_to_review(shop: Plan) -> None:
    text = plan_markdown(replace(shop, hops=(), path=("1.29.6",), findings=()))
    assert "**Nothing to do.**" in text
    assert "Reviewer" not in text
    assert "<details>" not in text
