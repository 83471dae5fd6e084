"""Settings: names are checked, secrets stay hidden, each process gets its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from midwatch.settings import Settings
from midwatch.settings_load import RIGHTS, SettingsError, for_actor, load, render_docs, secrets
from midwatch.wiring import model_of
from tools.model_words import Price


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.upper().startswith("MIDWATCH_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def given(environment: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        environment.setenv(f"MIDWATCH_{name.upper()}", value)


def test_nothing_needs_to_be_set() -> None:
    settings = load()
    assert settings.database_url == f"sqlite:///{settings.state_dir}/midwatch.db"
    assert settings.halt_file == settings.state_dir / "HALT"
    assert settings.public_url == "http://127.0.0.1:8480"
    assert settings.on_loopback
    assert (settings.listen_host, settings.listen_port) == ("127.0.0.1", 8480)
    assert settings.budgets.tool_calls == 40


def test_the_environment_wins_over_the_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "midwatch.yaml"
    config.write_text("cluster_name: from-file\npending_minutes: 20\nbudgets: {tokens: 5, tool_calls: 6}\n")
    given(environment, cluster_name="from-env", budgets__tokens="7", config=str(config))
    settings = load()
    assert (settings.cluster_name, settings.pending_minutes) == ("from-env", 20)
    assert (settings.budgets.tokens, settings.budgets.tool_calls) == (7, 6)


def test_models_by_stage_and_their_prices_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    given(environment, model_base_url="http://127.0.0.1:9/v1", model_name="all", model_summary_name="cheap")
    given(environment, model_prices='{"cheap": {"input": 0.5, "output": 2}}', model_retries="0")
    settings = load()
    cheap, strong = model_of(settings, "summary"), model_of(settings, "opinion")
    assert cheap is not None
    assert strong is not None
    assert (cheap.options.name, strong.options.name) == ("cheap", "all")
    assert cheap.options.price == Price(input=0.5, output=2)
    assert strong.options.price is None, "unknown, and never nothing"
    assert cheap.options.retries == 0


def test_a_strong_model_alone_leaves_what_is_sure_to_the_rules(environment: pytest.MonkeyPatch) -> None:
    given(environment, model_base_url="http://127.0.0.1:9/v1", model_opinion_name="strong")
    assert model_of(load(), "summary") is None
    assert model_of(load(), "opinion") is not None


def test_a_price_below_nothing_refuses_to_start(environment: pytest.MonkeyPatch) -> None:
    given(environment, model_prices='{"cheap": {"input": -1, "output": 2}}')
    with pytest.raises(SettingsError, match="model_prices__cheap__input"):
        load()


def test_a_misspelled_variable_refuses_to_start_and_names_the_right_one(
    environment: pytest.MonkeyPatch,
) -> None:
    given(environment, slack_chanel="C1")
    with pytest.raises(SettingsError, match="MIDWATCH_SLACK_CHANEL; did you mean MIDWATCH_SLACK_CHANNEL"):
        load()


def test_a_misspelled_budget_refuses_to_start(environment: pytest.MonkeyPatch) -> None:
    given(environment, budgets__token="7")
    with pytest.raises(SettingsError, match="did you mean MIDWATCH_BUDGETS__TOKENS"):
        load()


def test_a_misspelled_key_refuses_to_start_and_names_the_right_one(tmp_path: Path) -> None:
    config = tmp_path / "midwatch.yaml"
    config.write_text("pending_minute: 20\n")
    with pytest.raises(SettingsError, match="pending_minute; did you mean pending_minutes"):
        load(config)


@pytest.mark.parametrize("name", ["require_approval", "auto_approve", "approval", "skip_approval"])
def test_no_setting_weakens_approval(environment: pytest.MonkeyPatch, name: str) -> None:
    # Who has the role of that name at the pages, where nothing is signed.
    fields = set(Settings.model_fields) - {"login_approvers"}
    assert not [field for field in fields if "approv" in field]
    given(environment, **{name: "flase"})
    with pytest.raises(SettingsError, match="unknown"):
        load()


def test_what_kubernetes_adds_for_a_service_is_no_typo(environment: pytest.MonkeyPatch) -> None:
    given(environment, service_host="10.0.0.1", port="tcp://10.0.0.1:8480", port_8480_tcp_addr="10.0.0.1")
    given(environment, actor_service_port_http="80", service_port="8480", port_8480_tcp="tcp://10.0.0.1:8480")
    load()


@pytest.mark.parametrize(
    "content", ["- a\n- b\n", "a: [", "\xff".encode("latin-1").decode("latin-1") + ": {", "cluster_name: ''"]
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: str) -> None:
    config = tmp_path / "midwatch.yaml"
    config.write_text(content)
    with pytest.raises(SettingsError):
        load(config)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("listen", ["0.0.0.0:8480", "[::]:8480", "midwatch.example:80"])
def test_an_open_door_needs_a_credential(environment: pytest.MonkeyPatch, listen: str) -> None:
    given(environment, listen=listen)
    with pytest.raises(SettingsError, match="needs a webhook credential"):
        load()
    given(environment, webhook_token="correct horse")
    assert not load().on_loopback


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:8480", "localhost:9", "127.8.8.8:80"])
def test_loopback_needs_none(environment: pytest.MonkeyPatch, listen: str) -> None:
    given(environment, listen=listen)
    assert load().on_loopback


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen", "8480"),
        ("listen", "127.0.0.1:99999"),
        ("pending_minutes", "241"),
        ("claim_within_s", "0"),
        ("prometheus_url", "file:///etc/passwd"),
        ("webhook_username", "only-a-name"),
        ("slack_mode", "socket"),
        ("budgets", "{not json"),
        ("log_level", "LOUD"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    given(environment, **{name: value})
    with pytest.raises(SettingsError, match=name):
        load()


def test_a_secret_shows_up_nowhere(environment: pytest.MonkeyPatch) -> None:
    given(
        environment, webhook_token="s3cr3t", database_url="postgresql://u:s3cr3t@db/m", webhook_username="u"
    )
    with pytest.raises(SettingsError) as refusal:
        load()
    assert "s3cr3t" not in str(refusal.value)
    given(environment, webhook_password="s3cr3t")
    assert "s3cr3t" not in repr(load())


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().cluster_name = "other"


def test_every_setting_belongs_to_an_agent() -> None:
    assert frozenset().union(*RIGHTS.values()) == frozenset(Settings.model_fields)


def test_the_rights_are_those_of_the_architecture() -> None:
    slack = {"slack_bot_token", "slack_app_token", "slack_signing_secret"}
    assert not RIGHTS["investigator"] & (slack | {"actor_kubeconfig"})
    assert not RIGHTS["gatekeeper"] & {"reader_kubeconfig", "actor_kubeconfig", "model_api_key"}
    assert not RIGHTS["actor"] & secrets()
    assert not RIGHTS["auditor"] & (secrets() | {"reader_kubeconfig", "actor_kubeconfig"})


@pytest.mark.parametrize("name", sorted(secrets()))
def test_the_actor_refuses_a_secret_that_is_not_its_own(environment: pytest.MonkeyPatch, name: str) -> None:
    given(environment, **{name: "s3cr3t"})
    with pytest.raises(SettingsError, match=name):
        load(process="actor")


def test_the_actor_started_by_serve_gets_its_own_settings_only(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(environment, slack_bot_token="xoxb-1", model_api_key="k", actor_kubeconfig=str(tmp_path / "actor"))
    variables = for_actor(load())
    assert {name.removeprefix("MIDWATCH_").lower() for name in variables} <= RIGHTS["actor"]
    for name in ("slack_bot_token", "model_api_key"):
        environment.delenv(f"MIDWATCH_{name.upper()}")
    for name, value in variables.items():
        environment.setenv(name, value)
    assert load(process="actor").actor_kubeconfig == tmp_path / "actor"


def test_the_actor_ignores_what_is_no_secret_and_not_its_own(environment: pytest.MonkeyPatch) -> None:
    given(environment, listen="0.0.0.0:8480", slack_mode="socket")
    assert load(process="actor").on_loopback


def test_the_documentation_explains_every_setting() -> None:
    text = render_docs()
    for name, field in Settings.model_fields.items():
        assert f"## {name}\n" in text
        assert field.description, name
    assert str(Path.home()) not in text
