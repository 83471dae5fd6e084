"""What a condition does to others: the vocabulary in which one thing is said to follow from another.

Each code has one effect (``rules``). What follows from what is then declared once for each effect, and
not for each pair of codes: an effect follows only from deeper ones, so nothing can explain itself in a
ring. Two strengths: what ``FOLLOWS`` names is explained for certain where the objects are joined; what
``MAY_FOLLOW`` names is likely, and stays an alternative of its own.
"""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """The deepest first: the order is the order of explanation."""

    CONTROL = "the control plane stands still"
    NODE = "a node does not run pods"
    STRAIN = "a node is short of something and puts pods out"
    CLOSED = "a node takes no new pods"
    VOLUME = "a volume is not there"
    QUOTA = "a namespace's bounds are reached"
    HOOK = "whoever must be asked does not answer, or says no"
    REFUSED = "pods may not be created"
    IMAGE = "an image does not arrive"
    CREDENTIAL = "the credentials for an image are missing"
    SETTING = "what a container is told or given is wrong"
    TAKEN = "a Job holds what other pods ask for"
    PLACE = "a pod finds no node"
    CHANGED = "what pods were started with has changed since"
    ADDRESS = "a workload calls where nobody answers"
    POLICY = "a policy keeps traffic out"
    SLOW = "a container gets less processor time than it asks for"
    MEMORY = "a container is killed for memory"
    KILLED = "a container is stopped by the set-up of its own pod"
    CRASH = "a container ends by itself"
    START = "a container is not started"
    READY = "a container runs and is not ready"
    GONE = "a pod was put out or cannot go"
    HELD = "a change reaches no pod"
    IDLE = "nothing is asked to run"
    SHORT = "a workload lacks pods"
    WIRING = "a Service leads nowhere"
    EMPTY = "nobody stands behind a Service"
    ROUTE = "traffic from outside finds no Service"
    CERTIFICATE = "a certificate is not accepted"
    FAILED = "a run failed"
    RUN = "runs do not start or do not end"
    ERRORS = "a log speaks of errors"
    HEARD = "a log complains of another party"
    SCALER = "the count of pods is not what the load asks for"
    TIGHT = "a container has hardly any room left"
    ROLLED = "a new version runs"
    SIGNAL = "requests fail or take longer than before"
    BUDGET = "no pod may be evicted"
    RIGHTS = "an account lacks or has rights"
    OPERATOR = "an operator is not installed"
    NOTE = "nothing: worth knowing only"


_E = Effect
Effects = frozenset[Effect]

DEPTH: dict[Effect, int] = {effect: index for index, effect in enumerate(Effect)}
"""How deep an effect lies: less is deeper."""

STANDING: Effects = frozenset((_E.BUDGET, _E.RIGHTS, _E.OPERATOR, _E.NOTE))
"""Defects that wait for their day: no sign of the trouble that an alert speaks of."""

STOPS_PODS: Effects = frozenset(effect for effect in Effect if DEPTH[effect] <= DEPTH[_E.HELD])
"""What may keep pods from running and being ready."""

STOPS_SERVICE: Effects = frozenset(effect for effect in Effect if DEPTH[effect] <= DEPTH[_E.EMPTY]) - {
    _E.CHANGED
}
"""What may keep a Service from answering, and so be felt by those who call it."""

FELT: Effects = frozenset(
    (_E.KILLED, _E.CRASH, _E.READY, _E.SHORT, _E.EMPTY, _E.FAILED, _E.ERRORS, _E.HEARD, _E.SIGNAL)
)
"""What a workload may suffer from because a Service that it calls does not answer."""

_OF_NODES: Effects = frozenset((_E.CONTROL, _E.NODE))
_OF_CREATION: Effects = frozenset((_E.CONTROL, _E.QUOTA, _E.HOOK))

FOLLOWS: dict[Effect, Effects] = {
    _E.REFUSED: _OF_CREATION,
    _E.CREDENTIAL: frozenset((_E.IMAGE,)),
    _E.PLACE: frozenset((_E.CONTROL, _E.VOLUME, _E.TAKEN)),
    _E.CRASH: frozenset((_E.MEMORY, _E.KILLED)),
    _E.START: frozenset((_E.NODE, _E.VOLUME, _E.SETTING)),
    _E.READY: frozenset((_E.NODE, _E.IMAGE, _E.MEMORY, _E.KILLED, _E.CRASH, _E.START)),
    _E.GONE: frozenset((_E.NODE, _E.STRAIN)),
    _E.SHORT: STOPS_PODS,
    _E.EMPTY: STOPS_PODS | {_E.IDLE, _E.SHORT, _E.WIRING},
    _E.FAILED: STOPS_PODS,
    _E.RUN: frozenset((_E.CONTROL, _E.FAILED)),
    _E.ERRORS: STOPS_PODS,
}
"""What each effect is certain to follow from, where the objects are joined."""

MAY_FOLLOW: dict[Effect, Effects] = {
    _E.PLACE: frozenset((_E.NODE, _E.STRAIN, _E.CLOSED)),
    _E.KILLED: frozenset((_E.NODE, _E.CHANGED, _E.ADDRESS, _E.POLICY, _E.SLOW)),
    _E.CRASH: frozenset((_E.NODE, _E.SETTING, _E.CHANGED, _E.ADDRESS, _E.POLICY)),
    _E.READY: frozenset((_E.SETTING, _E.CHANGED, _E.ADDRESS, _E.POLICY, _E.SLOW)),
    _E.GONE: frozenset((_E.CONTROL,)),
    _E.SCALER: frozenset((_E.CONTROL,)),
    _E.HEARD: STOPS_SERVICE,
    _E.SIGNAL: STOPS_SERVICE | {_E.SCALER, _E.TIGHT, _E.ROLLED},
}
"""What each effect may follow from; the deeper cause is then the better answer, and not the only one."""
