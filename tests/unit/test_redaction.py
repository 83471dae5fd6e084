"""Secrets do not get through, ordinary operations text does."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.redaction import RedactedText, inert, redact, redacted_json
from tools.redaction.encoded import encoded_secrets
from tools.redaction.harmless import Harmless
from tools.redaction.shapes import SHAPES

SECRETS = {
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "github": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "slack": "xoxb-123456789012-abcdefGHIJKL",
    "app": "xapp-1-A0123-456-abcdef0123",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "google": "AIza" + "b" * 35,
    "model": "sk-proj-abcdefghijklmnopqrstuvwx",
    "gitlab": "glpat-abcdefghij0123456789",
    "hub": "hf_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
    "vault": "hvs.CAESIJ0a1b2c3d4e5f6g7h8i9",
    "stripe": "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "age": "AGE-SECRET-KEY-1" + "QQPQYRSG" * 6,
}
FRAMES = ("{}", "error: {} refused", '{{"x": "{}"}}', "a={};b", "line one\n{}\nline three")
BENIGN = (
    'Back-off pulling image "registry.example/shop/checkout:v2.4.1"',
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "pod checkout-7d9f8b6c5d-x2x4z uid 0b8a3f2e-5f0c-4a53-9d6e-5a1f0f6f7c11",
    "dial tcp 10.0.0.12:5432: connect: connection refused",
    'password authentication failed for user "orders"',
    "invalid token: expired",
    "token: required",
    'secret "regcred" not found',
    "GET /api/v1/namespaces/shop/pods?limit=500 200 12ms",
    "postgres://orders@db.shop.svc:5432/orders",
    'level=info msg="started" port=8080 duration=1.25s',
    "imagePullSecrets: [{name: regcred}]",
    "prompt_tokens=1284 max_tokens: 4096",
    "--token-ttl 3600s --secret-name orders-db",
    "basic authentication is off",
)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_known_kind_of_secret_never_gets_through(secret, frame):
    assert secret not in redact(frame.format(secret))
    assert "[redacted:" in redact(frame.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=hunter22secret",
        'password: "hunter22secret"',
        '{"apiKey": "hunter22secret"}',
        "postgres://orders:hunter22secret@db:5432/orders",
        "Authorization: Bearer hunter22secret",
        "client_secret=hunter22secret&grant=x",
        "--db-password hunter22secret",
        '{"name": "DB_PASSWORD", "value": "hunter22secret"}',
        "password: |\n  hunter22secret\n",
        "orders:hunter22secret@tcp(db:3306)/orders",
        "https://bucket.example/o?X-Amz-Signature=hunter22secret",
        "pass\u200bword=x PGPASSWORD=hunter22secret",
    ],
)
def test_what_is_assigned_to_a_secret_name_never_gets_through(text):
    assert "hunter22secret" not in redact(text)


def test_a_private_key_is_cut_out_even_when_its_end_was_lost():
    assert "MIIEow" not in redact("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc")


@pytest.mark.parametrize("text", BENIGN)
def test_ordinary_text_is_left_as_it_is(text):
    assert redact(text) == text


def test_the_same_secret_leaves_the_same_trace_and_another_a_different_one():
    assert redact("token=abcdef123") == redact("token=abcdef123") != redact("token=abcdef124")


@given(st.text())
def test_nothing_invisible_stays_invisible(text):
    shown = inert(text)
    assert not set(shown) & set("\u202e\u200b\u2066\ufeff\x00\x1b")
    assert inert(shown) == shown


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


def test_only_the_scanner_makes_redacted_text():
    with pytest.raises(TypeError, match="only redact"):
        RedactedText("password=hunter22secret")
    assert type(redact("a") + "b") is str


@pytest.mark.timeout(20)
@pytest.mark.parametrize("run", ["a", "x:", "token=$", "sig:", "password: <", "Bearer ", "x-", "pass=/a"])
def test_a_long_line_is_scanned_once(run):
    # A pattern that looks at every place again needs minutes for this and runs into the time limit.
    assert len(redact(run * (60_000 // len(run)))) > 0


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.kind}-{shape.needles[0]}")
@given(data=st.data())
def test_what_a_shape_matches_is_never_passed_over_unsearched(shape, data):
    text = data.draw(st.from_regex(shape.pattern))
    assert not shape.pattern.search(text) or shape.may_be_in(text, text.lower())
    shouted = text.upper()
    assert not shape.pattern.search(shouted) or shape.may_be_in(shouted, shouted.lower())


def test_a_letter_that_only_a_pattern_takes_for_another_does_not_hide_a_secret():
    # To a pattern that ignores case the long s is an s; to str.lower it is not.
    assert "hunter22secret" not in redact("ba\u017fic hunter22secret")


def test_a_word_that_comes_twice_is_hidden_twice():
    coded = base64.b64encode(b"DB_PASSWORD=hunter22secret").decode()
    assert coded not in redact(f"first {coded} and again {coded}")


@pytest.mark.parametrize("said", ["password=\u00fcber12", "pwd=K\u00f6ln1234", "DB_PASSWORD=k\u00e4s\u00e97"])
def test_an_umlaut_does_not_hide_what_is_encoded(said):
    coded = base64.b64encode(said.encode()).decode()
    assert coded not in redact(f"env {coded} end")
    harmless = base64.b64encode("Gr\u00fc\u00dfe aus K\u00f6ln".encode()).decode()
    assert harmless in redact(f"env {harmless} end")


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_line_break_that_is_escaped_hides_no_secret(secret):
    assert secret not in redacted_json({"records": [{"excerpt": f"first\n{secret}\nlast"}]})


def test_what_held_nothing_is_remembered_and_what_held_a_secret_is_not():
    known = Harmless(most=10, longest=64)
    hidden, plain = base64.b64encode(b"password=hunter22secret").decode(), "checkout-7d9f8b6c5-x2x4q"
    text = f"{plain} {hidden}"
    found = list(encoded_secrets(text, lambda said: "hunter22" in said, known))
    assert found == [(text.index(hidden), len(text))]
    assert plain in known
    assert hidden not in known
    assert list(encoded_secrets(text, lambda said: "hunter22" in said, known)) == found


def test_a_secret_is_hidden_again_however_often_its_text_comes():
    assert {redact("retry 7, password=hunter22secret") for _ in range(3)} == {
        redact("retry 7, password=hunter22secret")
    }
    assert "hunter22" not in redact("retry 7, password=hunter22secret")


def test_what_is_remembered_has_a_bound():
    known = Harmless(most=3, longest=4)
    for text in ("a", "b", "c", "longer"):
        known.add(text)
    assert "longer" not in known
    assert "c" in known
    known.add("d")
    assert "d" in known
    assert "c" not in known
