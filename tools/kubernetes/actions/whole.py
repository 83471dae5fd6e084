"""Verbs whose step is a whole object: one that is created, or one that goes."""

from __future__ import annotations

import re

from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Refused, Verb

WHOLE = ""
"""The pointer of the whole object (RFC 6901)."""


class WholeVerb(Verb):
    """A verb that sets the whole object, from nothing or to nothing."""

    sets = re.compile(WHOLE)
    adds = True

    def check(self, step: Step) -> Refused | None:
        """One whole object that is not there yet, or one that is pinned by its uid and goes."""
        misplaced = self.misplaced(step)
        if misplaced:
            return misplaced
        if step.set.keys() != {WHOLE} or step.creates is (step.set[WHOLE] is None):
            return Refused(reason=f"{self.name} makes a whole object or takes one away, and nothing else")
        if not step.creates and step.expect.get("/metadata/uid") != step.uid:
            return Refused(reason=f"nothing pins {step.target} to the one that was shown")
        return self.bounds(step)
