"""NetworkPolicies that stand between a workload and a Service that it is told to call.

Who calls whom is read from env addresses; see ``dependency``. Source: NetworkPolicySpec (networking/v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.dependency import calls
from agents.investigator.analyzers.fields import (
    dig,
    items,
    labels_of,
    name_of,
    namespace_of,
)
from agents.investigator.analyzers.network_rules import Party, Policies, Wanted, admits, names
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

_READ = (
    "spec of the NetworkPolicies on both ends, env addresses, the Service's ports and pods, namespace labels"
)


class CallCode(Coded):
    """What a policy can do to a call that is needed."""

    NOT_LET_IN = (
        "networkpolicy.caller_denied",
        "A workload is told to call a Service whose pods let others in, and not it.",
        _READ,
    )
    NOT_LET_OUT = (
        "networkpolicy.way_out_denied",
        "A workload is told to call a Service, and its own policies do not let it out there.",
        _READ,
    )


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One call: from which workload to a port of which pod behind which Service."""

    caller: JsonObject
    service: JsonObject
    wanted: Wanted

    @property
    def words(self) -> str:
        """``Deployment shop/web`` as people write it."""
        return f"{self.caller['kind']} {namespace_of(self.caller)}/{name_of(self.caller)}"


def denied_calls(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding for each call that a policy of either end denies, each pair of workload and port once."""
    if not snapshot.objects("NetworkPolicy"):
        return
    closed, told = Policies(snapshot), set()
    for caller, service, port in calls(snapshot):
        call = _resolved(snapshot, caller, (service, port))
        key = (str(caller.get("kind")), namespace_of(caller), name_of(caller), name_of(service), port)
        # One address may stand in several variables.
        if call is None or key in told:
            continue
        told.add(key)
        yield from _in(snapshot, closed, call)
        yield from _out(snapshot, closed, call)


def _resolved(snapshot: Snapshot, caller: JsonObject, to: tuple[JsonObject, int | None]) -> _Call | None:
    """The call with the pod and port it comes to; None where there is no such port or nobody behind it."""
    service, port = to
    ports = items(service, "spec", "ports")
    asked = [one for one in ports if port in (None, one.get("port"))]
    chosen = snapshot.living(namespace_of(service), dig(service, "spec", "selector") or {})
    pod = next(iter(chosen), None)
    if pod is None or len(asked) != 1 or dig(pod, "spec", "hostNetwork"):
        return None
    target = asked[0].get("targetPort") or asked[0].get("port")
    wanted = Wanted(pod=pod, port=target, protocol=asked[0].get("protocol") or "TCP")
    return _Call(caller=caller, service=service, wanted=wanted)


def _own_labels(caller: JsonObject) -> dict[str, str]:
    template = dig(caller, "spec", "template") or dig(caller, "spec", "jobTemplate", "spec", "template")
    return labels_of(template or caller)


def _in(snapshot: Snapshot, closed: Policies, call: _Call) -> Iterator[Finding]:
    policies = closed.by(call.wanted.pod, "Ingress")
    if not policies:
        return
    home = namespace_of(call.service)
    rules = [rule for policy in policies for rule in items(policy, "spec", "ingress")]
    opening = [rule for rule in rules if admits(rule, call.wanted)]
    # Who lets everybody in need not be asked about anybody.
    if any(not rule.get("from") for rule in opening):
        return
    party = Party.of(snapshot, namespace_of(call.caller), _own_labels(call.caller))
    # A port that is open to nobody is told of the Service itself, once for all its callers.
    if opening and not any(names(rule, "from", party, home) for rule in opening):
        text = f"{call.words} calls Service {name_of(call.service)}, and its policies do not let it in"
        yield _denied(
            Subject(snapshot=snapshot, obj=policies[0]), call, (CallCode.NOT_LET_IN, text, policies)
        )


def _out(snapshot: Snapshot, closed: Policies, call: _Call) -> Iterator[Finding]:
    home = namespace_of(call.caller)
    policies = closed.by({"metadata": {"namespace": home, "labels": _own_labels(call.caller)}}, "Egress")
    if not policies:
        return
    rules = [rule for policy in policies for rule in items(policy, "spec", "egress")]
    party = Party.of(snapshot, namespace_of(call.service), labels_of(call.wanted.pod))
    opening = [rule for rule in rules if admits(rule, call.wanted)]
    if not any(names(rule, "to", party, home) for rule in opening):
        text = f"{call.words} calls Service {name_of(call.service)}, and its own policies keep it in"
        yield _denied(
            Subject(snapshot=snapshot, obj=policies[0]), call, (CallCode.NOT_LET_OUT, text, policies)
        )


def _denied(on: Subject, call: _Call, what: tuple[CallCode, str, list[JsonObject]]) -> Finding:
    code, text, policies = what
    listed = [name_of(one) for one in policies]
    told: JsonObject = {"caller": call.words, "service": name_of(call.service), "port": call.wanted.port}
    told |= {"service_namespace": namespace_of(call.service), "policies": listed}
    return on.critical(code, f"{text} ({', '.join(listed)}).", **told)
