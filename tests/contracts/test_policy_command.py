"""`midwatch policy`: what it says, as text and as JSON, and how it exits; and the examples of the docs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from agents.incident import Plan
from agents.ledger import incidents, investigations
from midwatch.cli import app
from midwatch.settings import Settings
from midwatch.wiring import ledger_of
from tests.support.plans import a_delivery, a_plan, an_alert
from tools.policy.cel import NAMES
from tools.policy.facts import Radius

DOC = Path(__file__).parents[2] / "docs/policy.md"
ALL = "version: 1\nallow: [{name: all}]\n"
BUSY = (
    f"{ALL}rules:\n"
    '  - {name: busy, when: "blast.requests_per_second > 10.0", tier: 2}\n'
    "  - {name: elsewhere, namespaces: [cart], deny: not there}\n"
)


def run(*words: object) -> Result:
    found = CliRunner().invoke(app, ["policy", *map(str, words)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_a_good_file_is_counted_and_a_bad_one_is_explained(tmp_path: Path) -> None:
    good = run("check", written(tmp_path / "a.yaml", BUSY))
    assert good.exit_code == 0
    assert re.fullmatch(r"\S+a\.yaml: 1 allowed, 2 rules, version [0-9a-f]{64}\n", good.output)
    bad = run("check", written(tmp_path / "b.yaml", f"{ALL}rules: [{{name: x, tier: 1}}]\n"))
    assert bad.exit_code == 1
    assert "'x' sets tier 1: a rule can only raise it, to 2 or 3" in bad.output
    nothing = run("check", written(tmp_path / "c.yaml", "version: 1\n"))
    assert (nothing.exit_code, "nothing will be proposed" in nothing.output) == (0, True)


def test_check_as_json(tmp_path: Path) -> None:
    told = orjson.loads(run("check", written(tmp_path / "a.yaml", BUSY), "-o", "json").output)
    assert (told["ok"], told["allow"], told["rules"], len(told["version"])) == (True, 1, 2, 64)
    found = run("check", tmp_path / "none.yaml", "-o", "json")
    assert found.exit_code == 1
    assert orjson.loads(found.output)["problems"] == [
        f"{tmp_path / 'none.yaml'}: it cannot be read: No such file or directory"
    ]


CASE = (
    "policy: a.yaml\ncases:\n  - name: busy\n    touches: {{requests_per_second: {rate}}}\n"
    "    steps: [{{verb: scale, kind: Deployment, namespace: shop, set: {{/spec/replicas: 2}}}}]\n"
    "    expect: {{verdict: {verdict}, tier: 2}}\n"
)


def test_cases_pass_or_say_where_they_differ(tmp_path: Path) -> None:
    written(tmp_path / "a.yaml", BUSY)
    good = run("test", written(tmp_path / "t.yaml", CASE.format(rate=20, verdict="allow")))
    assert (good.exit_code, good.output) == (0, "ok   busy\n1 cases, 0 failed\n")
    bad = run("test", written(tmp_path / "t.yaml", CASE.format(rate=5, verdict="allow")))
    assert (bad.exit_code, bad.output) == (1, "FAIL busy; expected tier 2, got 1\n1 cases, 1 failed\n")
    worse = run("test", written(tmp_path / "t.yaml", CASE.format(rate=20, verdict="deny")), "-o", "json")
    assert worse.exit_code == 1
    assert orjson.loads(worse.output)["cases"] == [
        {"name": "busy", "ok": False, "differs": ["expected deny, got allow"]}
    ]


def test_cases_that_cannot_be_run_are_no_failure_of_the_policy(tmp_path: Path) -> None:
    found = run("test", written(tmp_path / "t.yaml", CASE.format(rate=5, verdict="allow")))
    assert (found.exit_code, "a.yaml: it cannot be read" in found.output) == (2, True)
    written(tmp_path / "a.yaml", BUSY)
    found = run("test", written(tmp_path / "t.yaml", "policy: a.yaml\ncases: []\n"))
    assert (found.exit_code, "at least 1 item" in found.output) == (2, True)


def test_a_case_that_is_no_step_is_a_sentence_and_one_that_creates_is_a_case(tmp_path: Path) -> None:
    written(tmp_path / "a.yaml", BUSY)
    wrong = CASE.format(rate=5, verdict="allow").replace("/spec/replicas", "replicas")
    found = run("test", written(tmp_path / "t.yaml", wrong))
    assert (found.exit_code, "not a JSON pointer" in found.output) == (2, True), found.output
    creates = wrong.replace("set: {replicas: 2}", "expect: {'': null}, set: {'': {kind: Service}}")
    creates = creates.replace("verb: scale, kind: Deployment", "verb: restore, kind: Service")
    found = run("test", written(tmp_path / "t.yaml", creates))
    assert found.exit_code == 1, found.output


def test_a_case_that_names_the_wrong_rule_fails(tmp_path: Path) -> None:
    written(tmp_path / "a.yaml", BUSY)
    text = CASE.format(rate=5, verdict="deny").replace("tier: 2", "by: busy").replace("shop", "cart")
    found = run("test", written(tmp_path / "t.yaml", text))
    assert found.exit_code == 1
    assert "expected 'busy' to refuse it, got: 'elsewhere' refuses it: not there" in found.output


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A tier-1 plan in the ledger of the settings."""
    monkeypatch.setenv("MIDWATCH_STATE_DIR", str(tmp_path / "state"))
    ledger = ledger_of(Settings(state_dir=tmp_path / "state"))
    try:
        now = datetime.now(UTC)
        incidents.accept(ledger, [a_delivery(now, an_alert(now))])
        lease = investigations.take(ledger, 1, "the test", 60)
        assert lease is not None
        radius = Radius(replicas=3, requests_per_second=20.0, services=("checkout",), helm="shop")
        drafted = a_plan(now, radius=(radius,), policy_version="f" * 64)
        investigations.draft(ledger, lease, drafted, "why")
    finally:
        ledger.close()
    return drafted


