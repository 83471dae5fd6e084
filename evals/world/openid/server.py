"""The provider as something to start and stop, on a loopback port."""

from starlette.applications import Starlette
from starlette.routing import Route

from evals.world.openid.issuer import Identity, Issuer
from evals.world.openid.routes import Endpoints, Paths
from evals.world.wire import BackgroundServer, Listen

ADA = Identity(
    sub="0001",
    name="Ada Okafor",
    claims={"email": "ada@example.org", "email_verified": True, "groups": ["sre"]},
)
MIA = Identity(
    sub="0002",
    name="Mia Lindqvist",
    claims={"email": "mia@example.org", "email_verified": True, "groups": ["payments"]},
)
EVE = Identity(sub="0003", name="Eve", claims={"email": "ada@example.org", "email_verified": False})


class OpenIdServer:
    """``with OpenIdServer() as provider:``. ``people`` may be changed while it runs."""

    def __init__(self) -> None:
        self.people: dict[str, Identity] = {"ada": ADA, "mia": MIA, "eve": EVE}
        self.issuer = Issuer(lambda: self.url, "midwatch", "pretend-secret")
        at = Endpoints(
            issuer=self.issuer, people=lambda: self.people, paths=Paths(), title="Pretend single sign-on"
        )
        routes = [
            Route("/.well-known/openid-configuration", at.discovery),
            Route(at.paths.keys, at.keys),
            Route(at.paths.authorize, at.authorize),
            Route(at.paths.token, at.token, methods=["POST"]),
        ]
        self._server = BackgroundServer(Starlette(routes=routes), Listen())

    @property
    def url(self) -> str:
        """The issuer; only while it runs."""
        return f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> "OpenIdServer":
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.stop()
