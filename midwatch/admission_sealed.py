"""The policy of sealed mode: CEL that compares what a write changes, leaf by leaf, with what was signed.

An entry is text: a first line that names the write, then one line for each leaf that is there after it and
was not before (``+``), or was there before and is not after it (``-``). CEL on an API server has no hashes,
no recursion and no order of keys; so each change becomes a mark, ``.`` when its line is in the entry and
``!`` when not, and there must be as many dots as lines and nothing else. The lines differ from one another,
and so do the leaves: then both are the same set. The lines are made by ``tools.kubernetes.sealing``.
"""

from __future__ import annotations

from midwatch.admission_cel import LONGEST_LIST
from tools.kubernetes.actions.wire import MARK
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.sealing import MOST_DEPTH

_IS_MAP, _IS_LIST = "type(v) == map", "type(v) == list"
# One that is longer cannot be walked here: taken for a leaf whose line nobody writes.
_IS_LEAF = f"!({_IS_MAP} || {_IS_LIST}) || v.size() == 0 || ({_IS_LIST} && v.size() > {LONGEST_LIST})"
_ESCAPED = "string(v).replace('%', '%25').replace('\\n', '%0A')"
_TEXT = (
    f"({_IS_MAP} ? '{{}}' : {_IS_LIST} ? (v.size() == 0 ? '[]' : '?') : "
    f"type(v) == string ? 's' + {_ESCAPED} : 'v' + string(v))"
)
ROOTS = (
    # Metadata and status are the other policy's.
    ("", ("metadata", "status", "spec")),
    ("|spec", ("template",)),
    ("|spec|template", ("spec",)),
    ("|spec|template|spec", ("",)),
)
"""Where the walk begins, and which keys there lead to the next of them."""


def _keys(values: str) -> str:
    """The keys of a map, or the places of a list, of a list of one value or none."""
    counted = f"variables.places.filter(i, i < {values}[0].size())"
    return (
        f"({values}.exists(v, {_IS_MAP}) ? dyn({values}[0].map(k, k)) : "
        f"{values}.exists(v, {_IS_LIST}) ? dyn({counted}) : dyn([]))"
    )


def _child(values: str, key: str = "k") -> str:
    """What stands at a key, again as a list of one or none."""
    found = f"{values}.filter(v, {_IS_MAP} || {_IS_LIST}).map(v, v[?{key}])"
    return f"{found}.filter(o, o.hasValue()).map(o, o.value())"


def _children(item: str, beside: str = "") -> str:
    """The places below an item that changed: path, value now, value before."""
    now, before = f"{item}[1]", f"{item}[2]"
    keys = f"({_keys(now)} + {_keys(before)}.filter(k, !(k in {_keys(now)}))){beside}"
    made = f"[dyn({item}[0] + '|' + string(k)), dyn({_child(now)}), dyn({_child(before)})]"
    return f"{keys}.map(k, {made}).filter(c, c[1] != c[2])"


def _lines(item: str) -> str:
    """The line of the leaf there is now, and of the leaf there was."""
    return " + ".join(
        f"{item}[{at}].filter(v, {_IS_LEAF}).map(v, '{sign}' + {item}[0] + '=' + {_TEXT})"
        for at, sign in ((1, "+"), (2, "-"))
    )


def _each(name: str, depth: int, inner: str, joined: str = "") -> str:
    """``inner`` of every ``x`` in a variable that is a list in a list, ``depth`` times."""
    names = [*(f"a{n}" for n in range(depth - 1)), "x"]
    text = inner
    for index in reversed(range(depth)):
        outer = f"variables.{name}" if index == 0 else names[index - 1]
        text = f"{outer}.map({names[index]}, {text}){joined}"
    return text


def _walk() -> dict[str, str]:
    """Level by level, each a variable of its own: what changed there, its lines, and their marks."""
    found: dict[str, str] = {}
    first = []
    for number, (path, left_out) in enumerate(ROOTS):
        values = {name: f"[variables.{name}]" for name in ("now", "before")}
        for part in path.split("|")[1:]:
            values = {name: _child(each, f"'{part}'") for name, each in values.items()}
        found[f"root{number}"] = f"[dyn('{path}'), dyn({values['now']}), dyn({values['before']})]"
        listed = ", ".join(f"'{each}'" for each in left_out)
        first.append(_children(f"variables.root{number}", f".filter(k, !(k in [{listed}]))"))
    found["level1"] = " + ".join(first)
    for depth in range(1, MOST_DEPTH + 1):
        if depth > 1:
            found[f"level{depth}"] = _each(f"level{depth - 1}", depth - 1, _children("x"))
        found[f"lines{depth}"] = _each(f"level{depth}", depth, _lines("x"))
        mark = "x in variables.lines ? '.' : '!'"
        found[f"marks{depth}"] = _each(f"lines{depth}", depth + 1, mark, ".join('')")
    # Below the last level nothing is looked at, so nothing may have changed there.
    deeper = f"(x[1] + x[2]).exists(v, !({_IS_LEAF})) ? '!' : ''"
    found["deeper"] = _each(f"level{MOST_DEPTH}", MOST_DEPTH, deeper, ".join('')")
    parts = [*(f"marks{n}" for n in range(1, MOST_DEPTH + 1)), "deeper"]
    return found | {"marks": " + ".join(f"variables.{part}" for part in parts)}


def variables() -> list[JsonObject]:
    """What was signed, and the marks of what is to be written."""
    mark = f"variables.now[?'metadata'][?'annotations'][?'{MARK}'].orValue('')"
    evicted = "variables.now[?'deleteOptions'][?'preconditions'][?'uid'].orValue('')"
    changed = "variables.before[?'metadata'][?'uid'].orValue('')"
    sub = "has(request.subResource) ? request.subResource : ''"
    what = f"[request.resource.group, request.resource.resource, {sub}].filter(part, part != '').join('/')"
    generation = "variables.before[?'metadata'][?'generation']"
    found = {
        "uid": f"request.operation == 'UPDATE' ? {changed} : {evicted}",
        "entry": "dyn(params)[?'data'][?variables.uid].orValue('').split('\\n')",
        "lines": "variables.entry.filter(line, line != variables.entry[0])",
        "head": f"request.operation + '|' + {what} + '|'",
        "tail": f"'|' + {mark}",
        "generation": f"request.operation == 'UPDATE' ? {generation}.optMap(g, string(g)).orValue('') : ''",
    }
    return [{"name": name, "expression": text} for name, text in (found | _walk()).items()]


def signed() -> list[tuple[str, str]]:
    """What must hold, each with the words of its refusal."""
    head = "variables.entry[0] in [variables.head + variables.generation + variables.tail, "
    head += "variables.head + variables.tail]"
    evicts = "request.operation == 'CREATE'"
    same = "variables.marks.size() == variables.lines.size() && !variables.marks.contains('!')"
    return [
        ("variables.entry[0] != ''", "nothing that was signed is to be written to this object now"),
        (head, "another write than this was signed for this object"),
        (f"{evicts} || ({same})", "it does not change what was signed, or not only that"),
    ]
