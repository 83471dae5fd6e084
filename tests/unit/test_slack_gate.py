"""Whether a request is Slack's and of this minute, asked of the pure gate."""

from __future__ import annotations

import hashlib

import pytest

from agents.gatekeeper.gate import Mark, mark_of, signature

SEAL = "v0=" + "0f" * 32
HONEST = [("x-slack-request-timestamp", "1000"), ("x-slack-signature", SEAL)]


def test_a_signature_is_the_keyed_hash_of_version_time_and_body() -> None:
    # As `printf 'v0:1000:a=b' | openssl dgst -sha256 -hmac secret` says it.
    assert signature("secret", "1000", b"a=b") == (
        "v0=3e00610cb4e3fe46b027942d7536dcafa876a270b939e6242c7c2d523d168aae"
    )


def test_a_mark_fits_its_own_secret_time_and_body_only() -> None:
    mark = Mark(stamp="1000", signature=signature("secret", "1000", b"a=b"))
    assert mark.fits("secret", b"a=b")
    assert not mark.fits("secret", b"a=c")
    assert not mark.fits("other", b"a=b")
    assert not mark.model_copy(update={"stamp": "1001"}).fits("secret", b"a=b")


def test_what_is_spent_of_a_mark_is_a_digest_of_its_signature() -> None:
    assert Mark(stamp="1000", signature=SEAL).nonce == hashlib.sha256(SEAL.encode()).hexdigest()


@pytest.mark.parametrize("now", [940, 1000, 1060])
def test_a_request_of_this_minute_has_the_mark_it_says(now: float) -> None:
    other = [("content-type", "text/plain"), ("x-slack-retry-num", "1")]
    assert mark_of([*other, *HONEST, *other], now) == Mark(stamp="1000", signature=SEAL)


@pytest.mark.parametrize("now", [939.5, 1060.5, 0])
def test_a_request_of_another_minute_has_no_mark(now: float) -> None:
    assert mark_of(HONEST, now) is None


@pytest.mark.parametrize("headers", [[], HONEST[:1], HONEST[1:], [*HONEST, HONEST[0]], [*HONEST, HONEST[1]]])
def test_a_mark_needs_each_header_exactly_once(headers: list[tuple[str, str]]) -> None:
    assert mark_of(headers, 1000) is None


@pytest.mark.parametrize("stamp", ["", "-1000", "1e3", " 1000", "١٠٠٠", "0" * 9 + "1000"])
def test_a_time_that_is_no_plain_number_is_no_mark(stamp: str) -> None:
    assert mark_of([(HONEST[0][0], stamp), HONEST[1]], 1000) is None


def test_a_time_may_have_twelve_digits() -> None:
    assert mark_of([(HONEST[0][0], "000000001000"), HONEST[1]], 1000) is not None


@pytest.mark.parametrize("seal", ["", SEAL[3:], SEAL[:-1], SEAL + "0", SEAL.upper(), "v1" + SEAL[2:]])
def test_a_signature_of_another_shape_is_no_mark(seal: str) -> None:
    assert mark_of([HONEST[0], (HONEST[1][0], seal)], 1000) is None
