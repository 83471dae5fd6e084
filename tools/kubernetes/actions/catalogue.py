"""Every verb there is. What is not here cannot be drafted, shown, signed or sent."""

from __future__ import annotations

from collections.abc import Callable

from tools.kubernetes.actions.cordon import Cordon, Uncordon
from tools.kubernetes.actions.evict_pod import EvictPod
from tools.kubernetes.actions.expand_pvc import ExpandPvc
from tools.kubernetes.actions.fix_port import FixPort
from tools.kubernetes.actions.fix_probe import FixProbe
from tools.kubernetes.actions.fix_scheduling import FixScheduling
from tools.kubernetes.actions.fix_selector import FixSelector
from tools.kubernetes.actions.hpa_bounds import HpaBounds
from tools.kubernetes.actions.network_policy import NetworkPolicy
from tools.kubernetes.actions.pause_rollout import PauseRollout
from tools.kubernetes.actions.quota import Quota
from tools.kubernetes.actions.restart_rollout import RestartRollout
from tools.kubernetes.actions.restore import Restore
from tools.kubernetes.actions.resume import Resume
from tools.kubernetes.actions.resume_rollout import ResumeRollout
from tools.kubernetes.actions.roll_back import RollBack
from tools.kubernetes.actions.scale import Scale
from tools.kubernetes.actions.set_env_reference import SetEnvReference
from tools.kubernetes.actions.set_image import SetImage
from tools.kubernetes.actions.set_resources import SetResources
from tools.kubernetes.actions.silence import Silence
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.suspend import Suspend
from tools.kubernetes.actions.verb import Refused, Verb
from tools.kubernetes.actions.webhook import Webhook
from tools.kubernetes.client import Request
from tools.kubernetes.errors import NotFound
from tools.kubernetes.objects import JsonObject

CATALOGUE: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        SetImage(),
        RollBack(),
        SetResources(),
        SetEnvReference(),
        FixSelector(),
        FixPort(),
        FixProbe(),
        FixScheduling(),
        Scale(),
        HpaBounds(),
        RestartRollout(),
        PauseRollout(),
        ResumeRollout(),
        Suspend(),
        Resume(),
        EvictPod(),
        Cordon(),
        Uncordon(),
        ExpandPvc(),
        Quota(),
        NetworkPolicy(),
        Webhook(),
        Restore(),
        Silence(),
    )
}


def verb(name: str) -> Verb | None:
    """The verb of that name, or None."""
    return CATALOGUE.get(name)


def live_of(step: Step, send: Callable[[Verb, Request], JsonObject]) -> JsonObject | None:
    """The step's object as it is now, or None when it is not there. Raises what ``send`` raises else."""
    known = CATALOGUE[step.verb]
    try:
        return known.found(step, send(known, known.look(step)))
    except NotFound:
        return None


def check(step: Step) -> Refused | None:
    """Why this step may not be sent, or None: an unknown verb is refused like a wrong pointer."""
    known = CATALOGUE.get(step.verb)
    return known.check(step) if known else Refused(reason=f"there is no verb {step.verb}")


def is_applied(step: Step, plan_id: str, live: JsonObject | None) -> bool:
    """Whether the object as it is now shows that this plan's step was done."""
    known = CATALOGUE.get(step.verb)
    return known is not None and known.is_applied(step, plan_id, live)


def sentence(step: Step) -> str:
    """What the step does, in words."""
    known = CATALOGUE.get(step.verb)
    return known.sentence(step) if known else f"{step.verb} on {step.target}"


def undo_words(step: Step) -> str:
    """What undoing the step would do, in words; a verb that is not in the catalogue cannot be undone."""
    known = CATALOGUE.get(step.verb)
    return known.undo_words(step) if known else "Not known."


def tier_of(step: Step) -> int:
    """The tier of this very step; what is not in the catalogue gets the highest."""
    known = CATALOGUE.get(step.verb)
    return known.tier_of(step) if known else 3
