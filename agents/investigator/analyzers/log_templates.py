"""Error lines by their template: which kinds there are, how often each came before and after a moment.

The templates are mined with Drain (He et al., ICWS 2017) as drain3 has it, anew for each log: nothing
is kept, and the same lines give the same templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.investigator.analyzers.fields import quotable
from tools.kubernetes.log_lines import LogLine

MOST_TEMPLATES = 48
"""Kinds that are told apart at a time; where no line is like another the oldest are forgotten."""

_LONGEST, _MOST_WORDS = 400, 24
_MASKS = (
    (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "ID"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?", "TIME"),
    (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b", "IP"),
    (r"\b(?=[a-f]*\d)[0-9a-f]{8,64}\b", "HEX"),
    (r"(?<![A-Za-z])\d+(?:\.\d+)?", "NUM"),
)


@dataclass(frozen=True, kw_only=True)
class Template:
    """One kind of line: its text with what varies left open, how often, when; its newest line whole."""

    text: str
    count: int
    first: datetime | None
    times: tuple[datetime, ...]
    newest: str


def templates(lines: Sequence[LogLine]) -> tuple[Template, ...]:
    """The kinds of these lines, in the order of their newest line."""
    # Imported where it is used: most looks meet no error line, and it costs a tenth of a second.
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.drain_max_clusters = MOST_TEMPLATES
    config.masking_instructions = [MaskingInstruction(form, name) for form, name in _MASKS]
    miner = TemplateMiner(config=config)
    members: dict[int, list[LogLine]] = {}
    texts: dict[int, str] = {}
    for line in lines:
        found = miner.add_log_message(" ".join(line.text[:_LONGEST].split()[:_MOST_WORDS]))
        number = int(found["cluster_id"])
        members.setdefault(number, []).append(line)
        texts[number] = str(found["template_mined"])
        # Popped and put back: the kind that was seen last stands last.
        members[number] = members.pop(number)
    return tuple(_template(texts[number], found) for number, found in members.items())


def _template(text: str, lines: list[LogLine]) -> Template:
    times = tuple(line.at for line in lines if line.at)
    return Template(
        text=quotable(text),
        count=len(lines),
        first=min(times, default=None),
        times=times,
        newest=quotable(lines[-1].text),
    )
