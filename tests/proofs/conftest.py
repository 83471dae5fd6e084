"""The ledger on both databases and a clock that is moved by hand, as the contracts have them."""

from tests.contracts.conftest import clock, empty, ledger, ledger_server, ledger_url

__all__ = ["clock", "empty", "ledger", "ledger_server", "ledger_url"]
