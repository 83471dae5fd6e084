"""Claims stand only on what was really seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.incident import Claim
from agents.investigator.citations import Fault, checked, stands_in
from tests.support.scenes import evidence

SEEN = evidence(
    1, "GET /api/v1/namespaces/shop/pods", "Pod shop/web-2 /status/restartCount = 137\nimage = reg/web:2.1"
)
FAILED = SEEN.model_copy(update={"id": "E2", "ok": False})
STORE = {"E1": SEEN, "E2": FAILED}


def claim(
    *, quotes: tuple[str, ...] = (), objects: tuple[str, ...] = (), ids: tuple[str, ...] = ("E1",)
) -> Claim:
    return Claim(text="something", evidence=ids, quotes=quotes, objects=objects)


def test_a_claim_that_is_carried_is_kept() -> None:
    good = claim(quotes=("137", "reg/web:2.1"), objects=("Pod shop/web-2",))
    assert checked([good], STORE) == ((good,), ())


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (claim(ids=("E9",)), Fault.NO_SUCH_EVIDENCE),
        (claim(ids=("E2",)), Fault.LOOK_FAILED),
        (claim(ids=("E1", "E9")), Fault.NO_SUCH_EVIDENCE),
        (claim(quotes=("138",)), Fault.QUOTE_ABSENT),
        (claim(quotes=("13",)), Fault.QUOTE_ABSENT),
        (claim(quotes=("37",)), Fault.QUOTE_ABSENT),
        (claim(quotes=("2",)), Fault.QUOTE_ABSENT),
        (claim(quotes=("",)), Fault.QUOTE_ABSENT),
        (claim(objects=("Pod shop/web",)), Fault.OBJECT_ABSENT),
        (claim(objects=("Pod shop/web-22",)), Fault.OBJECT_ABSENT),
    ],
)
def test_a_claim_that_is_not_carried_is_dropped_with_its_reason(bad: Claim, fault: Fault) -> None:
    kept, dropped = checked([bad], STORE)
    assert kept == ()
    assert dropped[0].fault is fault


def test_a_log_is_about_the_pod_that_its_query_names() -> None:
    log = evidence(3, "GET /api/v1/namespaces/shop/pods/web-7/log", "connection refused")
    kept, _ = checked(
        [claim(ids=("E3",), quotes=("connection refused",), objects=("Pod shop/web-7",))], {"E3": log}
    )
    assert len(kept) == 1


def test_a_query_proves_no_quote() -> None:
    kept, _ = checked([claim(quotes=("namespaces",))], STORE)
    assert kept == ()


def test_a_quote_stands_in_json_that_escaped_it() -> None:
    stored = evidence(1, "GET x", r'{"message": "Failed to pull image \"reg/web:9\":\nnot found"}')
    kept, _ = checked([claim(quotes=('pull image "reg/web:9":',))], {"E1": stored})
    assert len(kept) == 1


def test_several_pieces_of_evidence_carry_a_claim_together() -> None:
    more = evidence(4, "GET events", "Event shop/e1 reason = Failed")
    kept, _ = checked([claim(ids=("E1", "E4"), quotes=("137", "Failed"))], {**STORE, "E4": more})
    assert len(kept) == 1


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_a_quote_is_never_found_where_it_does_not_stand(quote: str, text: str) -> None:
    assert not stands_in(quote, text) or quote in text


@settings(deadline=None)
@given(st.text(alphabet="abc123-./: ", min_size=1, max_size=40).filter(str.strip))
def test_a_quote_that_stands_alone_is_always_found(quote: str) -> None:
    assert stands_in(quote, f"= {quote}\n")
