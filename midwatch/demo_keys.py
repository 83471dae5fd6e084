"""Single keys of a terminal, taken as they are pressed; nothing where there is no terminal."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType


class Keys:
    """Inside ``with`` a key counts without Return; afterwards the terminal is as it was before."""

    def __init__(self) -> None:
        self._terminal = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before = termios.tcgetattr(self._terminal) if self._terminal is not None else None

    def __enter__(self) -> Keys:
        if self._terminal is not None:
            tty.setcbreak(self._terminal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal is not None and self._before is not None:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def pressed(self) -> str:
        """The key that was pressed since the last time, in lower case, or nothing."""
        if self._terminal is None or not select.select([self._terminal], [], [], 0)[0]:
            return ""
        return os.read(self._terminal, 1).decode("ascii", "ignore").lower()
