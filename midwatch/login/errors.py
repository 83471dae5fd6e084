"""What can go wrong between a person, their identity provider and us."""

from __future__ import annotations


class LoginError(Exception):
    """Nobody was logged in; the message is a sentence for the person who tried."""

    retryable = False


class ProviderAway(LoginError):
    """The identity provider could not be asked, or answered what no provider answers."""

    retryable = True


class NotProven(LoginError):
    """Who it is was not proven: a state, a code or an ID token did not fit."""
