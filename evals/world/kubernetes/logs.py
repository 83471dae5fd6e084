"""``pods/log``: which part of a container's output a request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from evals.world.kubernetes.errors import BadRequest, InternalError
from evals.world.kubernetes.objects import JsonObject, name_of, namespace_of


class LogSource(Protocol):
    """Where container output comes from."""

    def read(self, namespace: str, pod: str, container: str, previous: bool) -> str | None:
        """Everything one run of a container has printed, or None when that run never existed.

        Each line begins with its moment (RFC 3339) and a space, as in the kubelet's log files; lines without
        one are served as they are and belong to every ``sinceSeconds``.
        """
        ...


class NoLogs:
    """A source that has nothing for anybody."""

    def read(self, namespace: str, pod: str, container: str, previous: bool) -> str | None:
        """None, always."""
        del namespace, pod, container, previous
        return None


def pod_log(source: LogSource, pod: JsonObject, query: Mapping[str, str], now: datetime) -> str:
    """The text a ``GET pods/log`` answers; raises BadRequest worded as the real server's."""
    container = _chosen(pod, query.get("container", ""))
    previous = query.get("previous") in ("true", "1")
    text = source.read(namespace_of(pod), name_of(pod), container, previous)
    if text is None:
        raise _absent(pod, container, previous)
    lines = [_Line(raw) for raw in text.splitlines()]
    if (since := _since(query, now)) is not None:
        lines = [line for line in lines if line.at is None or line.at >= since]
    if "tailLines" in query:
        count = _number(query, "tailLines")
        # lines[-0:] would be everything.
        lines = lines[-count:] if count else []
    stamped = query.get("timestamps") in ("true", "1")
    answer = "".join(f"{line.raw if stamped else line.text}\n" for line in lines)
    if "limitBytes" in query:
        # Bytes, not characters; a character cut in two is left out.
        answer = answer.encode()[: _number(query, "limitBytes")].decode(errors="ignore")
    return answer


class _Line:
    def __init__(self, raw: str) -> None:
        head, _, rest = raw.partition(" ")
        self.raw, self.at, self.text = raw, _moment(head), rest
        if self.at is None:
            self.text = raw


def _moment(text: str) -> datetime | None:
    # Cheap look before parsing: most lines of an unstamped log do not begin with a year.
    if not text[:4].isdigit() or "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _since(query: Mapping[str, str], now: datetime) -> datetime | None:
    if "sinceSeconds" in query:
        return now - timedelta(seconds=_number(query, "sinceSeconds"))
    if "sinceTime" in query:
        moment = _moment(query["sinceTime"])
        if moment is None:
            raise BadRequest(f"invalid sinceTime: {query['sinceTime']}")
        return moment
    return None


def _number(query: Mapping[str, str], name: str) -> int:
    value = query[name]
    if not value.isdigit():
        raise BadRequest(f'strconv.ParseInt: parsing "{value}": invalid syntax')
    return int(value)


def _chosen(pod: JsonObject, wanted: str) -> str:
    spec = pod.get("spec") or {}
    names = [each["name"] for group in ("initContainers", "containers") for each in spec.get(group) or []]
    if wanted:
        if wanted not in names:
            raise BadRequest(f"container {wanted} is not valid for pod {name_of(pod)}")
        return wanted
    mains = [each["name"] for each in spec.get("containers") or []]
    if len(mains) == 1:
        return str(mains[0])
    raise BadRequest(
        f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(mains)}]"
    )


def _absent(pod: JsonObject, container: str, previous: bool) -> BadRequest | InternalError:
    status = pod.get("status") or {}
    if previous:
        return BadRequest(f'previous terminated container "{container}" in pod "{name_of(pod)}" not found')
    if not (pod.get("spec") or {}).get("nodeName"):
        # A pod without a node has no kubelet to ask; the real server says exactly nothing more.
        return BadRequest(f"pod {name_of(pod)} does not have a host assigned")
    states = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    state = next((each.get("state") or {} for each in states if each.get("name") == container), {})
    reason = (state.get("waiting") or {}).get("reason", "ContainerCreating")
    trouble = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
        "InvalidImageName": "image name is invalid",
    }.get(reason, reason)
    return BadRequest(f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {trouble}')
