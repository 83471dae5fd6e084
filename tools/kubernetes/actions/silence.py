"""Silence the alerts of one incident in Alertmanager for some hours, or end that silence."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import rfc8785

from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Rule
from tools.kubernetes.actions.whole import WHOLE, WholeVerb
from tools.kubernetes.client import Request
from tools.kubernetes.objects import JsonObject, is_name, is_namespace
from tools.kubernetes.pointers import read, same

LONGEST = timedelta(hours=4)
MOST_MATCHERS = 20

_VERSION = "alertmanager/v2"
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_.: -]+")
_PLAN = re.compile(r" \(plan [0-9a-f]{16}\)$")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FIELDS = {"matchers", "startsAt", "endsAt", "createdBy", "comment"}
_PINNED = ("/spec/matchers", "/spec/comment")


class Silence(WholeVerb):
    """Parameters: ``incident``, ``namespace`` (may be empty), ``matchers`` (label to value), ``link``,
    ``starts_at`` and ``ends_at`` (RFC 3339)."""

    name = "silence"
    kinds = ("Silence",)
    tier = 1
    place = "alertmanager"
    risks = "Alerts that match are told to nobody until it ends, also about another cause."
    when_not = "Nobody knows the cause yet, or the matchers fit more than this incident."
    verify = ("silence_active",)
    undo = "The silence ends at once; by itself it ends at the time it names."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses matchers that fit other alerts, more than four hours, and a comment without the link."""
        del target, context
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in sorted(params["matchers"].items())
            ],
            "startsAt": params["starts_at"],
            "endsAt": params["ends_at"],
            "createdBy": "midwatch",
            "comment": f"{params['incident']}: {params['link']}",
        }
        step = Step(
            verb=self.name,
            api_version=_VERSION,
            kind="Silence",
            namespace=params["namespace"],
            name=str(params["incident"]).lower(),
            expect={WHOLE: None},
            set={WHOLE: body},
        )
        return self.check(step) or step

    def misplaced(self, step: Step) -> Refused | None:
        """A silence lives in no cluster; its namespace is the incident's, for the roster."""
        placed = not step.namespace or is_namespace(step.namespace)
        if (step.kind, step.api_version) != ("Silence", _VERSION) or not placed or not is_name(step.name):
            return Refused(reason=f"{self.name} does not change a {step.api_version} {step.kind}")
        return None

    def bounds(self, step: Step) -> Refused | None:
        """One silence of this incident for at most four hours; or the end of one by its id."""
        if not step.creates:
            whole = _ID.fullmatch(step.uid) and all(pointer in step.expect for pointer in _PINNED)
            if not whole or not _ours(step, str(step.expect["/spec/comment"])):
                return Refused(reason="only a silence of a plan for this incident is ended, by its id")
            return None
        body = step.set[WHOLE]
        if not isinstance(body, dict) or body.keys() != _FIELDS or body["createdBy"] != "midwatch":
            return Refused(reason="a silence has matchers, two times, its maker and a comment")
        if not _of_incident(step, str(body["comment"])):
            return Refused(reason="the comment of a silence names the incident and leads to it")
        return _unfit_matchers(body["matchers"]) or _unfit_times(body["startsAt"], body["endsAt"])

    def sentence(self, step: Step) -> str:
        """Names the matchers and the end."""
        if not step.creates:
            return f"End the silence of {step.name} with {_words(step.expect['/spec/matchers'])}"
        body = step.set[WHOLE]
        return f"Silence alerts with {_words(body['matchers'])} until {body['endsAt']} for {step.name}"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """None: nothing is asked of the cluster."""
        return ()

    def look(self, step: Step) -> Request:
        """The silence of that id, or all that have these matchers."""
        if not step.creates:
            return Request(method="GET", path=f"/api/v2/silence/{step.uid}")
        names = {each["name"]: each["value"] for each in step.set[WHOLE]["matchers"]}
        alert = names["alertname"]
        # The filter only makes the answer smaller; a name that would have to be quoted does without.
        query = (("filter", f'alertname="{alert}"'),) if _PLAIN.fullmatch(alert) else ()
        return Request(method="GET", path="/api/v2/silences", query=query)

    def found(self, step: Step, answer: JsonObject) -> JsonObject | None:
        """The silence that is in force, the plan's own or an earlier one for the same incident."""
        for each in answer.get("items", [answer]):
            if read(each, "/status/state") in ("active", "pending") and _is_it(step, each):
                return _object(step, each)
        return None

    def request(self, step: Step, plan_id: str) -> Request:
        """A new silence that names its plan, or the end of one."""
        if not step.creates:
            return Request(method="DELETE", path=f"/api/v2/silence/{step.uid}")
        body = {**step.set[WHOLE], "comment": _signed(step.set[WHOLE]["comment"], plan_id)}
        return Request(method="POST", path="/api/v2/silences", body=rfc8785.dumps(body))

    def rehearsal(self, step: Step, plan_id: str) -> Request:
        """A look: Alertmanager has no dry-run, but it is there, and what it has can be read."""
        del plan_id
        return self.look(step)

    def after(self, step: Step, answer: JsonObject) -> JsonObject | None:
        """The silence as it was asked for, or nothing."""
        del answer
        return _object(step, step.set[WHOLE]) if step.creates else None

    def is_applied(self, step: Step, plan_id: str, live: JsonObject | None) -> bool:
        """Whether a silence of this very plan is in force, or the one that was to end is not."""
        if not step.creates:
            return live is None
        return same(read(live, "/spec/comment"), _signed(step.set[WHOLE]["comment"], plan_id))

    def undo_words(self, step: Step) -> str:
        """The end of the silence, or that one that ended stays so."""
        if not step.creates:
            return "Cannot be undone: a silence that ended is not put back."
        return f"End the silence of {step.name} with {_words(step.set[WHOLE]['matchers'])}"

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """The end of the silence; one that ended is drafted anew and not put back."""
        if not step.creates:
            return Refused(reason="a silence that ended is not put back: a new one may be drafted")
        expect = {pointer: read(live, pointer) for pointer in ("/metadata/uid", *_PINNED)}
        if not same(expect["/spec/matchers"], step.set[WHOLE]["matchers"]):
            return Refused(reason="there is no silence with these matchers")
        changes = {"uid": str(expect["/metadata/uid"]), "expect": expect, "set": {WHOLE: None}}
        return Step(**(step.model_dump() | changes))


