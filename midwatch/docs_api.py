"""``docs/api.md``: every route of the running program, from the very application that serves it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from midwatch.settings import Settings
from tools.kubernetes.objects import JsonObject


def api() -> str:
    """The text of the page."""
    return "\n".join([_HEAD, "| route | takes | gives |", "|---|---|---|", *_rows(), ""])


def schema() -> JsonObject:
    """The OpenAPI of the application as ``midwatch serve`` puts it together, over an empty ledger."""
    from midwatch.login.door import Door
    from midwatch.web.app import application
    from midwatch.web.record import metrics
    from midwatch.web.verdict import asking
    from midwatch.wiring import auditor_of, ledger_of

    with tempfile.TemporaryDirectory(prefix="midwatch-docs-") as folder:
        settings = Settings(state_dir=Path(folder))
        # Made and thrown away: a token that opens nothing would be told to whoever writes these pages.
        Door.of(settings.state_dir)
        ledger = ledger_of(settings)
        try:
            auditor = auditor_of(settings, ledger)
            return application(settings, ledger, metrics(auditor), asking(auditor)).openapi()
        finally:
            ledger.close()


def _rows() -> Iterator[str]:
    for path, methods in sorted(schema()["paths"].items()):
        for method, told in methods.items():
            takes = ", ".join(f"`{one['name']}` in the {one['in']}" for one in told.get("parameters", ()))
            body = told.get("requestBody", {}).get("content", {})
            takes = ", ".join(filter(None, (takes, *(f"a body of `{kind}`" for kind in body))))
            # Without a sentence of its own a route is what its type says.
            gives = " ".join(told.get("description", "").split()) or _gives(told)
            yield f"| `{method.upper()} {path}` | {takes} | {gives} |"


def _gives(told: JsonObject) -> str:
    kinds = told["responses"].get("200", {}).get("content", {})
    return "a page" if "text/html" in kinds else "an answer"


_HEAD = """# API

Generated from the running application by `make docs`. One address, two sides: the webhook takes alerts in,
the pages show what came of them. No route changes anything in a cluster, and none decides about a plan: that
takes a click in Slack.

## The webhook
`POST /alertmanager` takes Alertmanager's notification (version 4) with the credential of the receiver, and
answers 200 once it is committed. What each answer means, and what Alertmanager does with it, is told in
[Alertmanager](alertmanager.md).

```json
{"delivery": 7, "disposition": "new"}
```

`disposition` is `new` (an incident was opened), `joined`, `resolved`, `duplicate`, `ignored` (nothing fires,
or a dead man's switch) or `quarantined` (kept, and of no use). With `slack_mode: http` Slack posts to
`/slack/events`, signed; nothing else is heard there.

## Whether it lives
`GET /-/ready` answers 200 while it serves. `GET /metrics` is for Prometheus: the gauges of the record, each
with its own help text.

## Who may ask
Everything but the webhook, `/-/ready`, `/static/` and the login itself wants the login: a cookie for people,
`Authorization: Bearer` with the token that `serve` printed at its first start for programs. Without it a
browser is led to `/login` and a program gets 401; with a role that is too low it is 403. Admins get all of it
as OpenAPI from `/openapi.json`. For programs the commands are the better way:
`midwatch incidents -o json`, `midwatch show`, `midwatch tail -f -o json`, `midwatch export`
([commands](commands.md)).

## Routes
"""
