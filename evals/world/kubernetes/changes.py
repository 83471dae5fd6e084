"""What may be asked of the store beyond the object itself, and what it tells its subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evals.world.kubernetes.errors import Conflict, details
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, meta

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, kw_only=True)
class WatchEvent:
    """One committed change. ``object`` is the stored object and must not be modified; ``previous`` the
    one before.
    """

    type: EventType
    resource: str
    object: JsonObject
    resource_version: int
    previous: JsonObject | None = None


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How a create or update is carried out: ``manager`` is recorded as field manager, a dry run
    stores nothing.
    """

    dry_run: bool = False
    manager: str = ""


@dataclass(frozen=True, kw_only=True)
class DeleteOptions:
    """Preconditions and manner of a delete; ``propagation`` is Background, Foreground (treated alike)
    or Orphan.
    """

    uid: str | None = None
    resource_version: str | None = None
    propagation: str = "Background"
    dry_run: bool = False


def check_versions(kind: Kind, old: JsonObject, claimed: JsonObject) -> None:
    """Raise Conflict when the object that was sent is not based on the stored one."""
    about = details(str(meta(old)["name"]), kind.group, kind.resource)
    head = f'Operation cannot be fulfilled on {kind.qualified} "{meta(old)["name"]}": '
    # A uid in the object counts as a precondition: the name may have been taken over by another object.
    if claimed.get("uid") and claimed["uid"] != meta(old)["uid"]:
        raise Conflict(
            f"{head}Precondition failed: UID in precondition: {claimed['uid']}, "
            f"UID in object meta: {meta(old)['uid']}",
            about,
        )
    # No version, or 0, asks for an unconditional update, which most kinds allow.
    if claimed.get("resourceVersion") not in (None, "", "0", meta(old)["resourceVersion"]):
        raise Conflict(
            f"{head}the object has been modified; "
            "please apply your changes to the latest version and try again",
            about,
        )


def check_preconditions(kind: Kind, old: JsonObject, options: DeleteOptions) -> None:
    """Raise Conflict when a delete names another uid or version than the stored one."""
    about = details(str(meta(old)["name"]), kind.group, kind.resource)
    head = f'Operation cannot be fulfilled on {kind.qualified} "{meta(old)["name"]}": the '
    for label, wanted, actual in (
        ("UID", options.uid, meta(old)["uid"]),
        ("ResourceVersion", options.resource_version, meta(old)["resourceVersion"]),
    ):
        if wanted is not None and wanted != actual:
            raise Conflict(
                f"{head}{label} in the precondition ({wanted}) does not match "
                f"the {label} in record ({actual}). The object might have been deleted and then recreated",
                about,
            )
