"""What ``midwatch analyze`` prints: a table for people, JSON for programs, SARIF for code hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version

from rich.table import Table
from rich.text import Text

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.survey import Survey
from midwatch.terminal import clean, data, say, show
from tools.kubernetes.objects import JsonObject, ObjectRef

Queries = Mapping[str, str]
_COLOUR = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_LEVEL = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LOUDEST_FIRST = tuple(_COLOUR)


def table(found: Survey, queries: Queries, explain: bool) -> None:
    """Causes first, then every finding, then what was not looked at."""
    for cause in found.causes:
        say(clean(cause.sentence), style="bold")
        more = f", {len(cause.unexplained)} near it stay open" if cause.unexplained else ""
        say(f"  {cause.code}, confidence {cause.confidence}: explains {len(cause.explains)} findings{more}")
    if found.findings:
        show(_findings(found, queries, explain))
    else:
        say("Nothing is wrong in what was looked at.", style="green")
    if found.silenced:
        say(f"{len(found.silenced)} silenced", style="dim")
    for gap in found.not_checked:
        say(f"not checked: {clean(gap)}", style="dim")


def _findings(found: Survey, queries: Queries, explain: bool) -> Table:
    rows = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("severity", "object", "what is wrong"):
        rows.add_column(name, overflow="fold", no_wrap=name == "severity")
    for one in sorted(found.findings, key=lambda one: _LOUDEST_FIRST.index(one.severity)):
        words = Text(clean(one.message))
        if explain:
            code = found.codes[one.code]
            asked = "; ".join(queries[number] for number in one.evidence if number in queries)
            words.append(f"\n{clean(f'{code.value}: {code.says} Read from {code.reads}.')}", style="dim")
            words.append(f"\n{clean(asked)}" if asked else "", style="dim")
        severity = Text(one.severity.value, style=_COLOUR[one.severity])
        rows.add_row(severity, Text(clean(one.object)), words)
    return rows


def as_json(found: Survey, queries: Queries, explain: bool) -> None:
    """One object; ``evidence`` says what each number in the findings stands for."""
    whole: JsonObject = {
        "findings": [_finding(one, found.codes if explain else {}) for one in found.findings],
        "causes": [
            {
                "code": one.code,
                "object": _object(one.object),
                "message": one.sentence,
                "explains": list(one.explains),
                "confidence": one.confidence,
                "unexplained": list(one.unexplained),
            }
            for one in found.causes
        ],
        "silenced": [{"code": one.code, "object": _object(one.object)} for one in found.silenced],
        "not_checked": list(found.not_checked),
        "evidence": dict(queries),
    }
    data(whole)


def _finding(one: Finding, codes: Mapping[str, Coded]) -> JsonObject:
    said: JsonObject = {
        "code": one.code,
        "severity": one.severity.value,
        "object": _object(one.object),
        "message": one.message,
        "fields": one.fields,
        "evidence": list(one.evidence),
    }
    return said | {"means": codes[one.code].says} if codes else said


def _object(ref: ObjectRef) -> JsonObject:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def sarif(found: Survey, queries: Queries, explain: bool) -> None:
    """SARIF 2.1.0: a rule for each code, a result for each finding, the object as its logical location."""
    del queries, explain
    codes = sorted({one.code for one in found.findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": found.codes[code].says},
            "fullDescription": {"text": f"Read from {found.codes[code].reads}."},
        }
        for code in codes
    ]
    driver = {"name": "Midwatch", "version": version("midwatch"), "rules": rules}
    results = [
        {
            "ruleId": one.code,
            "ruleIndex": codes.index(one.code),
            "level": _LEVEL[one.severity],
            "message": {"text": one.message},
            "locations": [{"logicalLocations": [_place(one)]}],
            "partialFingerprints": {"midwatch/v1": one.key},
        }
        for one in found.findings
    ]
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    run = {"tool": {"driver": driver}, "results": results}
    data({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _place(one: Finding) -> JsonObject:
    return {"fullyQualifiedName": str(one.object), "kind": "resource"}


PRINTED: dict[str, Callable[[Survey, Queries, bool], None]] = {
    "table": table,
    "json": as_json,
    "sarif": sarif,
}
