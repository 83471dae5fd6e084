"""The prompts, as files: our own words only. Evidence never enters here.

A prompt is named by its stage and known by the digest of its text, which the ledger keeps with each question:
so an answer can be held against the very words that asked for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Stage = Literal["opinion", "summary", "question"]
"""``opinion``: the rules are unsure and the model chooses among what they found. ``summary``: they are
sure, and it explains. ``question``: a person asks in the thread what no rule answers."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """The text of one prompt file."""

    stage: Stage
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """Name and digest, as the ledger keeps it."""
        return f"{self.stage}@{self.digest}"


@cache
def words(stage: Stage) -> Words:
    """The prompt of a stage, read once a process."""
    return Words(stage=stage, text=files(__name__).joinpath(f"{stage}.md").read_text(encoding="utf-8"))
