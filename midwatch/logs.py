"""Our log on standard error. Whatever is written there is redacted first: an exception quotes strangers."""

from __future__ import annotations

import logging

from tools.redaction import redact

SHOWN_ONCE = {"shown_once": True}
"""For the one line that is meant to show a secret: the login token of the first start."""


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if getattr(record, "shown_once", False) else redact(text)


def begin(level: str) -> None:
    """Log from this level on, with tracebacks, through the redaction (threat T27)."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level)
