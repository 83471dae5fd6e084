"""Ask for more storage for one volume claim; there is no way back."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import read
from tools.kubernetes.quantities import QuantityError, amount, canonical

_POINTER = "/spec/resources/requests/storage"
_CLASS = "/spec/storageClassName"
MOST_FACTOR = 4.0
"""More than this in one step is a slip of the unit, whatever policy allows: it cannot be taken back."""


class ExpandPvc(Verb):
    """Parameters: ``value``, a quantity, and ``storage_class``, the claim's StorageClass as it was read."""

    name = "expand_pvc"
    kinds = ("PersistentVolumeClaim",)
    tier = 2
    fields = (_POINTER,)
    sets = pattern(*fields)
    risks = "It costs storage for as long as the claim lives; some drivers finish only when the pod restarts."
    when_not = "The class does not allow expansion, or old data that may go fills the volume."
    verify = ("volume_grown",)
    reversible = False
    undo = "Cannot be undone: a volume claim never shrinks."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses less, more than ``context.limit_factor`` times, unbound claims, and classes that cannot."""
        held = params["storage_class"]
        if held["metadata"]["name"] != read(target, _CLASS) or held.get("allowVolumeExpansion") is not True:
            return Refused(reason="the claim's storage class does not allow expansion")
        if read(target, "/status/phase") != "Bound":
            return Refused(reason="the claim is not bound to a volume")
        try:
            value = canonical(params["value"])
            against = _against(read(target, _POINTER), value, context.limit_factor)
        except QuantityError as problem:
            return Refused(reason=str(problem))
        return against or step_for(self, target, {_POINTER: value})

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The storage class."""
        del target, changes
        return (_CLASS,)

    def bounds(self, step: Step) -> Refused | None:
        """Upwards, and not absurdly far."""
        try:
            return _against(step.expect[_POINTER], step.set[_POINTER], MOST_FACTOR)
        except QuantityError as problem:
            return Refused(reason=str(problem))

    def sentence(self, step: Step) -> str:
        """Names the claim and both sizes, and that there is no way back."""
        old, new = step.expect[_POINTER], step.set[_POINTER]
        return f"Expand {step.target} from {old} to {new}; this cannot be undone"

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """Refuses: there is none."""
        del live
        return Refused(reason=f"{step.target} cannot shrink: an expansion cannot be undone")


def _against(present: object, value: object, factor: float) -> Refused | None:
    before, after = amount(str(present)), amount(str(value))
    if after <= before:
        return Refused(reason=f"{value} is not more than the present {present}")
    if after > before * factor:
        return Refused(reason=f"{value} is more than {factor:g} times the present {present}")
    return None
