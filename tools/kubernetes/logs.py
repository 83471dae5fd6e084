"""The end of a container's log, never more than a diagnosis can use (threat T30)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.objects import is_name, is_namespace

TAIL_LINES = 500
LOG_BYTES = 256 * 1024
# ``limitBytes`` cuts off the end, which is where a crash is told: ask for fewer lines instead.
_TAILS = (TAIL_LINES, 100, 20, 3)


@dataclass(frozen=True, kw_only=True)
class LogText:
    """The end of one container's log; ``ok`` False means ``text`` holds why it could not be read.

    Each line begins with the moment at which it was written, see ``log_lines``.
    ``truncated``: there were earlier lines within the wanted number that were too long to read.
    """

    path: str
    text: str
    ok: bool
    truncated: bool = False


def read_log(cluster: Connection, pod: tuple[str, str], container: str, *, previous: bool) -> LogText:
    """The last lines of a container (``pod`` is namespace and name); why not, when it cannot be read."""
    if not (is_namespace(pod[0]) and is_name(pod[1])):
        return LogText(path="", text="no pod can have this name; it was not asked for", ok=False)
    path = f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/log"
    shown = f"{path}?container={quote(container, safe='')}&previous={str(previous).lower()}"
    body = b""
    asked = 0
    try:
        for asked in _TAILS:
            body = cluster.send_raw(_tail(path, container, asked, previous))
            if len(body) < LOG_BYTES:
                break
    except KubernetesError as problem:
        return LogText(path=shown, text=str(problem), ok=False)
    # The server may cut within a character, so the last one can be half.
    text = body[:LOG_BYTES].decode("utf-8", "replace")
    return LogText(path=shown, text=text, ok=True, truncated=asked < TAIL_LINES)


def _tail(path: str, container: str, lines: int, previous: bool) -> Request:
    query = (
        ("container", container),
        ("tailLines", str(lines)),
        ("limitBytes", str(LOG_BYTES)),
        ("previous", str(previous).lower()),
        # When a line was written tells what was there before an alert and what came with it.
        ("timestamps", "true"),
    )
    return Request(method="GET", path=path, query=query, accept="*/*")
