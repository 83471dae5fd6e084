"""What an incident's page is made of: quoted words, the drawing, the draft of a postmortem."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from agents.incident import Claim, Diagnosis, Evidence, Hypothesis, Incident, IncidentState
from agents.ledger.story import Story
from midwatch.web.charts import Point, bars, line
from midwatch.web.drawing import drawn, words
from midwatch.web.frame import age, span
from midwatch.web.postmortem import Case, draft, inert, markdown
from midwatch.web.quoting import exhibits
from midwatch.web.related import MOST, Edge, Graph, Node, related
from tests.support.plans import an_alert
from tools.kubernetes.objects import ObjectRef

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CART = ObjectRef(kind="Deployment", namespace="shop", name="cart")
HOSTILE = "<script>alert(1)</script> **bold** [x](http://evil.example) @channel www.evil.example `a`"
PODS = """Pod shop/cart-1 /metadata/ownerReferences/0/kind = ReplicaSet
Pod shop/cart-1 /metadata/ownerReferences/0/name = cart-abc
Pod shop/cart-1 /metadata/ownerReferences/0/controller = True
Pod shop/cart-1 /spec/nodeName = worker-1
Pod shop/other /status/restarts = 2
Pod shop/cart-1 /spec/containers/0/limits/memory = 128Mi
Pod shop/cart-1 /status/restarts = 2"""
SETS = """ReplicaSet shop/cart-abc /metadata/ownerReferences/0/kind = Deployment
ReplicaSet shop/cart-abc /metadata/ownerReferences/0/name = cart
ReplicaSet shop/cart-abc /metadata/ownerReferences/0/controller = True
EndpointSlice shop/cart-x /metadata/labels/kubernetes.io/service-name = cart
EndpointSlice shop/cart-x /endpoints/0/targetRef/kind = Pod
EndpointSlice shop/cart-x /endpoints/0/targetRef/name = cart-1"""


def seen(number: int, text: str) -> Evidence:
    told = {"tool": "kubernetes.list", "query": "GET /api/v1/pods"}
    return Evidence(id=f"E{number}", fetched_at=NOW, excerpt=text, digest="0" * 64, **told)


def a_story(*evidence: Evidence, claims: tuple[Claim, ...] = (), **changes: object) -> Story:
    incident = Incident(
        number=7,
        cluster="demo",
        group_key="g",
        title=HOSTILE,
        severity="critical",
        state=IncidentState.OPEN,
        phase="diagnosing",
        opened_at=NOW,
        alerts=(an_alert(NOW),),
    )
    cause = Hypothesis(code="x", object=CART, sentence=f"It is {HOSTILE}", score=1)
    found = Diagnosis(cause=cause, claims=claims, confidence="high", not_checked=("the logs",))
    said = {"evidence": evidence, "diagnosis": found, "plans": (), "outcome": None} | changes
    return Story.model_validate({"incident": incident, **said})


def test_a_quote_is_marked_where_the_claim_s_object_says_it() -> None:
    claim = Claim(text="two", evidence=("E1",), quotes=("2", "128Mi"), objects=("Pod shop/cart-1",))
    shown = exhibits([seen(1, PODS)], [claim])["E1"]
    assert shown.aims == {1: "E1-c1"}
    assert 'memory = <mark id="E1-c1">128Mi</mark>' in shown.extract
    assert "cart-1 /status/restarts = <mark>2</mark>" in shown.extract
    assert "other /status/restarts = 2" in shown.extract


def test_a_quote_that_is_not_found_marks_nothing_and_the_link_leads_to_the_evidence() -> None:
    claim = Claim(text="x", evidence=("E1",), quotes=("28Mi",))
    shown = exhibits([seen(1, PODS)], [claim])["E1"]
    assert shown.aims == {1: "E1"}
    assert "<mark" not in shown.extract


def test_a_long_look_is_shown_around_its_quotes_and_stays_inert() -> None:
    text = "\n".join([*(f"line {n} {HOSTILE}" for n in range(500)), "Pod a /x = here", "end"])
    shown = exhibits([seen(1, text)], [Claim(text="x", evidence=("E1",), quotes=("here",))])["E1"]
    assert not shown.whole
    assert len(shown.extract.splitlines()) < 10
    assert "<script" not in shown.extract
    assert "<script" not in shown.everything
    assert shown.everything.count("\n") == 501


def test_a_secret_never_falls_between_two_marks() -> None:
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    claim = Claim(text="x", evidence=("E1",), quotes=("A1b2C3d4E5f6G7h8I9j0",))
    shown = exhibits([seen(1, f"token {secret}")], [claim])["E1"]
    assert "A1b2C3" not in shown.extract
    assert "A1b2C3" not in shown.everything


def test_owners_services_and_nodes_are_drawn_as_the_evidence_states_them() -> None:
    finding = {"code": "pod.crash", "severity": "critical", "message": "it crashes"}
    finding |= {"object": {"kind": "Pod", "namespace": "shop", "name": "cart-1"}}
    told = a_story(seen(1, PODS), seen(2, SETS))
    diagnosis = Diagnosis.model_validate(told.diagnosis.model_dump() | {"findings": (finding,)})
    graph = related(told.model_copy(update={"diagnosis": diagnosis}))
    assert {words(edge) for edge in graph.edges} == {
        "ReplicaSet shop/cart-abc owns Pod shop/cart-1",
        "Deployment shop/cart owns ReplicaSet shop/cart-abc",
        "Service shop/cart sends to Pod shop/cart-1",
        "Pod shop/cart-1 runs on Node worker-1",
    }
    picture = drawn(graph)
    assert "Deployment · cause" in picture
    assert " style=" not in picture
    told = picture[picture.index("aria-label") : picture.index("<defs>")]
    assert "Service shop/cart sends to Pod shop/cart-1" in told


def test_who_is_told_to_call_a_drawn_service_is_drawn_and_no_other() -> None:
    told = [(0, "cart", "shop"), (1, "mail", "shop"), (2, "cart", "")]
    calls = "\n".join(
        f"Deployment web/front /addresses/{n}/{key} = {value}"
        for n, *of in told
        for key, value in zip(("service", "namespace"), of, strict=True)
        if value
    )
    finding = {"code": "pod.crash", "severity": "critical", "message": "it crashes"}
    finding |= {"object": {"kind": "Pod", "namespace": "shop", "name": "cart-1"}}
    story = a_story(seen(1, PODS), seen(2, SETS), seen(3, calls))
    diagnosis = Diagnosis.model_validate(story.diagnosis.model_dump() | {"findings": (finding,)})
    graph = related(story.model_copy(update={"diagnosis": diagnosis}))
    called = [words(edge) for edge in graph.edges if edge.word == "calls"]
    assert called == ["Deployment web/front calls Service shop/cart"]


def test_a_long_name_is_cut_in_its_middle_and_told_whole_beneath_the_pointer() -> None:
    pods = [("Pod", "shop", f"checkout-with-a-long-name-4rn6vnh5hs-{end}") for end in ("7lwsm", "fbrfd")]
    edge = Edge(start=pods[0], word="calls", end=pods[1])
    picture = drawn(Graph(nodes=tuple(Node(key=key) for key in pods), edges=(edge,)))
    assert ">checkout-wi…hs-7lwsm<" in picture
    assert ">checkout-wi…hs-fbrfd<" in picture
    assert f"<title>Pod shop/{pods[0][2]}</title>" in picture


def test_evidence_that_lies_about_owners_ends_no_page() -> None:
    ring = "\n".join(
        f"Pod shop/{one} /metadata/ownerReferences/0/{key} = {value}"
        for one, other in (("a", "b"), ("b", "a"))
        for key, value in (("kind", "Pod"), ("name", other), ("controller", "True"))
    )
    many = "\n".join(
        f"EndpointSlice shop/s{n} /{path}"
        for n in range(60)
        for path in (
            f"metadata/labels/kubernetes.io/service-name = <b>{n}",
            "endpoints/0/targetRef/kind = Deployment",
            "endpoints/0/targetRef/name = cart",
        )
    )
    finding = {"code": "pod.crash", "severity": "critical", "message": "it crashes"}
    finding |= {"object": {"kind": "Pod", "namespace": "shop", "name": "a"}}
    told = a_story(seen(1, ring), seen(2, many))
    diagnosis = Diagnosis.model_validate(told.diagnosis.model_dump() | {"findings": (finding,)})
    graph = related(told.model_copy(update={"diagnosis": diagnosis}))
    assert len(graph.nodes) == MOST
    assert graph.more > 0
    assert "<b>" not in drawn(graph)


def test_every_line_of_a_draft_names_its_source_and_is_inert() -> None:
    claim = Claim(text=HOSTILE, evidence=("E1",), quotes=("128Mi",), objects=("Pod shop/cart-1",))
    told = a_story(seen(1, PODS), claims=(claim,))
    case = Case(story=told, events=(), exhibits=exhibits(told.evidence, told.diagnosis.claims))
    sections = draft(case)
    assert all(said.sources for section in sections for said in section.lines)
    text = markdown(case, sections, "https://midwatch.example")
    for said in text.splitlines():
        if said.startswith("- "):
            assert re.search(r"\(\[[^\]]+\]\(https://midwatch\.example/[^)]+\)", said), said
    assert "[E1](https://midwatch.example/incidents/7/evidence/E1#E1-c1)" in text
    bare = re.sub(r"\\.", "", text)
    assert "<script" not in bare
    assert "**bold" not in bare
    assert "](http://evil" not in bare
    assert "://evil" not in bare
    assert "@channel" not in bare


@pytest.mark.parametrize("text", ["a\n# b", "1\n\n2", "`x`", "a\u2028b"])
def test_words_of_strangers_are_one_line_of_markdown(text: str) -> None:
    assert "\n" not in inert(text)
    assert "`" not in re.sub(r"\\.", "", inert(text))


def test_ages_are_told_in_the_units_that_say_something() -> None:
    assert age(NOW, NOW + timedelta(seconds=3)) == "just now"
    assert age(NOW, NOW + timedelta(seconds=59)) == "59 s ago"
    assert age(NOW, NOW + timedelta(minutes=61)) == "1 h 1 min ago"
    assert age(NOW + timedelta(minutes=29, seconds=59), NOW) == "in 29 min"
    assert span(timedelta(days=3)) == "3 d"


def test_a_chart_shows_what_is_not_known_as_a_gap_and_says_its_values() -> None:
    points = [Point(label=HOSTILE, value=3, shown="3 min"), Point(label="b", value=None, shown="unknown")]
    for picture in (bars("Time", points), line("Time", points)):
        assert "<script" not in picture
        assert " style=" not in picture
        assert "b unknown" in picture
    assert bars("None", []).startswith("<figure")
    assert line("None", []).startswith("<figure")
    assert line("Gap", [*points, points[0]]).count("M") >= 2
