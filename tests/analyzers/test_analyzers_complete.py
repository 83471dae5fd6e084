"""Every condition that can be found is expected by a test, and each code is said once."""

from __future__ import annotations

import re
from pathlib import Path

from agents.investigator.analyzers.registry import ANALYZERS, CODES

HERE = Path(__file__).parent
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_analyze*.py"))
# The corpus of logs is what test_analyze_log_said.py goes through.
TEXT += (HERE.parent / "fixtures/logs/corpus.yaml").read_text(encoding="utf-8").replace("code: ", 'code: "')
TEXT = re.sub(r'(code: "\w+)', r'\1"', TEXT)


def test_every_condition_is_expected_by_a_test() -> None:
    # Whole, or as the last part where a table of one family leaves the rest out.
    unexpected = [
        code.value
        for code in CODES
        if f'"{code.value}"' not in TEXT and f'"{code.value.rpartition(".")[2]}"' not in TEXT
    ]
    assert unexpected == []


def test_no_code_and_no_analyzer_is_registered_twice() -> None:
    assert len({code.value for code in CODES}) == len(CODES)
    assert len({*ANALYZERS}) == len(ANALYZERS)
