"""What was tried before chooses among the rules' own changes, and does nothing else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.investigator.experience import Experience
from agents.investigator.permission import permitted_first
from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from agents.investigator.wanted import Permitted
from agents.ledger.past import Attempt, Fate, Past
from tests.support.kube_objects import BAD, GOOD, Json, crashing, deployment, replicaset, rolled_out, template
from tests.support.plans import a_step
from tests.support.scenes import alert, scene
from tests.support.world_cluster import START
from tests.unit.test_permission import asking
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import ObjectRef

SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")
NO_IMAGES = "rules: [{name: still, when: 'step.verb == \"set_image\"', deny: not now}]\n"
MEMORY = "/spec/template/spec/containers/0/resources/limits/memory"


def past(*attempts: tuple[Step, Fate], incident: int = 1, about: ObjectRef = WEB) -> Past:
    tried = tuple(Attempt(step=step, fate=fate, at=START) for step, fate in attempts)
    return Past(incident=incident, at=START, code="c", object=about, attempts=tried)


def proposed(objects: list[Json], *known: Past, limits: Limits | None = None) -> Proposal:
    at = scene(objects, SHORT)
    asked = limits or Limits()
    experience = Experience(past=known)
    return propose(
        at.case,
        at.reasoned.cause,
        Limits(limit_factor=asked.limit_factor, allowed=asked.allowed, experience=experience),
    )


def step_of(objects: list[Json], *known: Past) -> Step:
    found = proposed(objects, *known)
    assert isinstance(found, Proposed), found
    return found.step


def two_ways() -> list[Json]:
    """Back with the whole template, or with the image alone."""
    return rolled_out(new=template(image=BAD, command=["run", "--new"]))


def killed() -> list[Json]:
    """Killed for memory since a rollout that did not touch the limit."""
    limit: Json = {"resources": {"limits": {"memory": "100Mi"}}}
    new = template(image="registry.example/shop/web:2.0", **limit)
    return [
        deployment(available=1, template=new),
        replicaset(1, template=template(**limit), ready=1),
        replicaset(2, template=new),
        crashing("web-r2-aaaaa", 137, "OOMKilled", container=limit),
    ]


def test_a_change_that_failed_before_gives_way_to_the_next_one() -> None:
    first = step_of(two_ways())
    assert first.verb == "roll_back"
    for fate in (Fate.NOT_HELPED, Fate.REFUSED):
        assert step_of(two_ways(), past((first, fate))).verb == "set_image"


def test_more_memory_that_did_not_help_gives_way_to_the_version_before() -> None:
    first = step_of(killed())
    assert (first.verb, first.set) == ("set_resources", {MEMORY: "200Mi"})
    second = step_of(killed(), past((first, Fate.NOT_HELPED)))
    assert second.verb == "roll_back"
    other = first.model_copy(update={"set": {MEMORY: "150Mi"}})
    assert step_of(killed(), past((other, Fate.NOT_HELPED))) == first, "other values are another change"


def test_a_change_that_helped_before_is_preferred_and_says_so() -> None:
    image = step_of(two_ways(), past((step_of(two_ways()), Fate.NOT_HELPED)))
    found = proposed(two_ways(), past((image, Fate.HELPED), incident=7))
    assert isinstance(found, Proposed)
    assert (found.step, found.why.rpartition("; ")[2]) == (image, "it recovered INC-7")


def test_where_all_failed_there_is_advice_and_it_names_the_incidents() -> None:
    only = step_of(rolled_out())
    assert only.set == {"/spec/template/spec/containers/0/image": GOOD}
    found = proposed(rolled_out(), past((only, Fate.NOT_HELPED), incident=12))
    assert isinstance(found, NoPlan)
    assert found.reason == "set_image with these values did not help in INC-12."
    assert "Push the image" in found.advice


def test_the_newest_experience_counts() -> None:
    only = step_of(rolled_out())
    worked, failed = past((only, Fate.HELPED), incident=3), past((only, Fate.NOT_HELPED), incident=2)
    assert step_of(rolled_out(), worked, failed) == only
    assert isinstance(proposed(rolled_out(), failed, worked), NoPlan)
    assert isinstance(proposed(rolled_out(), past((only, Fate.HELPED), (only, Fate.NOT_HELPED))), NoPlan)


def test_a_persons_no_is_not_held_against_a_change_for_ever() -> None:
    only = step_of(rolled_out())
    assert step_of(rolled_out(), past((only, Fate.REJECTED))) == only
    assert isinstance(
        proposed(rolled_out(), past((only, Fate.REJECTED)), past((only, Fate.NOT_HELPED))), NoPlan
    )


def test_what_happened_to_another_object_decides_nothing() -> None:
    first = step_of(two_ways())
    elsewhere = ObjectRef(kind="Deployment", namespace="shop", name="other")
    assert step_of(two_ways(), past((first, Fate.NOT_HELPED), about=elsewhere)) == first
    stranger = first.model_copy(update={"name": "other"})
    assert step_of(two_ways(), past((stranger, Fate.NOT_HELPED))) == first


def test_a_bent_past_decides_nothing() -> None:
    bent = Past(incident=1, at=START, code="c", object=WEB, bent=True)
    assert step_of(two_ways(), bent) == step_of(two_ways())


def test_what_helped_before_is_still_not_proposed_where_the_runbook_does_not_allow_it() -> None:
    first = step_of(two_ways())
    limits = Limits(allowed=frozenset({"set_image"}))
    found = proposed(two_ways(), past((first, Fate.HELPED)), limits=limits)
    assert isinstance(found, Proposed)
    assert found.step.verb == "set_image"


def test_what_helped_before_gives_way_where_the_policy_refuses_it_now(tmp_path: Path) -> None:
    at = scene(two_ways(), SHORT)
    cause, asked = at.reasoned.cause, asking(tmp_path, NO_IMAGES)
    image = step_of(two_ways(), past((step_of(two_ways()), Fate.NOT_HELPED)))

    def draw(known: Experience, factor: float | None) -> Proposal:
        return propose(at.case, cause, Limits(limit_factor=factor or 2.0, experience=known))

    helped = Experience(past=(past((image, Fate.HELPED)),))
    found = permitted_first(at.case, asked, helped, draw)
    assert isinstance(found, Permitted)
    assert found.step.verb == "roll_back"
    both = Experience(past=(past((image, Fate.HELPED)), past((step_of(two_ways()), Fate.NOT_HELPED))))
    assert isinstance(permitted_first(at.case, asked, both, draw), NoPlan), "and what failed stays behind"


STEPS = st.sampled_from([step_of(two_ways()), step_of(killed()), step_of(rolled_out()), a_step()])
PASTS = st.lists(st.tuples(STEPS, st.sampled_from(Fate)), max_size=6)


@settings(deadline=None, max_examples=40)
@given(PASTS, st.sampled_from([two_ways, killed, rolled_out]))
def test_experience_never_adds_a_change(tried: list[tuple[Step, Fate]], objects: object) -> None:
    """Whatever is remembered: what comes out is one of those that come out as the others fail, or advice."""
    made = objects()  # type: ignore[operator]
    known: list[Step] = []
    while isinstance(found := proposed(made, past(*((step, Fate.NOT_HELPED) for step in known))), Proposed):
        assert found.step not in known
        known.append(found.step)
    found = proposed(made, past(*tried))
    assert isinstance(found, NoPlan) or found.step in known
