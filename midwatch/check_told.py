"""What ``midwatch check`` prints: a line for each thing that was tried, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from midwatch.check import check_all
from midwatch.check_result import Part, Result
from midwatch.settings import Settings
from midwatch.terminal import Form, clean, data, say, screen, show, work

# Where a look says nothing of its own: where the way is written down.
PAGES = {
    "ledger": "docs/audit-operations.md",
    "roster": "docs/approval.md",
    "policy": "midwatch policy check FILE, docs/policy.md",
    "reader kubeconfig": "docs/first-cluster.md, deploy/rbac",
    "actor kubeconfig": "docs/first-cluster.md, deploy/rbac",
    "gatekeeper kubeconfig": "docs/second-wall.md, deploy/rbac",
    "second wall": "docs/second-wall.md, deploy/admission",
    "prometheus": "docs/settings.md: prometheus_url",
    "model": "docs/settings.md: model_base_url",
    "slack": "docs/slack.md",
}


def tried(settings: Settings, form: Form, only: Collection[Part] = ()) -> bool:
    """Try everything, or ``only`` these, and say what came of it; whether all is as it should be."""
    with work("trying") as doing:
        results = asyncio.run(check_all(settings, doing.words, only))
    if form is Form.JSON:
        data([{**asdict(one), "then": _then(one)} for one in _clean(results)])
    else:
        _told(list(_clean(results)))
    return all(one.ok for one in results)


def _clean(results: Iterable[Result]) -> Iterator[Result]:
    # What a server, a file or a chat answered stands in it.
    for one in results:
        yield Result(what=one.what, ok=one.ok, says=clean(one.says))


def _then(one: Result) -> str:
    """Where to read on; nothing of what is as it should be."""
    near = [page for name, page in PAGES.items() if one.what.startswith(name)]
    return "" if one.ok else "".join(near[:1])


def _told(results: list[Result]) -> None:
    if screen().is_terminal:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("", "what", "what was found", "next"):
            table.add_column(name, overflow="fold", no_wrap=name in {"", "what"})
        for one in results:
            mark = Text("ok", style="green") if one.ok else Text("FIX", style="bold red")
            table.add_row(mark, Text(one.what), Text(one.says), Text(_then(one), style="bold"))
        show(table)
    else:
        for one in results:
            then = f" (next: {_then(one)})" if _then(one) else ""
            say(f"{'ok  ' if one.ok else 'FIX '} {one.what}: {one.says}{then}")
    broken = sum(not one.ok for one in results)
    say(f"{broken} of {len(results)} to fix" if broken else f"all {len(results)} as they should be")
