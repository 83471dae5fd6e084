"""The forms an answer can take: whole objects, their metadata only, or a Table of printed columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from evals.world.kubernetes.errors import NotAcceptable
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, meta
from evals.world.kubernetes.tables import columns_of, row_of

_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_JSON_TYPES = ("application/json", "application/*", "*/*")
_META = "meta.k8s.io/v1"


@dataclass(frozen=True, kw_only=True)
class Form:
    """What the client asked for: ``as_`` is empty, ``Table`` or ``PartialObjectMetadata``; rows
    include objects so.
    """

    as_: str = ""
    include: str = "Metadata"


def negotiate(accept: str, include: str = "") -> Form:
    """The first form the client accepts that this server has; raises NotAcceptable (406)."""
    # In the order given: kubectl lists the Table first and plain JSON as its fallback.
    for choice in (accept or "*/*").split(","):
        mime, *rest = (part.strip() for part in choice.split(";"))
        parameters = dict(part.partition("=")[::2] for part in rest)
        wanted = parameters.get("as", "").removesuffix("List")
        if mime in _JSON_TYPES and wanted in ("", "Table", "PartialObjectMetadata"):
            return Form(as_=wanted, include=include or "Metadata")
    raise NotAcceptable(f"only the following media types are accepted: {_ACCEPTED}")


def one(kind: Kind, obj: JsonObject, form: Form, now: datetime) -> JsonObject:
    """A single object in the wanted form."""
    if form.as_ == "PartialObjectMetadata":
        return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": meta(obj)}
    if form.as_ == "Table":
        return _table(kind, [obj], form, now)
    return obj


def many(kind: Kind, items: Iterable[JsonObject], form: Form, now: datetime) -> JsonObject:
    """A list in the wanted form; the caller fills in its metadata."""
    if form.as_ == "Table":
        return _table(kind, items, form, now)
    if form.as_ == "PartialObjectMetadata":
        whole = [{"metadata": meta(item)} for item in items]
        return {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": {}, "items": whole}
    # Items of a typed list carry neither kind nor apiVersion on the wire.
    bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": {}, "items": bare}


def _table(kind: Kind, items: Iterable[JsonObject], form: Form, now: datetime) -> JsonObject:
    rows = []
    for item in items:
        row: JsonObject = {"cells": row_of(kind, item, now)}
        if form.include == "Object":
            row["object"] = item
        elif form.include == "Metadata":
            row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": meta(item)}
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": _META,
        "metadata": {},
        "columnDefinitions": columns_of(kind),
        "rows": rows,
    }
