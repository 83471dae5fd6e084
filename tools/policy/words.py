"""What a plan touches, in words for the card, the page and the command line. From its bytes alone."""

from __future__ import annotations

from tools.policy.facts import Radius

_SHOWN = 8


def touched(radius: Radius) -> tuple[str, ...]:
    """The lines of "What it touches", the same ones in the same order for every plan."""
    budget = radius.budget
    return (
        f"pods: {_known(radius.replicas)}",
        f"traffic: {_known(radius.requests_per_second)}"
        + (" requests a second" if radius.requests_per_second is not None else ""),
        f"disruption budget: {budget.name} needs {budget.need}, lets {budget.allowed} go now"
        if budget
        else "disruption budget: none",
        f"scaled by: {_listed(radius.autoscalers)}",
        f"reached through: {_listed((*radius.services, *(f'Ingress {name}' for name in radius.ingresses)))}",
        f"deployed by: {_deployer(radius)}",
    )


def warnings(radius: Radius) -> tuple[str, ...]:
    """What a person should know before signing."""
    found = []
    if radius.helm:
        found.append(
            f"Helm release {radius.helm} deploys this object: its next upgrade puts back what the chart "
            "says. Make the same change there."
        )
    if radius.gitops:
        found.append(f"{radius.gitops} keeps this object as Git says.")
    if radius.budget is not None and radius.budget.allowed == 0:
        found.append(f"The disruption budget {radius.budget.name} lets no further pod go now.")
    return tuple(found)


def _known(value: float | None) -> str:
    return "not known" if value is None else f"{value:g}"


def _listed(names: tuple[str, ...]) -> str:
    if not names:
        return "nothing that was seen"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _deployer(radius: Radius) -> str:
    return radius.gitops or (f"Helm release {radius.helm}" if radius.helm else "nothing that marks it")