def test_explain_tells_each_entry_its_values_and_the_verdict(plan: Plan, tmp_path: Path) -> None:
    file = written(tmp_path / "a.yaml", BUSY)
    found = run("explain", plan.id, "--file", file)
    assert found.exit_code == 1, "it needs tier 2 and has tier 1"
    first, second, *rest = found.output.splitlines()
    assert first == f"plan {plan.id} of INC-1, DRAFT"
    assert re.fullmatch(rf"policy [0-9a-f]{{12}} \({re.escape(str(file))}\); drawn up under f{{12}}", second)
    assert "\n".join(rest) == (
        "\n"
        "step 1: Set the image of the container in Deployment shop/checkout from registry/checkout:9 to "
        "r/checkout:8\n"
        "  pods: 3\n"
        "  traffic: 20 requests a second\n"
        "  disruption budget: none\n"
        "  scaled by: nothing that was seen\n"
        "  reached through: checkout\n"
        "  deployed by: Helm release shop\n"
        "  Helm release shop deploys this object: its next upgrade puts back what the chart says. Make the "
        "same change there.\n"
        "  allow 'all': matched\n"
        "          allows it\n"
        "  rule  'busy': matched\n"
        "          when blast.requests_per_second > 10.0\n"
        "          blast.requests_per_second = 20.0\n"
        "          tier 2 at least\n"
        "  rule  'elsewhere': not about this step\n"
        "          when it matches: refuses it: not there\n"
        "\n"
        "verdict: allowed\n"
        "tier: 2, the code asks 1 (rule 'busy' asks tier 2); the plan has 1\n"
        "approvals: 1; the plan has 1\n"
        "start within: 120 s; the plan has 120 s\n"
        "may go on: no, it needs tier 2 now (rule 'busy' asks tier 2), and it was drawn up as tier 1"
    )


def test_explain_as_json_and_by_the_shipped_policy(plan: Plan) -> None:
    found = run("explain", plan.digest[:8], "-o", "json")
    assert found.exit_code == 0
    told = orjson.loads(found.output)
    assert (told["plan"], told["may_go_on"], told["against"]) == (plan.id, True, "")
    assert told["terms"]["tier"] == told["judgement"]["tier"] == 1
    assert [trace["entry"] for trace in told["judgement"]["traces"]] == ["the whole catalogue"]


@pytest.mark.parametrize("word", ["abcd", "x", "INC-1", "%", "0" * 65])
def test_a_plan_that_is_not_there_cannot_be_explained(plan: Plan, word: str) -> None:
    found = run("explain", word)
    assert found.exit_code == 2
    assert "midwatch: " in found.output


def test_a_policy_that_cannot_be_used_explains_nothing(plan: Plan, tmp_path: Path) -> None:
    found = run("explain", plan.id, "--file", written(tmp_path / "a.yaml", "version: 2\n"))
    assert (found.exit_code, "version: Input should be 1" in found.output) == (2, True)


def blocks() -> list[str]:
    return re.findall(r"^```yaml\n(.+?)^```$", DOC.read_text(encoding="utf-8"), re.M | re.S)


def test_the_examples_of_the_docs_hold(tmp_path: Path) -> None:
    policy, cases = blocks()
    checked = run("check", written(tmp_path / "policy.yaml", policy))
    assert checked.exit_code == 0, checked.output
    tested = run("test", written(tmp_path / "cases.yaml", cases))
    assert tested.exit_code == 0, tested.output
    assert "6 cases, 0 failed" in tested.output


def test_every_name_of_a_condition_is_in_the_docs_with_its_type() -> None:
    text = DOC.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+\.\w+)` \| ([^|]+) \| ([^|]+) \|$", text, re.M)
    assert rows == [
        (name, kind.name().lower().replace("dyn", "any"), says) for name, (kind, says) in NAMES.items()
    ]
