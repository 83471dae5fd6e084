"""The ledger on both databases and a clock that is moved by hand, as the contracts have them."""

from tests.contracts.conftest import clock, ledger, ledger_server, ledger_url

__all__ = ["clock", "ledger", "ledger_server", "ledger_url"]
