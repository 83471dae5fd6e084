"""A verb that turns one switch of an object on or off."""

from __future__ import annotations

from typing import ClassVar

from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import read


class Switch(Verb):
    """``pointer`` is where the switch stands, ``on`` what this verb turns it to."""

    pointer: ClassVar[Pointer]
    on: ClassVar[bool]
    does: ClassVar[tuple[str, str]]
    """What turning it on and what turning it off does, as the sentence begins."""

    def turned(self, target: JsonObject) -> Step | Refused:
        """The step that turns it, or a refusal when it already stands so."""
        # Absent and false are one to the API, and two to a patch.
        if (read(target, self.pointer) is True) is self.on:
            return Refused(reason=f"{self.pointer} already is {str(self.on).lower()}")
        return step_for(self, target, {self.pointer: self._value(self.on)})

    def _value(self, on: bool) -> bool | None:
        # Where false is dropped by the server, nothing is what it will be found as.
        return None if not on and self.adds else on

    def bounds(self, step: Step) -> Refused | None:
        """True or false, and nothing else."""
        for value in step.set.values():
            off = value is False or (value is None and self.adds)
            if not (value is True or off):
                return Refused(reason=f"{value!r} is neither on nor off")
        return None

    def sentence(self, step: Step) -> str:
        """Says what the step does to the target."""
        words = self.does[0] if step.set[self.pointer] is True else self.does[1]
        return words.format(target=step.target)
