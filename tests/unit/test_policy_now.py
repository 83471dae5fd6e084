"""What the policy says of a drawn-up plan at this moment, and in which words it turns one away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.incident import Incident, IncidentState
from agents.ledger.policy import about, question_of, refusal, stricter
from tests.support.plans import a_plan, an_alert
from tools.policy.engine import Judgement
from tools.policy.facts import About, Radius, Terms
from tools.policy.floor import LONGEST_PENDING_MINUTES
from tools.policy.load import PolicyFile

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ALL = "version: 1\nallow: [{name: all}]\nrules: [%s]\n"
PLAN = a_plan(NOW, radius=(Radius(replicas=1),), tier=2, approvals_needed=1)
JUDGED = Judgement(
    policy="p",
    objection="",
    tier=2,
    floor=1,
    why_tier=(),
    approvals_needed=1,
    pending_s=1_800,
    claim_within_s=120,
    limit_factor=None,
    traces=(),
)


def incident(*labels: dict[str, str]) -> Incident:
    return Incident(
        number=7,
        cluster="demo",
        group_key="g",
        title="t",
        severity="critical",
        state=IncidentState.OPEN,
        phase="",
        opened_at=NOW,
        alerts=tuple(an_alert(NOW, fingerprint=f"f{n}", labels=each) for n, each in enumerate(labels)),
    )


def test_a_condition_sees_of_an_incident_what_all_its_alerts_share() -> None:
    both = incident(
        {"alertname": "B", "team": "pay", "pod": "x"}, {"alertname": "A", "team": "pay", "pod": "y"}
    )
    assert about(both) == About(id="INC-7", severity="critical", alerts=("A", "B"), labels={"team": "pay"})
    assert about(None) == About()


def test_a_drawn_up_plan_is_asked_about_with_all_that_it_says() -> None:
    undo = a_plan(NOW, radius=PLAN.radius, requester="U0ADA", undo_of="f" * 16, claim_within_s=60)
    asked = question_of(undo, incident({"alertname": "A"}))
    assert (asked.steps, asked.radius, asked.requester, asked.undo) == (
        undo.steps,
        undo.radius,
        "U0ADA",
        True,
    )
    assert asked.incident == about(incident({"alertname": "A"}))
    assert asked.terms == Terms(pending_s=LONGEST_PENDING_MINUTES * 60, claim_within_s=60)
    assert question_of(PLAN, None).undo is False


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"tier": 1, "approvals_needed": 1, "claim_within_s": 121}, ""),
        ({"objection": "'night' refuses it"}, "the policy does not allow it now: 'night' refuses it"),
        (
            {"tier": 3, "why_tier": ("it is Monday", "it is dear")},
            "it needs tier 3 now (it is Monday; it is dear), and it was drawn up as tier 2",
        ),
        ({"approvals_needed": 2}, "it needs 2 approvals now, and it was drawn up for 1"),
        ({"claim_within_s": 119}, "the policy lets it start within 119 s now, and it was drawn up for more"),
    ],
)
def test_a_plan_stands_where_no_more_is_asked_than_it_was_drawn_up_with(
    changes: dict[str, Any], why: str
) -> None:
    assert stricter(JUDGED.model_copy(update=changes), PLAN) == why


@pytest.mark.parametrize(("late", "why"), [(0, ""), (1, "300 s")])
def test_the_time_to_sign_counts_from_when_it_was_drawn_up(tmp_path: Path, late: int, why: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(ALL % "{name: soon, pending_minutes: 5}")
    plan = a_plan(NOW, radius=PLAN.radius, pending_until=NOW + timedelta(seconds=300 + late))
    told = f"the policy gives {why} to sign it now, and it was drawn up with more" if why else ""
    assert refusal(PolicyFile(path=file), plan, None, NOW) == told
    assert refusal(PolicyFile(path=file), plan, None) == ""


def test_a_rule_may_go_by_the_incident(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(ALL % "{name: grave, when: incident.severity == 'critical', deny: not now}")
    assert refusal(PolicyFile(path=file), PLAN, None) == ""
    said = refusal(PolicyFile(path=file), PLAN, incident({"alertname": "A"}))
    assert said == "the policy does not allow it now: 'grave' refuses it: not now"


def test_a_policy_that_cannot_be_read_refuses_in_one_line(tmp_path: Path) -> None:
    said = refusal(PolicyFile(path=tmp_path / "none.yaml"), PLAN, None)
    assert said.startswith("the policy cannot be used: ")
    assert "\n" not in said
    (tmp_path / "bad.yaml").write_text("version: 1\nrules: [\n")
    bad = refusal(PolicyFile(path=tmp_path / "bad.yaml"), PLAN, None)
    assert bad.startswith("the policy cannot be used: ")
    assert "\n" not in bad
