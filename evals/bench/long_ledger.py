"""A ledger of some years: ten thousand incidents with what was seen, proposed, signed and done, and a million
events. Written past the ledger's own pace, with its own bytes and an unbroken chain.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import insert

from agents.incident import (
    Claim,
    Diagnosis,
    Evidence,
    Finding,
    Hypothesis,
    Outcome,
    Plan,
    Recovery,
    Severity,
    digest_of,
)
from agents.ledger import chain
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, ChainHeadRow
from agents.ledger.tags import Tag
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject, ObjectRef

ALERTS = ("KubePodCrashLooping", "KubeDeploymentReplicasMismatch", "HttpErrorRateHigh", "KubePodNotReady")
CAUSES = ("pod.image.not_found", "pod.memory.limit", "service.selector.mismatch", "pod.config.key_missing")
SPACES = ("shop", "billing", "search", "media", "identity")
ENDS = ("SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "DENIED", "EXPIRED", "FAILED")
LOOKS = 5
AT_ONCE = 250


@dataclass(frozen=True, kw_only=True)
class Size:
    """How long it is; the newest ``open`` incidents are still open, their plans wait for a signature."""

    incidents: int = 10_000
    events: int = 1_000_000
    open: int = 40
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(kw_only=True)
class _Pages:
    """Rows by table, and the end of the chain so far."""

    rows: defaultdict[str, list[dict[str, object]]] = field(default_factory=lambda: defaultdict(list))
    seq: int = 0
    head: str = chain.GENESIS

    def event(self, tag: Tag, body: JsonObject, at: datetime, about: tuple[int, str]) -> None:
        """One more link; ``about`` is its incident and, if it has one, its plan."""
        self.seq, (incident, plan) = self.seq + 1, about
        said = {"seq": self.seq, "at": at.isoformat(), "tag": tag.value}
        # Of texts in ASCII and whole numbers RFC 8785 makes the same bytes, in ten times the time.
        whole = {**said, "incident": incident, "plan": plan, "body": body}
        content = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
        own = chain.seal(self.head, content)
        row = {"seq": self.seq, "prev_hash": self.head, "hash": own, "body": content, "tag": tag.value}
        self.rows["audit"].append({**row, "plan_id": plan, "incident": incident, "at": at})
        self.head = own


def write(ledger: Ledger, size: Size) -> None:
    """Fill an empty ledger. Takes about a minute for the full size."""
    pages, each = _Pages(), timedelta(hours=2)
    first = size.now - each * size.incidents
    tables = AuditRow.metadata.tables
    for number in range(1, size.incidents + 1):
        rest = size.incidents - number
        # The open ones are minutes old, so that what waits has time left.
        at = size.now - timedelta(seconds=20 * rest + 30) if rest < size.open else first + each * number
        _incident(pages, number, at, is_open=rest < size.open)
        _filler(pages, number, at, size.events * number // size.incidents)
        if number % AT_ONCE == 0 or rest == 0:
            with ledger.writer.begin() as connection:
                # What is referred to first: both databases check it row by row.
                for name in ("incident", "alert", "evidence", "diagnosis", "plan"):
                    if pages.rows[name]:
                        connection.execute(insert(tables[name]), pages.rows[name])
                for name in ("proposal", "preview", "decision", "execution", "step", "card", "audit"):
                    if pages.rows[name]:
                        connection.execute(insert(tables[name]), pages.rows[name])
                head = ChainHeadRow.__table__.update()  # type: ignore[attr-defined]
                connection.execute(head.values(seq=pages.seq, hash=pages.head))
            # A million rows at once would not fit into the memory of a small machine.
            pages.rows.clear()


def _incident(pages: _Pages, number: int, at: datetime, *, is_open: bool) -> None:
    name, space = ALERTS[number % len(ALERTS)], SPACES[number // 7 % len(SPACES)]
    about, service = (number, ""), f"service-{number % 60}"
    ended = None if is_open else at + timedelta(minutes=12)
    severity = "critical" if number % 3 == 0 else "warning"
    row: dict[str, object] = {"number": number, "cluster": "bench", "group_key": f"g{number}", "round": 1}
    row |= {"title": f"{name} {space}/{service}", "severity": severity, "opened_at": at, "closed_at": ended}
    row |= {"state": "open" if is_open else "closed", "open_key": f"bench\ng{number}" if is_open else None}
    row |= {"phase": "waiting" if is_open else "closed", "began_at": at, "resolved_at": ended}
    row |= {"lease_owner": "", "lease_token": 1, "lease_until": None, "outcome": None}
    # In the order in which it would have happened: the record is read from its first row.
    pages.event(Tag.INCIDENT_OPENED, {"title": row["title"], "alerts": 2}, at, about)
    # Two alerts each: a list counts those that fire, and a single one would never show "1 of 2".
    labels = {"alertname": name, "namespace": space, "deployment": service, "severity": severity}
    for copy in range(2):
        alert = {"incident": number, "fingerprint": f"{number:x}-{copy}", "firing": is_open, "labels": labels}
        alert |= {"annotations": {}, "starts_at": at, "ends_at": ended, "generator_url": ""}
        pages.rows["alert"].append(alert)
    where = ObjectRef(kind="Deployment", namespace=space, name=service)
    _seen(pages, number, at, where)
    recovery = Recovery.NOTHING_DONE
    if number % 4:
        recovery = _planned(pages, number, at, is_open=is_open)
    if ended is not None:
        outcome = Outcome(recovery=recovery, at=ended, sentence=f"The alert is over: {recovery.value}.")
        row["outcome"] = outcome.model_dump(mode="json")
        pages.event(Tag.INCIDENT_CLOSED, {"recovery": recovery.value}, ended, about)
    pages.rows["incident"].append(row)


def _seen(pages: _Pages, number: int, at: datetime, where: ObjectRef) -> None:
    for n in range(1, LOOKS + 1):
        text, path = _look(n, where)
        digest = hashlib.sha256(text.encode()).hexdigest()
        tool = {"tool": "kubernetes.list", "query": f"GET {path}"}
        seen = Evidence(id=f"E{n}", fetched_at=at, excerpt=text, digest=digest, **tool)
        body = seen.model_dump(mode="json")
        pages.rows["evidence"].append({"incident": number, "n": n, "key": f"look-{n}", "body": body})
        pages.event(Tag.EVIDENCE_STORED, {"id": seen.id, "digest": digest}, at, (number, ""))
    # Causes come again, as they do: "seen before" has something to look for.
    code = CAUSES[number % len(CAUSES)]
    cause = Hypothesis(code=code, object=where, sentence=f"{where} cannot start: {code}.", score=0.9)
    claim = Claim(
        text=f"{where} has no ready replica.", evidence=("E1",), quotes=("0",), objects=(str(where),)
    )
    pods = tuple(_finding(where, pod) for pod in range(2))
    found = Diagnosis(cause=cause, claims=(claim,), findings=pods, confidence="high").model_dump(mode="json")
    pages.rows["diagnosis"].append({"incident": number, "round": 1, "at": at, "body": found})
    said = {"cause": code, "confidence": "high", "source": "rules"}
    pages.event(Tag.DIAGNOSIS_WRITTEN, said, at + timedelta(seconds=20), (number, ""))


def _finding(where: ObjectRef, pod: int) -> Finding:
    of = ObjectRef(kind="Pod", namespace=where.namespace, name=f"{where.name}-6d5f7-{pod}")
    code, message = "pod.container.crash_loop", f"{of} crashes again and again."
    return Finding(code=code, severity=Severity.CRITICAL, object=of, message=message, evidence=("E2",))


def _look(n: int, where: ObjectRef) -> tuple[str, str]:
    """What one look returned, line by line as looks are kept, and where it looked."""
    space, name = where.namespace, where.name
    # Long enough to be cut: a page shows what is around a quote and not all of it.
    if n == 1:
        lines = [f"{where} /spec/replicas = 3", f"{where} /status/readyReplicas = 0"]
        lines += [f"{where} /metadata/annotations/note-{row} = nothing of interest" for row in range(60)]
        return "\n".join(lines), f"/apis/apps/v1/namespaces/{space}/deployments"
    if n == 2:
        lines = [line for pod in range(3) for line in _pod(f"Pod {space}/{name}-6d5f7-{pod}", name)]
        return "\n".join(lines), f"/api/v1/namespaces/{space}/pods"
    if n == 3:
        head = f"ReplicaSet {space}/{name}-6d5f7 /metadata/ownerReferences/0"
        lines = [f"{head}/kind = Deployment", f"{head}/name = {name}", f"{head}/controller = True"]
        return "\n".join(lines), f"/apis/apps/v1/namespaces/{space}/replicasets"
    return "\n".join(f"ConfigMap {space}/settings-{row}" for row in range(200)), f"/api/v1/look-{n}"


def _pod(pod: str, name: str) -> list[str]:
    head = f"{pod} /metadata/ownerReferences/0"
    lines = [f"{head}/kind = ReplicaSet", f"{head}/name = {name}-6d5f7", f"{head}/controller = True"]
    lines += [f"{pod} /spec/nodeName = worker-1", f"{pod} /status/phase = Running"]
    return [*lines, *(f"{pod} /metadata/labels/label-{row} = value-{row}" for row in range(40))]


def _planned(pages: _Pages, number: int, at: datetime, *, is_open: bool) -> Recovery:
    end = "PENDING" if is_open else ENDS[number % len(ENDS)]
    whole = _plan(number, at)
    canonical = whole.canonical()
    digest = digest_of(canonical)
    plan = _Drafted(incident=number, digest=digest, id=digest[:16])
    about, drafted = (number, plan.id), at + timedelta(seconds=25)
    row: dict[str, object] = {"id": plan.id, "digest": plan.digest, "canonical": canonical}
    times = {"created_at": drafted, "pending_until": whole.pending_until}
    pages.rows["plan"].append({**row, **times, "incident": number, "note": "the last image that ran"})
    card = {"channel_id": "C0BENCH", "message_ts": f"{number}.000100", "card_digest": ""}
    pages.rows["card"].append({"incident": number, "digest": "", "tried_at": at, **_without(card)})
    told = {"reason": "", "obstacle": "", "successor": "", "version": 3, "state_at": drafted}
    pages.rows["proposal"].append({"plan_id": plan.id, "state": end, **card, **told})
    diff = "--- as it is\n+++ as it would be\n-  image: r/app:9\n+  image: r/app:8\n"
    shown = {"plan_id": plan.id, "at": drafted, "diffs": [diff], "warnings": []}
    pages.rows["preview"].append({**shown, "dry_run_digest": f"{number:064x}"})
    pages.event(Tag.PLAN_DRAFTED, {"digest": plan.digest, "note": ""}, drafted, about)
    pages.event(Tag.CARD_POSTED, {"channel": "C0BENCH"}, drafted, about)
    pages.event(Tag.PLAN_PREVIEWED, {"digest": f"{number:064x}"}, drafted, about)
    _moved(pages, plan, ("DRAFT", "PENDING", "gatekeeper"), at + timedelta(seconds=27))
    # Some minutes after the card, by the number: times to a signature that differ make a chart.
    if end in {"SUCCEEDED", "FAILED", "DENIED"}:
        _decided(pages, number, plan, at + timedelta(seconds=90 + number % 400))
    if end in {"SUCCEEDED", "FAILED"}:
        _done(pages, number, plan, at + timedelta(seconds=95 + number % 400))
    elif not is_open:
        by = "gatekeeper"
        _moved(pages, plan, ("PENDING", end, by), at + timedelta(seconds=95 + number % 400))
    return Recovery.RECOVERED if end == "SUCCEEDED" and number % 10 else Recovery.NOT_RECOVERED


def _without(card: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in card.items() if name != "card_digest"}


def _plan(number: int, at: datetime) -> Plan:
    step = Step(
        verb="set_image",
        api_version="apps/v1",
        kind="Deployment",
        namespace=SPACES[number // 7 % len(SPACES)],
        name=f"service-{number % 60}",
        uid=f"0b8a3f2e-5f0c-4a53-9d6e-{number:012d}",
        expect={"/metadata/generation": 4, "/spec/template/spec/containers/0/image": "r/app:9"},
        set={"/spec/template/spec/containers/0/image": "r/app:8"},
    )
    return Plan(
        cluster_uid="bench",
        incident=f"INC-{number}",
        steps=(step,),
        tier=1 + number % 3,
        approvals_needed=2 if number % 3 == 2 else 1,
        pending_until=at + timedelta(minutes=30),
        claim_within_s=120,
        policy_version="f" * 64,
        nonce=f"{number:032x}",
    )


@dataclass(frozen=True, kw_only=True)
class _Drafted:
    """A plan by its digest, which it would make of its bytes each time it is asked for it."""

    incident: int
    digest: str
    id: str


def _moved(pages: _Pages, plan: _Drafted, edge: tuple[str, str, str], at: datetime) -> None:
    start, end, by = edge
    body = {"from": start, "to": end, "by": by, "reason": "", "digest": plan.digest}
    pages.event(Tag.PLAN_MOVED, body, at, (plan.incident, plan.id))


def _decided(pages: _Pages, number: int, plan: _Drafted, at: datetime) -> None:
    # Unsealed: nobody signs here, and no actor will read it.
    verdict = "deny" if ENDS[number % len(ENDS)] == "DENIED" else "approve"
    user = f"U0{number % 9}"
    who = {"team_id": "T0", "user_id": user}
    said = {"plan_id": plan.id, "plan_digest": plan.digest, "approver": who, "verdict": verdict}
    row: dict[str, object] = {"plan_id": plan.id, **who, "verdict": verdict}
    mac = f"{number:064x}"
    body = {**said, "at": at.isoformat(), "mac": mac, "reason": "", "reason_digest": "", "reason_salt": ""}
    pages.rows["decision"].append({**row, "body": body})
    told = {"by": who, "verdict": verdict, "digest": plan.digest, "reason_digest": "", "mac": mac}
    pages.event(Tag.PLAN_DECIDED, told, at, (number, plan.id))


def _done(pages: _Pages, number: int, plan: _Drafted, at: datetime) -> None:
    end, about = ENDS[number % len(ENDS)], (number, plan.id)
    _moved(pages, plan, ("PENDING", "APPROVED", "gatekeeper"), at)
    _moved(pages, plan, ("APPROVED", "EXECUTING", "actor"), at)
    own = {"plan_id": plan.id, "attempt_id": f"a{number}", "actor_id": "bench"}
    own |= dict.fromkeys(("claimed_at", "lease_until", "deadline_at"), at)  # type: ignore[arg-type]
    pages.rows["execution"].append(dict(own))
    outcome = "applied" if end == "SUCCEEDED" else "refused"
    step: dict[str, object] = {"plan_id": plan.id, "n": 1, "intent_at": at, "result_at": at}
    step |= {"request_digest": f"{number:064x}", "http_status": 200 if end == "SUCCEEDED" else 422}
    pages.rows["step"].append({**step, "outcome": outcome, "observed_resource_version": "7"})
    pages.event(Tag.STEP_INTENDED, {"step": 1, "request": f"{number:064x}"}, at, about)
    pages.event(Tag.STEP_ANSWERED, {"step": 1, "status": step["http_status"]}, at, about)
    _moved(pages, plan, ("EXECUTING", end, "actor"), at)
    if end == "SUCCEEDED":
        found = Recovery.RECOVERED if number % 10 else Recovery.NOT_RECOVERED
        pages.event(Tag.CHANGE_JUDGED, {"found": found.value}, at + timedelta(seconds=60), about)


def _filler(pages: _Pages, number: int, at: datetime, until: int) -> None:
    # What fills a real record: an alert that Alertmanager sends again and again.
    for seq in _rest(pages.seq, until):
        said = {"key": f"{seq:064x}", "source": "bench", "as": "duplicate"}
        pages.event(Tag.DELIVERY_ACCEPTED, said, at + timedelta(minutes=13), (number, ""))


def _rest(done: int, until: int) -> Iterator[int]:
    yield from range(done + 1, until + 1)
