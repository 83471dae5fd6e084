"""``midwatch decide``: approve or reject with a key of one's own, where there is no chat to click in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.cli_words import Config, settings_of
from midwatch.terminal import FINE, FOUND, clean, end, say

if TYPE_CHECKING:
    from midwatch.decide_desk import Counter, Offered


class Answer(StrEnum):
    """What a person says of a plan."""

    APPROVE = "approve"
    REJECT = "reject"


KEYGEN = "keygen"
_KEY_FILE = Path("~/.config/midwatch/decide.key")
What = Annotated[
    str,
    typer.Argument(
        metavar="[PLAN|keygen]", help="A plan's id, or its first digits; nothing lists what waits."
    ),
]
Said = Annotated[Answer | None, typer.Argument(help="What you say of the plan.")]
Why = Annotated[str, typer.Option("--reason", help="Why; up to 500 characters, kept beside the record.")]
KeyFile = Annotated[Path, typer.Option("--key", help="The file with your own key.")]
Url = Annotated[str, typer.Option("--url", help="Address of the pages. Without it: the setting public_url.")]
Who = Annotated[str, typer.Option("--as", help="For keygen: who you are, as TEAM/USER (T0123/U0ADA).")]


def decide(  # noqa: PLR0913, PLR0917  (each is an option of the command, and has its default)
    what: What = "",
    answer: Said = None,
    reason: Why = "",
    key: KeyFile = _KEY_FILE,
    url: Url = "",
    who: Who = "",
    config: Config = None,
) -> None:
    """Approve or reject a plan with a key of your own: the way that is left while Slack is away.

    Shows the whole change, asks for the first six digits of its digest, signs, and hands it in. Without
    PLAN it lists what waits for you. ``keygen`` makes a key and prints its line for the roster.

    Exit 0 when it counted, 1 when it did not (the reason is said), 2 when it could not be asked.
    """
    path = key.expanduser()
    if what == KEYGEN:
        _make(path, who)
        return
    counter = _counter(path, url or settings_of(config).public_url)
    if not what:
        _list(counter)
        return
    if answer is None:
        end("say approve or reject", then=f"midwatch decide {clean(what)} approve")
    words = _reason(reason)
    raise typer.Exit(FINE if decided(counter, (what, answer), words, _typed) else FOUND)


def decided(counter: Counter, said: tuple[str, Answer], reason: str, ask: Callable[[str], str]) -> bool:
    """Show a plan, have the digits typed, sign, hand in; whether it counted. ``ask`` reads what is typed."""
    from agents.incident import Verdict
    from agents.ledger.moves import TYPED_DIGITS
    from midwatch.decide_desk import DecideProblem

    plan_id, answer = said
    try:
        offered = counter.plan(plan_id)
        say(offered.text())
        asked = f"\nTo {answer.value} this change, type the first {TYPED_DIGITS} digits of its digest: "
        typed = ask(asked).strip().lower()
        if typed != offered.plan.digest[:TYPED_DIGITS]:
            say("These are not the digits. Nothing was signed.")
            return False
        verdict = Verdict.APPROVE if answer is Answer.APPROVE else Verdict.DENY
        reply = counter.decide(offered, verdict, (typed, reason))
    except DecideProblem as problem:
        end(
            clean(str(problem)),
            then=problem.then or "midwatch decide, without a plan, lists what waits for you",
        )
    if not reply.counted:
        say(clean(reply.says))
        return False
    say(f"Counted. The plan is {clean(reply.says)} now.")
    return True


def _make(path: Path, who: str) -> None:
    from midwatch.decide_key import KeyFileProblem, make

    team, _, user = who.partition("/")
    if not team or not user or "/" in user:
        end("say whose key it is", then="midwatch decide keygen --as T0123456789/U0ADA000001")
    try:
        made = make(path, team, user)
    except KeyFileProblem as problem:
        end(str(problem))
    say(f"Your key is in {path}. It is yours alone: give it to nobody, and copy it to no server.")
    say("Whoever keeps the roster adds this line to your entry:\n")
    say(f"    key: {made.public}")


def _counter(path: Path, url: str) -> Counter:
    from midwatch.decide_desk import Counter, DecideProblem
    from midwatch.decide_key import KeyFileProblem, read

    try:
        return Counter(url=url, signer=read(path))
    except DecideProblem as problem:
        end(str(problem), then=problem.then)
    except KeyFileProblem as problem:
        end(str(problem), then="midwatch decide keygen makes a key; docs/slack.md says how it is set up")


def _list(counter: Counter) -> None:
    from midwatch.decide_desk import DecideProblem

    try:
        found = counter.waiting()
    except DecideProblem as problem:
        end(str(problem), then=problem.then or "is the key in the roster, and is this machine's clock right?")
    for one in found:
        say(_line(one))
    if not found:
        say("no plan waits for you")


def _line(one: Offered) -> str:
    from agents.gatekeeper.modals import words_of

    plan = one.plan
    until = f"until {plan.pending_until:%H:%M} UTC"
    what = f"{clean(words_of(plan))} ({clean(one.shown.title)})"
    return f"{plan.id}  {plan.incident}  T{plan.tier}  {until}  {what}"


def _reason(words: str) -> str:
    from agents.ledger.statements import REASON
    from tools.redaction import redact

    safe = " ".join(words.split())
    # What is signed is kept as it was signed, so nothing can be cut out of it later.
    if redact(safe) != safe or len(safe) > REASON:
        end(f"a reason has at most {REASON} characters, and nothing in it that looks like a secret")
    return safe


def _typed(asks: str) -> str:
    if not sys.stdin.isatty():
        end("a person has to read the change: run this on a terminal")
    try:
        return input(asks)
    except (EOFError, KeyboardInterrupt):
        return ""
