"""Let one more connection through a NetworkPolicy: named pods, named ports, one direction."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import read, same

_DIRECTIONS = {"ingress": ("Ingress", "from"), "egress": ("Egress", "to")}
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_SELECTORS = ("podSelector", "namespaceSelector")
_PODS = "/spec/podSelector"


class NetworkPolicy(Verb):
    """Parameters: ``direction`` (``ingress`` or ``egress``) and ``rule``, one rule as the API writes it."""

    name = "network_policy"
    kinds = ("NetworkPolicy",)
    tier = 3
    fields = ("/spec/{ingress,egress}",)
    sets = pattern(*fields)
    adds = True
    risks = "What the rule lets through was closed before, for every pod that the policy covers."
    when_not = "The connection is not one that the service graph needs, or the policy is not what stops it."
    verify = ("traffic_flows",)
    undo = "The rules that stood there before."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses rules for everybody or every port, and a direction that the policy does not restrict."""
        del context
        direction = params["direction"]
        if direction not in _DIRECTIONS:
            return Refused(reason="traffic comes in (ingress) or goes out (egress)")
        kind, _ = _DIRECTIONS[direction]
        if kind not in (read(target, "/spec/policyTypes") or []):
            return Refused(reason=f"the policy does not restrict {direction}, so a rule would change nothing")
        against = _too_wide(direction, params["rule"])
        if against:
            return against
        present = target["spec"].get(direction) or []
        if any(same(params["rule"], rule) for rule in present):
            return Refused(reason="the policy has this very rule already")
        return step_for(self, target, {f"/spec/{direction}": [*present, params["rule"]]})

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """Which pods the policy covers."""
        del target, changes
        return (_PODS,)

    def bounds(self, step: Step) -> Refused | None:
        """One rule more than before, at the end, or, as its undo, one less."""
        if len(step.set) != 1 or _PODS not in step.expect:
            return Refused(reason="network_policy changes the rules of one direction for the pods it shows")
        ((pointer, after),) = step.set.items()
        direction, rules = pointer.rpartition("/")[2], (step.expect[pointer] or [], after or [])
        if not all(isinstance(each, list) for each in rules):
            return Refused(reason="rules are a list")
        fewer, more = sorted(rules, key=len)
        if len(more) != len(fewer) + 1 or not same(more[:-1], fewer):
            return Refused(reason="network_policy adds one rule, or takes the one away that it added")
        return _too_wide(direction, more[-1])

    def sentence(self, step: Step) -> str:
        """Names the policy, the pods on both sides and the ports."""
        ((pointer, after),) = step.set.items()
        direction, before = pointer.rpartition("/")[2], step.expect[pointer] or []
        adds = len(after or []) > len(before)
        rule = (after if adds else before)[-1]
        _, side = _DIRECTIONS[direction]
        covered = _selected(step.expect[_PODS]) or "every pod of the namespace"
        peers = " or ".join(_peer(each) for each in rule[side])
        ports = ", ".join(f"{each.get('protocol', 'TCP')} {each['port']}" for each in rule["ports"])
        verb = "Let" if adds else "No longer let"
        way = f"{peers} reach" if direction == "ingress" else f"{covered} reach"
        reached = covered if direction == "ingress" else peers
        return f"{verb} {way} {reached} on {ports}, in {step.target}"


def _too_wide(direction: str, rule: object) -> Refused | None:
    """Why a rule is not one for named pods on named ports, or None."""
    _, side = _DIRECTIONS[direction]
    if not isinstance(rule, dict) or rule.keys() != {side, "ports"}:
        return Refused(reason=f"a rule names who ({side}) and which ports, and nothing else")
    peers, ports = rule[side], rule["ports"]
    if not isinstance(peers, list) or not peers or not all(map(_named, peers)):
        return Refused(reason="a rule names pods by their labels: no address ranges, and never everybody")
    if not isinstance(ports, list) or not ports or not all(map(_one_port, ports)):
        return Refused(reason="a rule names its ports by number")
    return None


def _named(peer: object) -> bool:
    if not isinstance(peer, dict) or "podSelector" not in peer or not peer.keys() <= set(_SELECTORS):
        return False
    return all(_labels(selector) for selector in peer.values())


def _labels(selector: object) -> bool:
    if not isinstance(selector, dict) or selector.keys() != {"matchLabels"}:
        return False
    labels = selector["matchLabels"]
    # An empty selector is not nobody but everybody.
    return isinstance(labels, dict) and bool(labels) and all(isinstance(v, str) for v in labels.values())


def _one_port(port: object) -> bool:
    if not isinstance(port, dict) or not {"port"} <= port.keys() <= {"port", "protocol"}:
        return False
    number = port["port"]
    whole = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 65535
    return whole and port.get("protocol", "TCP") in _PROTOCOLS


def _peer(peer: JsonObject) -> str:
    place = peer.get("namespaceSelector")
    inside = f" in namespaces with {_selected(place)}" if place else ""
    return f"pods with {_selected(peer['podSelector'])}{inside}"


def _selected(selector: JsonObject) -> str:
    labels = ", ".join(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items()))
    rest = len(selector.get("matchExpressions") or [])
    return f"{labels} and {rest} expressions".strip() if rest else labels
