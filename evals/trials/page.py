"""One HTML page with everything: plots as inline SVG, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evals.trials.scorers import SCORES
from evals.trials.tables import rows, shown
from evals.trials.totals import Fallen, Judged, Share

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{padding:.25rem .5rem;text-align:left;
border-bottom:1px solid #dde3ea;vertical-align:top;font-size:13px}summary{cursor:pointer}
.no{color:#b3261e}.yes{color:#1b7f4b}code{font-size:12px}text{font:12px system-ui,sans-serif;fill:#1c2430}
@media(prefers-color-scheme:dark){body{background:#12161c;color:#dfe5ec}td,th{border-color:#2c3541}
text{fill:#dfe5ec}.no{color:#ff8a80}.yes{color:#6fd3a0}}
"""
_ROW, _WIDE, _LEFT = 22, 420, 150


def page(judged: Sequence[Judged], lost: Sequence[Fallen]) -> str:
    """The whole report."""
    found = list(rows(judged))
    parts = [
        f"<p>{len(judged)} runs of {len({one.run.scenario for one in judged})} scenarios.</p>",
        *(f'<p class="no">Fell behind the baseline: {escape(f"{one.name} {one.score}: {one.why}")}</p>' for one in lost),
        "<h2>Scores</h2>",
        *(bars(name, shares) for name, shares, _ in found if name.endswith("all")),
        "<h2>By family</h2>",
        _table(("family", "runs", *SCORES), [(name, str(len(runs)), *map(shown, shares.values())) for name, shares, runs in found]),
        "<h2>What a run costs</h2>",
        dots(judged),
        "<h2>Every run</h2>",
        *map(_run, judged),
    ]  # fmt: skip
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>midwatch eval</title><style>{_STYLE}</style></head>'
    return f"{head}<body><h1>midwatch eval</h1>{''.join(parts)}</body></html>\n"


def bars(name: str, shares: dict[str, Share]) -> str:
    """A bar for each score."""
    asked = [(score, share) for score, share in shares.items() if share.value is not None]
    lines = []
    for index, (score, share) in enumerate(asked):
        y, value = index * _ROW, share.value or 0.0
        lines.append(
            f'<text x="0" y="{y + 15}">{score}</text>'
            f'<rect x="{_LEFT}" y="{y + 4}" width="{_WIDE}" height="14" fill="#8884" rx="2"/>'
            f'<rect x="{_LEFT}" y="{y + 4}" width="{value * _WIDE:.1f}" height="14" fill="{_colour(value)}" rx="2"/>'
            f'<text x="{_LEFT + _WIDE + 8}" y="{y + 15}">{shown(share)}</text>'
        )
    return _svg(name, len(asked) * _ROW, lines)


def dots(judged: Sequence[Judged]) -> str:
    """A dot for each run: how many looks it took, and how many processor seconds."""
    most_looks = max((one.run.costs.looks for one in judged), default=1) or 1
    most_cpu = max((one.run.costs.cpu_s for one in judged), default=1.0) or 1.0
    lines = [
        f'<text x="0" y="12">{most_cpu:.1f} cpu s</text>',
        f'<text x="{_WIDE}" y="218">{most_looks} looks</text>',
    ]
    for one in judged:
        x = _LEFT + one.run.costs.looks / most_looks * _WIDE
        y = 200 - one.run.costs.cpu_s / most_cpu * 180
        colour = _colour(0.0 if one.wrong else 1.0)
        lines.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity=".7"><title>{escape(one.name)}</title></circle>'
        )
    return _svg("looks and processor seconds", 220, lines)


def _svg(title: str, height: int, lines: Sequence[str]) -> str:
    width = _LEFT + _WIDE + 140
    return (
        f'<svg role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<title>{escape(title)}</title>{''.join(lines)}</svg>"
    )


def _colour(value: float) -> str:
    return "#1b9e5a" if value >= 0.95 else "#d9a20b" if value >= 0.8 else "#c8372d"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f"<table><tr>{top}</tr>{body}</table>"


def _run(one: Judged) -> str:
    run = one.run
    said = [
        *((mark.score, "right" if mark.right else f"wrong: {mark.why}") for mark in one.marks),
        (
            "cause",
            "" if run.cause is None else f"{run.cause.code} of {run.cause.object}: {run.cause.sentence}",
        ),
        ("plans", "; ".join(f"{plan.verb} {plan.object} {plan.values} {plan.state}" for plan in run.plans)),
        ("no plan because", run.no_plan_because),
        ("seconds to alert, diagnosis, repair", f"{run.fired_s}, {run.told_s}, {run.mended_s}"),
    ]
    name = f"{run.model}: {one.name}" if run.model else one.name
    kind, word = ("no", "wrong") if one.wrong else ("yes", "right")
    return (
        f'<details><summary><span class="{kind}">{word}</span> <code>{escape(name)}</code></summary>'
        f"{_table(('what', 'how'), [pair for pair in said if pair[1]])}</details>"
    )
