"""How one NetworkPolicy rule reads: whom it closes, which port it opens, and whether DNS is among it.

Source: NetworkPolicySpec, NetworkPolicyPort and NetworkPolicyPeer (networking/v1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from agents.investigator.analyzers.containers import ports
from agents.investigator.analyzers.fields import dig, items, labels_of, name_of, namespace_of
from agents.investigator.analyzers.selectors import selects
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

DNS_PORT = 53
DNS_PLACE = "kube-system"
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""Set on every namespace by the API server."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A port of a pod, by number or by name, that somebody must reach."""

    pod: JsonObject
    port: object
    protocol: str


class Policies:
    """The NetworkPolicies of a snapshot, indexed by a label that they ask for."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Index them; those that ask for no plain label are looked at for every pod of their namespace."""
        self._index: dict[tuple[str, str, str], list[JsonObject]] = defaultdict(list)
        self._found: dict[tuple[object, ...], list[JsonObject]] = {}
        for policy in snapshot.objects("NetworkPolicy"):
            plain = dig(policy, "spec", "podSelector", "matchLabels") or {}
            first = next(iter(plain.items()), ("", ""))
            self._index[namespace_of(policy), *first].append(policy)

    def by(self, pod: JsonObject, direction: str) -> list[JsonObject]:
        """The policies that close this pod for ``Ingress`` or ``Egress``, by name."""
        labels, place = labels_of(pod), namespace_of(pod)
        # Pods of one template have the same labels, and each of them is asked about for every caller.
        key = (direction, place, *labels.items())
        if key not in self._found:
            marks = [("", ""), *labels.items()]
            found = [one for mark in marks for one in self._index.get((place, *mark), ())]
            self._found[key] = sorted((one for one in found if _closes(one, pod, direction)), key=name_of)
        return self._found[key]


def _closes(policy: JsonObject, pod: JsonObject, direction: str) -> bool:
    # Left out, the types are Ingress, and Egress only where there are egress rules.
    implied = ["Ingress", "Egress"] if items(policy, "spec", "egress") else ["Ingress"]
    types = dig(policy, "spec", "policyTypes") or implied
    return direction in types and selects(dig(policy, "spec", "podSelector") or {}, labels_of(pod))


def admits(rule: JsonObject, wanted: Wanted) -> bool:
    """Whether an ingress rule opens this port to anybody."""
    opened = items(rule, "ports")
    return not opened or any(_opens(entry, wanted) for entry in opened)


def _opens(entry: JsonObject, wanted: Wanted) -> bool:
    if (entry.get("protocol") or "TCP") != wanted.protocol:
        return False
    port = entry.get("port")
    if port is None:
        return True
    number, opened = port_number(wanted.pod, wanted.port), port_number(wanted.pod, port)
    if number is None or opened is None:
        # A name that no container has opens nothing, but for the same name we cannot say.
        return bool(port == wanted.port)
    last = entry.get("endPort") or opened
    return opened <= number <= int(last)


def port_number(pod: JsonObject, port: object) -> int | None:
    """The number of a port that may be named; None when no container has that name."""
    if str(port).isdigit():
        return int(str(port))
    declared = ports(pod.get("spec") or {})
    return next((one.number for one in declared if one.name == port), None)


@dataclass(frozen=True, kw_only=True)
class Party:
    """A pod as a policy sees it from the other end: its labels, its namespace and that namespace's labels.

    ``known``: whether the labels of the namespace were read; its name alone is always known.
    """

    labels: Mapping[str, str]
    namespace: str
    place: Mapping[str, str]
    known: bool

    @classmethod
    def of(cls, snapshot: Snapshot, namespace: str, labels: Mapping[str, str]) -> Party:
        """The party of pods with these labels."""
        place = snapshot.find("Namespace", "", namespace)
        marks = {NAMESPACE_NAME_LABEL: namespace, **labels_of(place or {})}
        return cls(labels=labels, namespace=namespace, place=marks, known=place is not None)


def names(rule: JsonObject, side: str, party: Party, home: str) -> bool:
    """Whether a rule in namespace ``home`` names this party in ``from`` or ``to``; in doubt it does."""
    peers = items(rule, side)
    return not peers or any(_names(peer, party, home) for peer in peers)


def _names(peer: JsonObject, party: Party, home: str) -> bool:
    if "ipBlock" in peer:
        return True
    around = peer.get("namespaceSelector")
    if around is None and party.namespace != home:
        return False
    if around is not None and not selects(around, party.place):
        return not party.known and NAMESPACE_NAME_LABEL not in str(around)
    wanted = peer.get("podSelector")
    return wanted is None or selects(wanted, party.labels)


def resolves_names(snapshot: Snapshot, pod: JsonObject, rule: JsonObject) -> bool:
    """Whether an egress rule lets this pod ask the cluster's DNS; in doubt it does."""
    opened = items(rule, "ports")
    if opened and not any(_opens_dns(entry) for entry in opened):
        return False
    peers = items(rule, "to")
    return not peers or any(_holds_dns(snapshot, pod, peer) for peer in peers)


def _opens_dns(entry: JsonObject) -> bool:
    port = entry.get("port")
    # Most questions go by UDP; a rule for TCP alone leaves names unresolved.
    if (entry.get("protocol") or "TCP") != "UDP":
        return False
    if port is None or not str(port).isdigit():
        return port is None or "dns" in str(port)
    return int(str(port)) <= DNS_PORT <= int(entry.get("endPort") or port)


def _holds_dns(snapshot: Snapshot, pod: JsonObject, peer: JsonObject) -> bool:
    if "ipBlock" in peer:
        return True
    if "namespaceSelector" not in peer:
        return namespace_of(pod) == DNS_PLACE
    place = snapshot.find("Namespace", "", DNS_PLACE)
    labels = {NAMESPACE_NAME_LABEL: DNS_PLACE, **labels_of(place or {})}
    if not selects(peer["namespaceSelector"], labels):
        # Its labels decide, and nobody read them.
        return place is None and NAMESPACE_NAME_LABEL not in str(peer["namespaceSelector"])
    inside = snapshot.within(DNS_PLACE, "Pod")
    wanted = peer.get("podSelector")
    return wanted is None or not inside or any(selects(wanted, labels_of(one)) for one in inside)
