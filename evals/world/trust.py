"""Whom the pretend senders trust: the machine's own certificates, read once a process.

To read them takes longer than to start a server; a test that makes a chat of its own would do so each time.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """For any number of clients, of any thread."""
    return httpx.create_ssl_context(trust_env=False)
