"""Policies, questions and radii as tests like them, and random ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.plans import a_step
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.policy.facts import About, Budget, Question, Radius, Terms
from tools.policy.model import Allow, Policy, Rule

NAMESPACES = ("shop", "shop-eu", "kube-system")
CONDITIONS = (
    "",
    "true",
    "target.namespace == 'shop'",
    "'team' in target.labels",
    "target.labels['team'] == 'red'",
    "blast.requests_per_second > 10.0",
    "blast.requests_per_second != null && blast.requests_per_second > 10.0",
    "size(blast.services) > 0",
    "plan.steps > 1",
    "incident.severity == 'critical'",
    "step.set['/spec/replicas'] < 3",
    "target.replicas / 0 == 1",
)


def policy(*rules: Rule, allow: tuple[Allow, ...] = (Allow(name="all"),), **more: Any) -> Policy:
    """A policy that allows everything, narrowed by these rules."""
    return Policy(version=1, allow=allow, rules=rules, **more)


def question(*steps: Step, **changes: Any) -> Question:
    """One step of ``shop/checkout`` that touches what a small web shop has."""
    wanted = steps or (a_step(),)
    radius = changes.pop("radius", Radius(labels={"team": "red"}, replicas=3, services=("checkout",)))
    return Question(steps=wanted, radius=(radius,) * len(wanted), **changes)


def scale(replicas: int, **changes: Any) -> Step:
    """Scale ``shop/checkout``."""
    return a_step(
        verb="scale",
        **(
            {
                "expect": {"/metadata/generation": 4, "/spec/replicas": 3},
                "set": {"/spec/replicas": replicas},
            }
            | changes
        ),
    )


def memory(value: str, before: str = "128Mi", **changes: Any) -> Step:
    """Set the memory limit of ``shop/checkout``."""
    pointer = "/spec/template/spec/containers/0/resources/limits/memory"
    stated = {"expect": {"/metadata/generation": 4, pointer: before}, "set": {pointer: value}}
    return a_step(verb="set_resources", **(stated | changes))


_FEW = st.lists(st.sampled_from(sorted(CATALOGUE)), min_size=1, max_size=3, unique=True).map(tuple)
_KINDS = st.lists(st.sampled_from(("Deployment", "Service")), min_size=1, max_size=2, unique=True).map(tuple)
_PLACES = st.lists(st.sampled_from((*NAMESPACES, "shop*")), min_size=1, max_size=2, unique=True).map(tuple)
_ANY = st.just(("*",))


def _scopes(n: int) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "name": st.just(f"entry {n}"),
        "verbs": _ANY | _FEW,
        "kinds": _ANY | _KINDS,
        "namespaces": _ANY | _PLACES,
        "when": st.sampled_from(CONDITIONS),
    }


@st.composite
def allows(draw: st.DrawFn, n: int = 0) -> Allow:
    """One entry of ``allow``."""
    return Allow(**draw(st.fixed_dictionaries(_scopes(n))))


@st.composite
def rules(draw: st.DrawFn, n: int = 0) -> Rule:
    """One rule that the loader takes: it narrows something."""
    scope = draw(st.fixed_dictionaries(_scopes(n)))
    least = max(CATALOGUE[verb].tier for verb in scope["verbs"]) if scope["verbs"] != ("*",) else 1
    narrowing = {
        "deny": st.just("because"),
        "tier": st.integers(max(2, least), 3),
        "approvals_needed": st.just(2),
        "pending_minutes": st.floats(0.01, 240),
        "claim_within_s": st.integers(1, 600),
        "limit_factor": st.floats(1.01, 4),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(narrowing)), min_size=1, max_size=3, unique=True))
    return Rule(**scope, **{name: draw(narrowing[name]) for name in chosen})


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy."""
    given = draw(st.lists(st.integers(0, 1), max_size=5))
    entries = [draw(rules(n) if kind else allows(n)) for n, kind in enumerate(given)]
    critical = draw(st.sampled_from(((), ("team=red",))))
    return Policy(
        version=1,
        allow=tuple(one for one in entries if isinstance(one, Allow)),
        rules=tuple(one for one in entries if isinstance(one, Rule)),
        critical_labels=critical,
    )


_RADII = st.builds(
    Radius,
    labels=st.sampled_from(({}, {"team": "red"}, {"midwatch.dev/critical": "true"})),
    namespace_labels=st.sampled_from(({}, {"midwatch.dev/critical": "true"})),
    replicas=st.none() | st.integers(0, 9),
    budget=st.none() | st.just(Budget(name="b", need=2, allowed=0)),
    services=st.sampled_from(((), ("checkout",))),
    requests_per_second=st.none() | st.floats(0, 100),
)
_STEPS = st.builds(
    lambda step, place, name: step.model_copy(update={"namespace": place, "name": name}),
    st.sampled_from(
        (
            a_step(),
            scale(1),
            scale(9),
            memory("512Mi"),
            memory("256Mi"),
            a_step(verb="no_such_verb"),
            a_step(verb="fix_selector", kind="Service", api_version="v1"),
            a_step(kind="NetworkPolicy", api_version="networking.k8s.io/v1"),
        )
    ),
    st.sampled_from(NAMESPACES),
    st.sampled_from(("checkout", "cart")),
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Any plan."""
    steps = tuple(draw(st.lists(_STEPS, min_size=1, max_size=3)))
    stated = draw(st.booleans())
    return Question(
        steps=steps,
        radius=tuple(draw(_RADII) for _ in steps) if stated else (),
        incident=About(severity=draw(st.sampled_from(("", "critical")))),
        terms=Terms(pending_s=draw(st.integers(1, 14_400)), claim_within_s=draw(st.integers(1, 600))),
    )
