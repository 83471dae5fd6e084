"""A graph of objects as inline SVG: columns from who calls to where it runs, every arrow with its word."""

from __future__ import annotations

from markupsafe import Markup, escape

from midwatch.web.related import Edge, Graph, Key, Node
from tools.redaction import redact

WIDE, HIGH, ACROSS, DOWN = 176, 50, 84, 18
COLUMNS = (
    ("Ingress", "Gateway", "HTTPRoute", "HorizontalPodAutoscaler", "ValidatingWebhookConfiguration"),
    ("Service",),
    ("Deployment", "StatefulSet", "DaemonSet", "CronJob"),
    ("ReplicaSet", "Job"),
    ("Pod",),
)
"""Which kinds stand in which column; all others in the last one."""
Place = tuple[int, int]


def drawn(graph: Graph) -> Markup:
    """The picture; empty where there is nothing to relate."""
    if len(graph.nodes) < 2:
        return Markup("")
    places, width, height = _placed(graph)
    arrows = [_arrow(edge, places) for edge in graph.edges]
    boxes = [_box(node, places[node.key]) for node in graph.nodes]
    told = "; ".join(_plain(words(edge)) for edge in graph.edges)
    head = (
        f'<svg class="graph" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{told}"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    # Every word went through the escape of _plain.
    return Markup(f"{head}{''.join(arrows)}{''.join(boxes)}</svg>")  # noqa: S704


def words(edge: Edge) -> str:
    """One relation as a sentence without its full stop."""
    return f"{Node(key=edge.start).name} {edge.word} {Node(key=edge.end).name}"


def _plain(text: str, most: int = 200) -> str:
    shown = redact(text)
    return str(escape(shown if len(shown) <= most else f"{shown[: most - 1]}…"))


def _column(key: Key) -> int:
    return next((at for at, kinds in enumerate(COLUMNS) if key[0] in kinds), len(COLUMNS))


def _placed(graph: Graph) -> tuple[dict[Key, Place], int, int]:
    columns: dict[int, list[Key]] = {}
    for node in graph.nodes:
        columns.setdefault(_column(node.key), []).append(node.key)
    tallest = max(len(keys) for keys in columns.values())
    height = tallest * (HIGH + DOWN) + DOWN
    places = {}
    # Only columns that have something in them: empty ones would push the picture off a narrow screen.
    for at, column in enumerate(sorted(columns)):
        keys = columns[column]
        top = (height - len(keys) * (HIGH + DOWN) + DOWN) // 2
        for row, key in enumerate(keys):
            places[key] = (8 + at * (WIDE + ACROSS), top + row * (HIGH + DOWN))
    return places, 16 + len(columns) * (WIDE + ACROSS) - ACROSS, height


def _box(node: Node, place: Place) -> str:
    x, y = place
    kind = "cause" if node.cause else "found" if node.found else "beside"
    # In words as well: whoever sees no colours must find the cause.
    notes = [word for word, said in (("cause", node.cause), ("plan", node.changed)) if said]
    note = f" · {', '.join(notes)}" if notes else " · found" if node.found else ""
    title = _plain(f"{node.name}{': ' if node.found else ''}{node.found}")
    return (
        f'<g class="node {kind}"><title>{title}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6"/>'
        f'<text class="kind" x="{x + 10}" y="{y + 19}">{_plain(node.key[0] + note, 30)}</text>'
        f'<text class="name" x="{x + 10}" y="{y + 38}">{_plain(_short(node.key[2]))}</text></g>'
    )


def _short(name: str, most: int = 20) -> str:
    # Cut in the middle: two pods of one workload differ at the end.
    return name if len(name) <= most else f"{name[: most - 9]}…{name[-8:]}"


def _arrow(edge: Edge, places: dict[Key, Place]) -> str:
    start, end = _ends(places[edge.start], places[edge.end])
    # Above the middle of its arrow, where no other box is.
    x, y = (start[0] + end[0]) // 2, (start[1] + end[1]) // 2 - 5
    return (
        f'<path class="arrow" d="M{start[0]} {start[1]}L{end[0]} {end[1]}" marker-end="url(#tip)"/>'
        f'<text class="word" x="{x}" y="{y}" text-anchor="middle">{_plain(edge.word, 16)}</text>'
    )


def _ends(one: Place, other: Place) -> tuple[Place, Place]:
    """Where an arrow leaves and where it arrives: at the sides that face each other."""
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        down = y2 > y1
        return (x1 + WIDE // 2, y1 + HIGH * down), (x2 + WIDE // 2, y2 + HIGH * (not down))
    right = x2 > x1
    return (x1 + WIDE * right, y1 + HIGH // 2), (x2 + WIDE * (not right), y2 + HIGH // 2)
