"""``midwatch policy``: explain a plan, check a policy's file, run a policy's own tests.

Exit codes: 0 when all is as it should be, 1 when the answer is no (the plan may not go on, the file
cannot be used, a case fails), 2 when the question itself cannot be answered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midwatch.cli_words import Config
from midwatch.completion import plans
from midwatch.terminal import FINE, FOUND, Form, Output, answer, end

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Explain, check and test the policy; changes nothing."
)


Plan = Annotated[
    str, typer.Argument(help="Its id, from a card or a page; four digits will do.", autocompletion=plans)
]
File = Annotated[Path | None, typer.Option("--file", help="Another policy than the one of the settings.")]


@app.command()
def check(file: Path, output: Output = Form.TABLE) -> None:
    """Read a policy's file as the program would. Exit 1 when it cannot be used."""
    from tools.policy.load import PolicyError, read_policy

    try:
        policy = read_policy(file)
    except PolicyError as problem:
        problems = str(problem).splitlines()
        answer(output, {"file": str(file), "ok": False, "problems": problems}, problems)
        raise typer.Exit(FOUND) from None
    counts = {"allow": len(policy.allow), "rules": len(policy.rules)}
    told = {"file": str(file), "ok": True, "version": policy.digest, **counts}
    lines = [f"{file}: {counts['allow']} allowed, {counts['rules']} rules, version {policy.digest}"]
    if not policy.allow:
        lines.append("it allows nothing, so nothing will be proposed")
    answer(output, told, lines)


@app.command("test")
def run_cases(file: Path, output: Output = Form.TABLE) -> None:
    """Run a policy's own tests. Exit 1 when a verdict is not the expected one."""
    from tools.policy.cases import run
    from tools.policy.load import PolicyError

    try:
        policy, results = run(file)
    except PolicyError as problem:
        end(str(problem), then="docs/policy.md shows how a case is written")
    failed = [one for one in results if one.differs]
    told = {
        "policy": policy.digest,
        "cases": [{"name": one.name, "ok": not one.differs, "differs": list(one.differs)} for one in results],
        "failed": len(failed),
    }
    lines = [f"{'FAIL' if one.differs else 'ok  '} {'; '.join((one.name, *one.differs))}" for one in results]
    answer(output, told, [*lines, f"{len(results)} cases, {len(failed)} failed"])
    raise typer.Exit(FOUND if failed else FINE)


@app.command()
def explain(plan: Plan, file: File = None, config: Config = None, output: Output = Form.TABLE) -> None:
    """Say what the policy makes of a plan now, entry by entry. Exit 1 when the plan may not go on."""
    from agents.ledger.store import LedgerError
    from midwatch.policy_explained import NoSuchPlan, explained
    from midwatch.settings_load import SettingsError, load
    from midwatch.wiring import ledger_of, policy_of
    from tools.policy.load import PolicyError, PolicyFile

    try:
        settings = load(config)
        ledger = ledger_of(settings)
        try:
            told = explained(ledger, plan, PolicyFile(path=file) if file else policy_of(settings))
        finally:
            ledger.close()
    except (SettingsError, LedgerError, PolicyError, NoSuchPlan) as problem:
        end(str(problem), then="`midwatch plans` lists those that wait; any id of a card or a page will do")
    answer(output, told.data(), told.lines())
    raise typer.Exit(FOUND if told.against else FINE)
