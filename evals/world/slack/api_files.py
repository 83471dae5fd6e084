"""Uploads, version 2: ask for an address, send the bytes there, then complete and share.

https://docs.slack.dev/reference/methods/files.getUploadURLExternal
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from evals.world.slack.api_chat import own_channel, signature
from evals.world.slack.state import Workspace, new_id
from evals.world.slack.wire import JsonObject, SlackError, need, whole

# How much of a text file the page shows in place.
PREVIEW_CHARACTERS: Final = 2_000
# What a picture begins with; a name says nothing about what is inside. SVG is text here: it can hold scripts.
_PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a file is, by its bytes."""

    filetype: str
    mimetype: str
    picture: bool = False


def kind_of(body: bytes) -> Kind:
    """PNG, JPEG or GIF by their first bytes; text when it is UTF-8; else just bytes."""
    for begin, name in _PICTURES.items():
        if body.startswith(begin):
            return Kind(filetype=name, mimetype=f"image/{name.replace('jpg', 'jpeg')}", picture=True)
    try:
        body.decode()
    except UnicodeDecodeError:
        return Kind(filetype="binary", mimetype="application/octet-stream")
    return Kind(filetype="text", mimetype="text/plain")


def get_upload_url(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``files.getUploadURLExternal``: an address on this server for exactly ``length`` bytes."""
    name = need(arguments, "filename")
    length = whole(arguments, "length", default=0)
    # An empty file is an error with Slack too.
    if length <= 0:
        raise SlackError("invalid_arguments")
    file_id = new_id("F")
    workspace.files[file_id] = {"id": file_id, "name": name, "title": name, "size": length, "created": 0}
    return {"upload_url": f"{workspace.base_url}/upload/v1/{file_id}", "file_id": file_id}


def receive(workspace: Workspace, file_id: str, body: bytes) -> bool:
    """Bytes arriving at an upload address; False when the address is unknown or the length differs."""
    if file_id not in workspace.files or len(body) != workspace.files[file_id]["size"]:
        return False
    workspace.contents[file_id] = body
    return True


def complete_upload(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``files.completeUploadExternal``: share uploaded files into a channel or thread as one message."""
    listed = arguments.get("files")
    if not isinstance(listed, list) or not listed:
        raise SlackError("invalid_arguments")
    files = [_finished(workspace, entry) for entry in listed]
    if arguments.get("channel_id"):
        channel = own_channel(workspace, {"channel": arguments["channel_id"]})
        message = signature(workspace) | {"text": str(arguments.get("initial_comment") or ""), "files": files}
        if arguments.get("thread_ts"):
            message["thread_ts"] = str(arguments["thread_ts"])
        workspace.post(channel, message)
    return {"files": files}


def _finished(workspace: Workspace, entry: JsonObject) -> JsonObject:
    file_id = str(entry.get("id"))
    if file_id not in workspace.contents:
        raise SlackError("file_not_found")
    body = workspace.contents[file_id]
    file = workspace.files[file_id]
    kind = kind_of(body)
    link = f"{workspace.base_url}/files/{file_id}"
    file |= {
        "title": entry.get("title") or file["name"],
        "created": int(workspace.now()),
        "user": workspace.credentials.bot_user_id,
        "mode": "snippet" if kind.filetype == "text" else "hosted",
        "filetype": kind.filetype,
        "mimetype": kind.mimetype,
        "url_private": link,
        "permalink": link,
        # Slack has no such field; it lets a test compare what was shared with what was announced.
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return file | _shown(body, kind)


def _shown(body: bytes, kind: Kind) -> JsonObject:
    """What lets a client show the file before it has fetched it."""
    if kind.filetype == "text":
        text = body.decode()
        lines = text.count("\n") + (not text.endswith("\n"))
        preview = text[:PREVIEW_CHARACTERS]
        return {"preview": preview, "lines": lines, "preview_is_truncated": len(preview) < len(text)}
    # A PNG tells its size in its first chunk; a page that knows it does not jump when the picture comes.
    if kind.filetype == "png" and len(body) >= 24:
        width, height = int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
        return {"original_w": width, "original_h": height}
    return {}
