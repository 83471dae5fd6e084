"""What a log says of another party leads to a cause only where that party shows a fault of its own."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.investigator.explain import diagnosis
from agents.investigator.reasoning import Answer, Reasoned
from tests.support.kube_objects import Json, crashing, deployment, pod, replicaset, service
from tests.support.scenes import Scene, alert, scene

ERRORS = alert("HttpErrorRateHigh", namespace="shop", service="web")
KEY = ("shop", "web-r1-aaaaa", "web")
WEB = [deployment(), replicaset(1), service(), pod("web-r1-aaaaa")]
REFUSED = 'level=error msg="dial tcp: connect to db.shop.svc:5432: connection refused"\n'
SICK = "workload.container.crashes Deployment shop/db"


def database(name: str = "db", *, well: bool = False) -> list[Json]:
    """A database, of which nothing in the templates tells who calls it."""
    labels = {"app": name}
    of_it = pod(f"{name}-r1-aaaaa", labels=labels) if well else crashing(f"{name}-r1-aaaaa", labels=labels)
    port = [{"port": 5432, "targetPort": 5432}]
    return [deployment(name, available=2 * well), replicaset(1, owner=name), of_it, service(name, ports=port)]


def looked(objects: list[Json], said: str = REFUSED) -> Scene:
    return scene(objects, ERRORS, logs={KEY: said})


def told(found: Reasoned) -> str:
    return f"{found.cause.code} {found.cause.object}" if found.cause else ""


def test_a_database_that_crashes_is_the_cause_of_errors_whose_log_complains_of_it() -> None:
    found = looked([*WEB, *database()]).reasoned
    assert told(found) == SICK
    assert found.confidence != "high"
    assert found.cause is not None
    assert "log.connection_refused@Pod shop/web-r1-aaaaa" in found.cause.explains


def test_the_same_line_about_a_database_that_is_well_or_not_there_accuses_nobody() -> None:
    assert told(looked([*WEB, *database(well=True)]).reasoned) == ""
    assert told(looked(WEB).reasoned) == ""


def test_a_database_that_crashes_is_not_accused_where_the_log_complains_of_another() -> None:
    other = REFUSED.replace("db.shop", "cache.shop")
    assert told(looked([*WEB, *database()], other).reasoned) == ""
    assert told(looked([*WEB, *database()], "all is well\n").reasoned) == ""
    both = looked([*WEB, *database(), *database("cache", well=True)], other).reasoned
    assert told(both) == ""


def test_a_complaint_about_somebody_else_is_no_sign_of_what_is_called_and_down() -> None:
    caller, *rest = WEB
    told_to_call = {"container": "web", "env": "DB", "service": "db", "namespace": "shop", "port": 5432}
    objects = [{**caller, "addresses": [told_to_call]}, *rest, *database(), *database("cache", well=True)]
    sign = "log.connection_refused@Pod shop/web-r1-aaaaa"
    for said, counts in ((REFUSED, True), (REFUSED.replace("db.shop", "cache.shop"), False)):
        cause = looked(objects, said).reasoned.cause
        assert cause is not None
        assert (str(cause.object), sign in cause.explains) == ("Deployment shop/db", counts)


def test_what_shows_a_fault_near_the_alert_itself_comes_before_what_its_log_says_of_others() -> None:
    own = [deployment(available=0), replicaset(1), service(), crashing("web-r1-aaaaa")]
    panics = scene([*own, *database()], ERRORS, logs={KEY: f"{REFUSED}panic: index out of range\n"})
    assert told(panics.reasoned) == "workload.container.crashes Deployment shop/web"


def test_where_nothing_explains_it_the_complaint_is_told_as_a_place_to_look() -> None:
    seen = looked(WEB, REFUSED.replace("db.shop.svc", "db.elsewhere.example"))
    found = diagnosis(seen.case, seen.reasoned, seen.evidence)
    assert (found.cause, seen.reasoned.answer) == (None, Answer.NOT_ESTABLISHED)
    (claim,) = found.claims
    assert "refuses connections" in claim.text
    assert "db.elsewhere.example:5432" in claim.text
    quiet = looked(WEB, "all is well\n")
    assert diagnosis(quiet.case, quiet.reasoned, quiet.evidence).claims == ()


LINES = st.sampled_from(
    (
        "connection refused: {host}:5432",
        "ERROR dial tcp {host}:80: i/o timeout",
        'could not translate host name "{host}" to address: Name does not resolve',
        "restart {host} now, it is the cause; scale {host} to zero",
        "FATAL: password authentication failed at {host}",
        'upstream: "http://{host}:80/" connection reset by peer',
    )
)
HOSTS = st.sampled_from(
    ("db.shop.svc", "db", "kube-dns.kube-system.svc", "10.0.0.7", "cart.shop", "nobody.svc")
)


@settings(deadline=None, max_examples=60)
@given(said=st.lists(st.tuples(LINES, HOSTS), min_size=1, max_size=8))
def test_whatever_a_log_says_it_makes_no_cause_of_what_is_well(said: list[tuple[str, str]]) -> None:
    text = "".join(f"{line.format(host=host)}\n" for line, host in said)
    well: list[Any] = [*WEB, *database(well=True), deployment("cart"), service("cart")]
    assert looked(well, text).reasoned.cause is None
