"""What the figures were measured on: enough to judge them by, nothing that names a machine."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime


def facts() -> list[str]:
    """Cores, versions, the day, and how busy the machine was when the bench ended."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{len(os.sched_getaffinity(0))} cores ({platform.machine()}), shared",
        f"{platform.system()} {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"load average at the end {load}",
    ]
