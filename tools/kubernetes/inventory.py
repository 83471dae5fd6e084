"""One bounded look at a namespace: what was read, what was asked, and what could not be read.

A failed read is recorded, never taken for "nothing there". Objects are cleaned before they get
here; see ``cleaning``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from tools.kubernetes.cleaning import cleaned
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

__all__ = ["Inventory", "Query", "cleaned", "lines"]

WITHHELD = frozenset({"Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
"""Kinds that the shipped role does not let the reader list: the values of Secrets would be in the answer,
whatever is kept of it, and who may do what is only advised on. Of another account they are read."""
METADATA_ONLY = frozenset({"Secret"})
"""Kinds of which only the metadata is asked for."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One list that was asked for: its kind, where, the URL path, when, and how many came back.

    ``silent``: the server gave no answer, so that another time may tell more. ``refused``: this account may
    not ask.
    """

    kind: str
    namespace: str
    path: str
    count: int
    ok: bool
    problem: str = ""
    truncated: bool = False
    silent: bool = False
    refused: bool = False
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """A frozen snapshot. Objects carry their ``kind``; lists keep the server's order.

    ``whole``: the objects are all there are, of every kind, as somebody says who hands in a ``List``.
    """

    by_kind: dict[str, tuple[JsonObject, ...]] = field(default_factory=dict)
    queries: tuple[Query, ...] = ()
    whole: bool = False

    def objects(self, kind: str) -> tuple[JsonObject, ...]:
        """Every object of this kind that was read."""
        return self.by_kind.get(kind, ())

    def find(self, ref: ObjectRef) -> JsonObject | None:
        """The object with this kind, namespace and name, or None when it was not read.

        With a uid in ``ref`` an object of the same name that came later is not it.
        """
        found = self._index.get(ref.key)
        uid = (found or {}).get("metadata", {}).get("uid", "")
        return None if ref.uid and uid and ref.uid != uid else found

    @property
    def silent(self) -> bool:
        """Whether the server left a question without an answer."""
        return any(query.silent for query in self.queries)

    def unread(self, kind: str, namespace: str) -> bool:
        """Whether there may be objects of this kind in this namespace (or in none) that were not read."""
        return any(not q.ok or q.truncated for q in self._of(kind, namespace))

    def looked_at(self, kind: str, namespace: str) -> bool:
        """Whether all objects of this kind there were read, so that the absence of one means something."""
        asked = self._of(kind, namespace)
        return self.whole or (bool(asked) and all(q.ok and not q.truncated for q in asked))

    @property
    def not_checked(self) -> tuple[str, ...]:
        """One sentence per read that failed or was cut short, but for those that are meant to be refused."""
        failed = [
            f"{q.kind} in {q.namespace or 'the cluster'}: {q.problem}"
            for q in self.queries
            if not q.ok and not self._meant(q)
        ]
        cut = [f"{q.kind}: only the first {q.count} were read" for q in self.queries if q.truncated]
        # A kind that every namespace shares is asked for with each of them.
        return tuple(dict.fromkeys(failed + cut))

    def withheld(self, kind: str, namespace: str) -> bool:
        """Whether this account may not list a kind that the reader's role leaves out on purpose."""
        return any(self._meant(q) for q in self._of(kind, namespace))

    @property
    def left_out(self) -> tuple[str, ...]:
        """One sentence for each kind that this account is meant not to list."""
        kinds = dict.fromkeys(q.kind for q in self.queries if self._meant(q))
        return tuple(f"{kind}: the reader's account may not list them" for kind in kinds)

    @staticmethod
    def _meant(query: Query) -> bool:
        # Said on every card it would be read on none; where it matters, ``agents`` says it.
        return query.refused and query.kind in WITHHELD

    @classmethod
    def of_list(cls, content: JsonObject) -> Inventory:
        """An inventory from a ``List`` (as ``kubectl get -o json`` writes it) or a list of one kind."""
        by_kind: dict[str, list[JsonObject]] = {}
        # The items of a PodList do not say what they are; those of a List do.
        shared = str(content.get("kind") or "").removesuffix("List")
        for obj in content.get("items") or []:
            kind = obj.get("kind") or shared
            by_kind.setdefault(kind, []).append(cleaned({**obj, "kind": kind}))
        return cls(
            by_kind={kind: tuple(objects) for kind, objects in by_kind.items()},
            whole=content.get("kind") == "List",
        )

    def _of(self, kind: str, namespace: str) -> list[Query]:
        return [query for query in self._asked.get(kind, ()) if query.namespace in ("", namespace)]

    @cached_property
    def _asked(self) -> dict[str, list[Query]]:
        # Fifty kinds, and a question for every name that some object mentions.
        asked: dict[str, list[Query]] = {}
        for query in self.queries:
            asked.setdefault(query.kind, []).append(query)
        return asked

    @cached_property
    def _index(self) -> dict[tuple[str, str, str], JsonObject]:
        # Found by name thousands of times in one diagnosis; the first of a name wins.
        pairs = ((ref_of(obj).key, obj) for objects in self.by_kind.values() for obj in reversed(objects))
        return dict(pairs)


def lines(obj: JsonObject) -> Iterator[str]:
    """The object as ``kind place /pointer = value`` lines, values literal: evidence to quote from.

    A line break inside a value is written ``\\n``: a message may not pose as another line.
    """
    name = str(ref_of(obj))
    for pointer, value in _leaves(obj, ""):
        if not pointer.startswith(("/metadata/managedFields", "/kind", "/apiVersion")):
            shown = str(value).replace("\r", "\\r").replace("\n", "\\n")
            yield f"{name} {pointer} = {shown}"


def _leaves(value: object, pointer: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        items: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield pointer, value
        return
    for key, inner in items:
        yield from _leaves(inner, f"{pointer}/{key}")
