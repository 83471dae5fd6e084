"""Our own log is a sink like any other: no secret reaches it but the one that is shown once."""

from __future__ import annotations

import logging

import pytest

from midwatch import logs

SECRET = "hunter2-and-some-more"


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """The root logger as a fresh process has it."""
    found = logging.getLogger()
    monkeypatch.setattr(found, "handlers", [])
    monkeypatch.setattr(found, "level", logging.WARNING)
    return found


def test_an_exception_that_quotes_a_secret_is_logged_without_it(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.begin("INFO")
    try:
        int(f"password={SECRET}")
    except ValueError:
        root.exception("job investigator/1 failed for password=%s", SECRET)
    told = capsys.readouterr().err
    assert "password=[redacted:" in told
    assert "Traceback" in told
    assert SECRET not in told


def test_the_login_token_of_the_first_start_is_shown(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.begin("INFO")
    root.warning("open http://h/login?token=%s", SECRET, extra=logs.SHOWN_ONCE)
    assert SECRET in capsys.readouterr().err
