"""What the site's builder is told about pages that are read in the repository as well."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import Any

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """A link out of docs/ leads to a file of the repository, which the site does not hold: its name stays."""
    here = PurePosixPath("docs") / PurePosixPath(page.file.src_uri).parent

    def shown(match: re.Match[str]) -> str:
        target = os.path.normpath(here / match[2])
        if target.startswith("docs/"):
            return match[0]
        return match[1] if match[1].strip("`") == target.rstrip("/") else f"{match[1]} (`{target}`)"

    return _LINK.sub(shown, markdown)
