"""One request as the verbs see it, and one answer as they give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.errors import (
    BadRequest,
    FieldCause,
    NotFound,
    UnsupportedMediaType,
    invalid,
)
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject
from evals.world.kubernetes.paths import Target
from evals.world.kubernetes.protobuf import PROTOBUF, UnreadableProtobuf, from_protobuf
from evals.world.kubernetes.rbac import User
from evals.world.kubernetes.representation import Form

_JSON, _YAML = "application/json", "application/yaml"


@dataclass(frozen=True, kw_only=True)
class Call:
    """An authenticated, authorized request for a known resource."""

    user: User
    verb: str
    target: Target
    form: Form
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def kind(self) -> Kind:
        """The kind of the addressed resource; raises NotFound when there is none."""
        if self.target.kind is None:
            raise NotFound("the server could not find the requested resource", {})
        return self.target.kind

    @property
    def dry_run(self) -> bool:
        """Whether the query asks for a dry run; raises Invalid on anything but ``All``.

        A server that ignored an unknown value would write in earnest what was meant as a rehearsal.
        """
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            message = f'Unsupported value: "{value}": supported values: "All"'
            cause = FieldCause(field="dryRun", message=message, reason="FieldValueNotSupported")
            raise invalid(("UpdateOptions", "meta.k8s.io", ""), [cause])
        return value == "All"

    @property
    def manager(self) -> str:
        """The field manager: as given, else the client's name out of its User-Agent.

        Real servers do the same, so ``managedFields`` tell who wrote even when nobody said so.
        """
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").split("/")[0]

    @property
    def write_options(self) -> WriteOptions:
        """How the store is to carry this write out."""
        return WriteOptions(dry_run=self.dry_run, manager=self.manager)

    @property
    def content_type(self) -> str:
        """The body's media type without parameters."""
        return self.headers.get("content-type", _JSON).split(";")[0].strip().lower() or _JSON

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is set."""
        return self.query.get(name, "").lower() in ("true", "1")

    def document(self, *types: str) -> Any:
        """The decoded body; ``types`` are the media types allowed beside JSON and YAML."""
        if self.content_type not in (types or (_JSON, _YAML)):
            raise _unsupported(*(types or (_JSON, _YAML)))
        try:
            return yaml.safe_load(self.body) if self.content_type == _YAML else orjson.loads(self.body)
        except (orjson.JSONDecodeError, yaml.YAMLError) as error:
            raise BadRequest(
                f"the object provided is unrecognized (must be of type {self.kind.kind}): "
                f"couldn't get version/kind; json parse error: {error}"
            ) from error

    def object(self) -> JsonObject:
        """The body as an object of some kind; raises BadRequest when it is something else."""
        if self.content_type == PROTOBUF:
            try:
                return from_protobuf(self.body)
            except UnreadableProtobuf:
                raise _unsupported(_JSON, _YAML) from None
        found = self.document()
        if not isinstance(found, dict):
            raise BadRequest("the request body must be an object")
        return found


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send back. A string body goes out as plain text, anything else as JSON."""

    body: JsonObject | str
    status: int = 200
    warnings: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def _unsupported(*types: str) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - "
        f"accepted media types include: {', '.join(types)}",
        {},
    )


def number(call: Call, name: str) -> int:
    """A non-negative integer query parameter, 0 when absent; raises BadRequest."""
    text = call.query.get(name, "") or "0"
    # Worded by Go: clients and people search for exactly this text.
    if not text.isdigit():
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)