def _unfit_matchers(matchers: object) -> Refused | None:
    if not isinstance(matchers, list) or not 2 <= len(matchers) <= MOST_MATCHERS:
        return Refused(reason="a silence matches the alert's name and at least one label more")
    for each in matchers:
        if not isinstance(each, dict) or each.keys() != {"name", "value", "isRegex", "isEqual"}:
            return Refused(reason="a matcher has a name, a value and how they are compared")
        if each["isRegex"] is not False or each["isEqual"] is not True:
            return Refused(reason="a silence matches labels by their exact values")
        if not _LABEL.fullmatch(str(each["name"])) or not isinstance(each["value"], str) or not each["value"]:
            return Refused(reason=f"{each['name']} is no label with a value")
    names = [each["name"] for each in matchers]
    if "alertname" not in names or len(set(names)) != len(names):
        return Refused(reason="a silence matches the alert's name and at least one label more")
    return None


def _unfit_times(starts: object, ends: object) -> Refused | None:
    try:
        begin, end = (datetime.fromisoformat(str(each)) for each in (starts, ends))
        lasts = end - begin
        aware = begin.tzinfo is not None
    except (ValueError, TypeError):
        return Refused(reason="a silence begins and ends at a time with its zone (RFC 3339)")
    if not aware or not timedelta(0) < lasts <= LONGEST:
        return Refused(reason=f"a silence lasts at most {LONGEST.total_seconds() / 3600:g} hours")
    return None


def _of_incident(step: Step, comment: str) -> bool:
    return comment.lower().startswith(f"{step.name}: http")


def _ours(step: Step, comment: str) -> bool:
    return _of_incident(step, comment) and _PLAN.search(comment) is not None


def _is_it(step: Step, silence: JsonObject) -> bool:
    if not step.creates:
        return bool(silence.get("id") == step.uid)
    wanted = step.set[WHOLE]
    ours = str(silence.get("comment", "")).startswith(f"{wanted['comment']} (")
    return ours and same(_matchers(silence), wanted["matchers"])


def _matchers(silence: JsonObject) -> list[JsonObject]:
    """Its matchers by name; an Alertmanager before 0.22 does not say ``isEqual``."""
    found = ({"isEqual": True, **each} for each in silence.get("matchers") or [])
    return sorted(found, key=lambda each: str(each.get("name")))


def _object(step: Step, silence: JsonObject) -> JsonObject:
    """A silence in the shape of an object, so that it is compared and shown like one."""
    spec = {key: silence[key] for key in sorted(_FIELDS - {"matchers"}) if key in silence}
    return {
        "kind": "Silence",
        "metadata": {"name": step.name, "uid": silence.get("id", "")},
        "spec": {**spec, "matchers": _matchers(silence)},
    }


def _signed(comment: str, plan_id: str) -> str:
    return f"{comment} (plan {plan_id})"


def _words(matchers: list[JsonObject]) -> str:
    return ", ".join(f"{each['name']}={each['value']}" for each in matchers)
