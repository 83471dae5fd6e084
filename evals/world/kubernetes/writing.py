"""The writing verbs: create, update, patch, delete, and eviction."""

from __future__ import annotations

from evals.world.kubernetes.admission import admit
from evals.world.kubernetes.call import Answer, Call
from evals.world.kubernetes.changes import DeleteOptions
from evals.world.kubernetes.effects import Effect, Effects
from evals.world.kubernetes.errors import (
    BadRequest,
    FieldCause,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
    invalid,
)
from evals.world.kubernetes.eviction import evict
from evals.world.kubernetes.gate import Gate
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, meta, name_of, namespace_of
from evals.world.kubernetes.patches import (
    ALL_PATCH_TYPES,
    APPLY_PATCH,
    CUSTOM_PATCH_TYPES,
    PATCH_TYPES,
    patched,
)
from evals.world.kubernetes.reading import selection_of
from evals.world.kubernetes.representation import one
from evals.world.kubernetes.scale import scale_of
from evals.world.kubernetes.schema import Malformed, decoded
from evals.world.kubernetes.store import Store

# These answer a delete with the object; the others with a Status (ReturnDeletedObject in the real
# registries).
_RETURNS_OBJECT = (
    "pods",
    "services",
    "persistentvolumes",
    "persistentvolumeclaims",
    "resourcequotas",
    "serviceaccounts",
    "storageclasses",
)

_SCALE = Kind(resource="scales", kind="Scale", group="autoscaling")
_EVICTION = Kind(resource="evictions", kind="Eviction", group="policy")
_DELETE_OPTIONS = Kind(resource="deleteoptions", kind="DeleteOptions")


