"""One HTML page with everything: plots as inline SVG, no script, nothing loaded from elsewhere.

It is kept as a file of a build and opened years later: so it needs no server, no network and no script, and
what strangers wrote into a scenario is escaped like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>midwatch eval</title>'
_ROW, _WIDE, _LEFT, _HIGH = 22, 420, 150, 200


def page(judged: Sequence[Judged], lost: Sequence[Fallen]) -> str:
    """The whole report."""
    body = "".join(_parts(judged, lost))
    return f"{_HEAD}<style>{_STYLE}</style></head><body><h1>midwatch eval</h1>{body}</body></html>\n"


def _parts(judged: Sequence[Judged], lost: Sequence[Fallen]) -> Iterator[str]:
    found = list(rows(judged))
    yield f"<p>{len(judged)} runs of {len({one.run.scenario for one in judged})} scenarios.</p>"
    for one in lost:
        said = escape(f"Fell behind the baseline: {one.name} {one.score}: {one.why}")
        yield f'<p class="no">{said}</p>'
    yield "<h2>Scores</h2>"
    yield from (bars(name, shares) for name, shares, _ in found if name.endswith("all"))
    yield "<h2>By family</h2>"
    lines = [(name, str(len(runs)), *map(shown, shares.values())) for name, shares, runs in found]
    yield _table(("family", "runs", *SCORES), lines)
    yield "<h2>What a run costs</h2>"
    yield dots(judged)
    yield "<h2>Every run</h2>"
    yield from map(_run, judged)


def bars(name: str, shares: dict[str, Share]) -> str:
    """A bar for each score."""
    asked = [(score, share) for score, share in shares.items() if share.value is not None]
    lines = []
    for index, (score, share) in enumerate(asked):
        y, value = index * _ROW, share.value or 0.0
        lines += [
            _text(0, y + 15, score),
            _bar(y + 4, 1.0, "#8884"),
            _bar(y + 4, value, _colour(value)),
            _text(_LEFT + _WIDE + 8, y + 15, shown(share)),
        ]
    return _svg(name, len(asked) * _ROW, lines)


def dots(judged: Sequence[Judged]) -> str:
    """A dot for each run: how many looks it took, and how many processor seconds."""
    most_looks = max((one.run.costs.looks for one in judged), default=1) or 1
    most_cpu = max((one.run.costs.cpu_s for one in judged), default=1.0) or 1.0
    lines = [_text(0, 12, f"{most_cpu:.1f} cpu s"), _text(_WIDE, _HIGH + 18, f"{most_looks} looks")]
    for one in judged:
        x = _LEFT + one.run.costs.looks / most_looks * _WIDE
        y = _HIGH - one.run.costs.cpu_s / most_cpu * (_HIGH - 20)
        look = f'r="4" fill="{_colour(0.0 if one.wrong else 1.0)}" fill-opacity=".7"'
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" {look}><title>{escape(one.name)}</title></circle>')
    return _svg("looks and processor seconds", _HIGH + 20, lines)


def _text(x: int, y: int, said: str) -> str:
    return f'<text x="{x}" y="{y}">{escape(said)}</text>'


def _bar(y: int, share: float, colour: str) -> str:
    return f'<rect x="{_LEFT}" y="{y}" width="{share * _WIDE:.1f}" height="14" rx="2" fill="{colour}"/>'


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
    cause = "" if run.cause is None else f"{run.cause.code} of {run.cause.object}: {run.cause.sentence}"
    said = [
        *((mark.score, "right" if mark.right else f"wrong: {mark.why}") for mark in one.marks),
        ("cause", cause),
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
