"""A pretend identity provider: OpenID Connect over real HTTP, with real RSA keys and a page to pick a person.

It can be told to lie, each time in one way, as a provider under attack or one badly set up would.
"""

from evals.world.openid.issuer import Identity, Issuer, Lies
from evals.world.openid.server import OpenIdServer

__all__ = ["Identity", "Issuer", "Lies", "OpenIdServer"]