class Writer:
    """Carries out writes under the store's lock and records what they did."""

    def __init__(self, store: Store, effects: Effects) -> None:
        self._store = store
        self._effects = effects
        self._gate = Gate(store)

    def create(self, call: Call) -> Answer:
        """POST: a new object, or the eviction of a pod."""
        if call.target.subresource == "eviction" and call.kind.resource == "pods":
            return self._evict(call)
        # Real servers know no create at a name: a client that tries has built its path wrongly.
        if call.target.name or call.target.subresource:
            raise MethodNotAllowed("the server does not allow this method on the requested resource", {})
        sent = call.object()
        warnings = _unknown_fields(call, sent)
        _check_type(call.kind, sent)
        _check_namespace(call, sent)
        if call.kind.namespaced:
            meta(sent)["namespace"] = call.target.namespace
        with self._store.lock:
            # Under one lock with the write, or another request's change would be booked on this one.
            before = self._store.resource_version
            warnings += self._gate.creation(call, sent)
            made = self._store.create(call.kind.resource, sent, call.write_options)
            self._record(call, made, sent, before)
        return self._answer(call, made, 201, warnings)

    def update(self, call: Call) -> Answer:
        """PUT: a whole object, its status or its scale."""
        sent = call.object()
        warnings = _unknown_fields(call, sent)
        _check_type(_SCALE if call.target.subresource == "scale" else call.kind, sent)
        _check_namespace(call, sent)
        self._check_name(call, sent)
        with self._store.lock:
            return self._replace(call, sent, sent, warnings)

    def patch(self, call: Call) -> Answer:
        """PATCH: all three patch formats, against the object, its status or its scale; nothing in between."""
        if call.content_type == APPLY_PATCH:
            raise UnsupportedMediaType(
                "this pretend API server has no server-side apply: "
                f"accepted media types include: {', '.join(PATCH_TYPES)}",
                {},
            )
        kind, target = call.kind, call.target
        patch = call.document(*(CUSTOM_PATCH_TYPES if kind.custom else ALL_PATCH_TYPES))
        with self._store.lock:
            current = self._store.get(kind.resource, target.namespace, target.name)
            # A patch of the scale sees the little Scale object, never the workload behind it.
            base = scale_of(current) if target.subresource == "scale" else current
            wanted = patched(base, patch, call.content_type)
            try:
                warnings = _unknown_fields(call, wanted)
                self._check_name(call, wanted)
                return self._replace(call, wanted, patch, warnings)
            except Malformed as error:
                # What cannot be decoded after a patch is the patch's fault: 422, not 400.
                cause = FieldCause(field="patch", message=f"Invalid value: {error.problem}")
                raise invalid(("", "", ""), [cause]) from error

    def delete(self, call: Call) -> Answer:
        """DELETE of one object, with preconditions from the body."""
        kind, target = call.kind, call.target
        if target.subresource:
            raise MethodNotAllowed("the server does not allow this method on the requested resource", {})
        body = call.object() if call.body else {}
        options = _delete_options(body, call)
        with self._store.lock:
            before = self._store.resource_version
            self._gate.deletion(call, self._store.get(kind.resource, target.namespace, target.name), options)
            gone = self._store.delete(kind.resource, target.namespace, target.name, options)
            self._record(call, gone, body, before)
        if kind.resource in _RETURNS_OBJECT or meta(gone).get("finalizers"):
            return Answer(body=one(kind, gone, call.form, self._store.clock.now()))
        return Answer(body=_deleted(kind, gone))

    def deletecollection(self, call: Call) -> Answer:
        """DELETE of everything a selector picks."""
        body = call.object() if call.body else {}
        options, selection = _delete_options(body, call), selection_of(call)
        with self._store.lock:
            # One by one, as the real server does: a collection's delete is not one transaction.
            for obj in self._store.peek(call.kind.resource, selection.namespace or None):
                if not selection.includes(obj):
                    continue
                before = self._store.resource_version
                self._gate.deletion(call, obj, options)
                gone = self._store.delete(call.kind.resource, namespace_of(obj), name_of(obj), options)
                self._record(call, gone, body, before)
        return Answer(body={"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    def _evict(self, call: Call) -> Answer:
        sent, _ = decoded(_EVICTION, call.object())
        if (sent.get("apiVersion"), sent.get("kind")) not in (
            ("policy/v1", "Eviction"),
            ("policy/v1beta1", "Eviction"),
        ):
            raise BadRequest("not an Eviction object")
        # Clients differ in whether the body names the pod; only a wrong name is an error.
        if name_of(sent) and name_of(sent) != call.target.name:
            raise BadRequest("name in URL does not match name in Eviction object")
        options = _delete_options(sent.get("deleteOptions") or {}, call)
        with self._store.lock:
            before = self._store.resource_version
            pod = self._store.get("pods", call.target.namespace, call.target.name)
            self._gate.eviction(call, sent, options)
            status = evict(self._store, pod, options)
            self._record(call, pod, sent, before)
        return Answer(body=status, status=201)

    def _replace(self, call: Call, wanted: JsonObject, sent: object, warnings: list[str]) -> Answer:
        target, kind = call.target, call.kind
        if kind.namespaced:
            meta(wanted)["namespace"] = target.namespace
        # The address decides; a body that names another object was refused before.
        meta(wanted)["name"] = target.name
        allowed = {"": True, "status": kind.status, "scale": kind.scale}
        if not allowed.get(target.subresource, False):
            raise NotFound("the server could not find the requested resource", {})
        if not target.subresource:
            admit(self._store, kind, self._store.get(kind.resource, target.namespace, target.name), wanted)
        # Compared afterwards: a write that changed nothing is no effect.
        before = self._store.resource_version
        warnings += self._gate.change(call, wanted)
        now = self._store.update(kind.resource, wanted, target.subresource, call.write_options)
        self._record(call, now, sent, before)
        return self._answer(call, now, 200, warnings)

    def _answer(self, call: Call, obj: JsonObject, status: int, warnings: list[str]) -> Answer:
        if call.target.subresource == "scale":
            return Answer(body=scale_of(obj), status=status)
        body = one(call.kind, obj, call.form, self._store.clock.now())
        return Answer(body=body, status=status, warnings=tuple(warnings))

    def _check_name(self, call: Call, sent: JsonObject) -> None:
        if name_of(sent) != call.target.name:
            raise BadRequest(
                f"the name of the object ({name_of(sent)}) does not match "
                f"the name on the URL ({call.target.name})"
            )

    def _record(self, call: Call, obj: JsonObject, body: object, before: int) -> None:
        """Called under the lock: whatever moved the version since ``before`` is this request's doing."""
        version = self._store.resource_version
        if version == before:
            return
        self._effects.record(
            Effect(
                user=call.user.name,
                verb=call.verb,
                resource=call.kind.resource,
                subresource=call.target.subresource,
                namespace=namespace_of(obj),
                name=name_of(obj),
                body=body,
                resource_version=version,
            )
        )


def _check_type(kind: Kind, sent: JsonObject) -> None:
    version = sent.get("apiVersion") or kind.api_version
    if version != kind.api_version:
        raise BadRequest(
            f"the API version in the data ({version}) does not match "
            f"the expected API version ({kind.api_version})"
        )
    if sent.get("kind") not in (None, "", kind.kind):
        raise BadRequest(
            f'{sent.get("kind")} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f'no kind "{sent.get("kind")}" is registered for version "{kind.api_version}"'
        )


def _check_namespace(call: Call, sent: JsonObject) -> None:
    given = namespace_of(sent)
    if call.kind.namespaced and given and given != call.target.namespace:
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _unknown_fields(call: Call, obj: JsonObject) -> list[str]:
    """Warnings about fields the kind does not have; raises BadRequest under ``fieldValidation=Strict``."""
    # Warn is the server's default since 1.25; before that an unknown field vanished in silence.
    policy = call.query.get("fieldValidation", "Warn")
    kind = _SCALE if call.target.subresource == "scale" else call.kind
    _, unknown = decoded(kind, obj)
    words = [f'unknown field "{path}"' for path in unknown]
    if words and policy == "Strict":
        raise BadRequest(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f"strict decoding error: {', '.join(words)}"
        )
    return words if policy == "Warn" else []


def _delete_options(sent: JsonObject, call: Call) -> DeleteOptions:
    body, _ = decoded(_DELETE_OPTIONS, sent)
    wanted = body.get("preconditions") or {}
    propagation = body.get("propagationPolicy") or call.query.get("propagationPolicy") or "Background"
    # The old word for it, still sent by old clients.
    if body.get("orphanDependents"):
        propagation = "Orphan"
    return DeleteOptions(
        uid=wanted.get("uid"),
        resource_version=wanted.get("resourceVersion"),
        propagation=propagation,
        dry_run=call.dry_run or "All" in (body.get("dryRun") or []),
    )


def _deleted(kind: Kind, obj: JsonObject) -> JsonObject:
    about = {"name": name_of(obj), "kind": kind.resource, "uid": meta(obj)["uid"]}
    if kind.group:
        about["group"] = kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": about}
