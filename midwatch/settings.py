"""Every setting of Midwatch, explained beneath itself.

Values come from ``MIDWATCH_*`` environment variables, then from an optional YAML file, then
from the defaults here. A name nobody knows refuses to start, and no setting turns the
approval of a change off. ``docs/settings.md`` is generated from this file.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from midwatch.settings_login import LoginSettings, WebAddress
from tools.model_words import Price

PREFIX = "MIDWATCH_"


def _listen(value: str) -> str:
    """``host:port``, with an IPv6 host in brackets."""
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError("write host:port, for example 127.0.0.1:8480 or [::1]:8480")
    return value


LocalPath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class Budgets(BaseModel):
    """What one investigation may spend before it must say what it has."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tool_calls: int = Field(default=40, ge=1, le=1000)
    """Looks: one pass over a namespace, the logs of one container, one question to Prometheus. The looks
    that verify a change are bounded by ``verify_window_s`` instead."""
    model_calls: int = Field(default=12, ge=0, le=200)
    """Questions to the language model; repetitions of one that fails (``model_retries``) are not counted."""
    tokens: int = Field(default=60_000, ge=0, le=5_000_000)
    """Tokens in and out of the language model, together."""
    seconds: float = Field(default=120.0, gt=0, le=3600)
    """Wall-clock seconds of one round of looking and thinking."""


class Settings(LoginSettings, BaseSettings):
    """One frozen object with all settings; build it with :func:`midwatch.settings_load.load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        # A refused value may be a secret: the message names the field and never repeats it.
        hide_input_in_errors=True,
    )

    state_dir: LocalPath = Path("~/.local/state/midwatch")
    """Folder for everything Midwatch keeps on this machine: database, keys, login token, halt file."""
    database_url: str = Field(
        default_factory=lambda data: f"sqlite:///{data.get('state_dir', '.')}/midwatch.db", repr=False
    )
    """The ledger: a SQLite file, or ``postgresql://…`` when several machines share the work.
    Without a value: ``midwatch.db`` in ``state_dir``."""
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8480"
    """Address and port of the webhook and the pages, as ``host:port``. Anything but a loopback
    address needs a webhook credential."""
    public_url: WebAddress = Field(default_factory=lambda data: f"http://{data.get('listen', '')}")
    """The address under which people reach the pages; links in the chat begin with it.
    Without a value: ``http://`` and ``listen``."""
    cluster_name: str = Field(default="default", min_length=1, max_length=63)
    """What people call the cluster whose Alertmanager sends here. Labels of an alert never change it."""
    webhook_token: SecretStr | None = None
    """Bearer token that Alertmanager must send (``http_config.authorization``)."""
    webhook_username: str | None = None
    """Name for basic authentication of Alertmanager; goes with ``webhook_password``."""
    webhook_password: SecretStr | None = None
    """Password for basic authentication of Alertmanager."""
    reader_kubeconfig: LocalPath | None = None
    """Kubeconfig of the investigator: read-only rights. Without it the account of the pod it runs in is
    used; with neither, ``midwatch serve`` refuses to start."""
    actor_kubeconfig: LocalPath | None = None
    """Kubeconfig of the actor: the verbs of the action catalogue and no others. For ``midwatch actor``."""
    sealed: bool = False
    """Sealed mode: the API server admits from the actor only what was signed (docs/second-wall.md). The
    gatekeeper then writes it down in the cluster, and a plan that cannot be written down is not begun."""
    gatekeeper_kubeconfig: LocalPath | None = None
    """Kubeconfig of the gatekeeper, for ``sealed``: one ConfigMap and nothing else."""
    prometheus_url: WebAddress | None = None
    """Base address of Prometheus. Without it diagnoses say that metrics were not checked."""
    prometheus_token: SecretStr | None = None
    """Bearer token for Prometheus, if it wants one."""
    alertmanager_url: WebAddress | None = None
    """Base address of Alertmanager, for the actor. Without it no silence can be set."""
    model_base_url: WebAddress | None = None
    """Base address of an OpenAI-compatible API. Without it the rules diagnose alone."""
    model_api_key: SecretStr | None = None
    """Key for the language model."""
    model_name: str | None = None
    """Which model to ask. One that is cheap and one that is strong can be named in its place, below."""
    model_opinion_name: str | None = None
    """Which model gives an opinion on the cause where the rules are unsure: the strong one. Without a
    value: ``model_name``."""
    model_summary_name: str | None = None
    """Which model explains where the rules are sure of the cause: the cheap one. Without a value:
    ``model_name``."""
    model_method: Literal["json_schema", "function_calling"] = "json_schema"
    """How an answer of the right shape is demanded: ``function_calling`` for an endpoint that has no
    structured output."""
    model_seconds: float = Field(default=30.0, gt=0, le=600)
    """Seconds for one question, its repetitions and the waits between them included."""
    model_retries: int = Field(default=2, ge=0, le=5)
    """How often a question is repeated that met a timeout, an overload (429) or a failure (5xx), within
    ``model_seconds``. A wait that the endpoint asks for is kept."""
    model_tokens_per_hour: int = Field(default=500_000, ge=0)
    """Tokens within an hour over all incidents, workers and models; then the rules speak alone."""
    model_failures: int = Field(default=5, ge=1, le=100)
    """Failures of one model in a row after which it is left to rest."""
    model_rest_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds of the first rest; then one question tries the model, and each failure doubles the rest, up
    to sixteen times."""
    model_prices: dict[str, Price] = Field(default_factory=dict)
    """What a million tokens cost, by the model's name: ``{"a-model": {"input": 0.5, "output": 2}}``, in
    whatever money the bill comes in. A cost is unknown where no price is given, never nothing.
    Without a value: no price is known."""
    slack_mode: Literal["socket", "http", "off"] = "off"
    """How clicks arrive: over Socket Mode (needs no public address), over signed HTTP requests, or
    not at all. With ``off`` plans are signed by ``midwatch decide`` or expire."""
    slack_api_url: WebAddress = "https://slack.com/api/"
    """Base address of Slack's Web API."""
    slack_bot_token: SecretStr | None = None
    """Bot token (``xoxb-…``); needed unless ``slack_mode`` is ``off``."""
    slack_app_token: SecretStr | None = None
    """App-level token (``xapp-…``); needed for ``socket``."""
    slack_signing_secret: SecretStr | None = None
    """Signing secret; needed for ``http``, where Slack posts to ``/slack/events`` under ``public_url``."""
    slack_channel: str | None = None
    """Id of the channel for the cards (``C…``); needed unless ``slack_mode`` is ``off``."""
    slack_pace: float = Field(default=1.0, gt=0, le=1000)
    """How fast the chat is written to: 1 is what Slack publishes, a message a second a channel and fifty
    changed messages a minute. More only where Slack granted more."""
    roster_file: LocalPath | None = None
    """YAML file that names who may approve. Without it nobody may."""
    policy_file: LocalPath | None = None
    """YAML file that says what may be proposed, with which tier and by how many people (docs/policy.md).
    Without it whatever the catalogue allows may be proposed. It can only narrow; a mistake in it refuses
    to start."""
    analyzers: tuple[Annotated[str, Field(pattern=r"[a-z][a-z0-9_]{1,30}")], ...] = ()
    """Names of analyzers from other packages that are loaded (docs/writing-analyzers.md). None is unless it
    is named here, and one that cannot be loaded refuses to start. They run within ``midwatch serve``."""
    silences_file: LocalPath | None = None
    """YAML file of codes that are not told in a namespace for a while, each with a reason and an end
    (docs/analyze.md). A mistake in it refuses to start."""
    pending_minutes: int = Field(default=30, ge=1, le=240)
    """Minutes a plan waits for a signature before it expires; at most four hours."""
    claim_within_s: int = Field(default=120, ge=1, le=600)
    """Seconds between the last signature and the change; later the approval has expired."""
    deny_cooldown_minutes: int = Field(default=60, ge=0, le=1440)
    """Minutes after a rejection in which the same verb is not proposed for the same object again, in this
    incident or another."""
    verify_window_s: float = Field(default=300.0, gt=0, le=3600)
    """Seconds in which the alert's own signal must recover after a change."""
    verify_poll_s: float = Field(default=5.0, gt=0, le=300)
    """Seconds between two looks while a change is verified."""
    max_set_resources_factor: float = Field(default=2.0, gt=1, le=4)
    """A plan may raise a container's requests and limits by this factor at most."""
    intake_max_bytes: int = Field(default=32 * 1024 * 1024, ge=64 * 1024, le=256 * 1024 * 1024)
    """Largest webhook body that is read; of a larger one the beginning is kept and the sender gets 413."""
    intake_queue_limit: int = Field(default=1000, ge=1, le=100_000)
    """Deliveries that may wait for the database at once; more are answered with 503."""
    investigations_per_hour: int = Field(default=50, ge=1, le=10_000)
    """Investigations started per hour over all workers; the rest wait."""
    budgets: Budgets = Budgets()
    """What one investigation may spend (``MIDWATCH_BUDGETS__TOKENS`` and so on)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe messages that are logged."""
    anchor_file: LocalPath = Field(default_factory=lambda data: data.get("state_dir", Path()) / "anchors.log")
    """Signed checkpoints of the record are appended here. Best on another machine's disk, or append-only
    (``chattr +a``): it shows what somebody who can write the database would hide.
    Without a value: ``anchors.log`` in ``state_dir``."""
    halt_file: LocalPath = Field(default_factory=lambda data: data.get("state_dir", Path()) / "HALT")
    """While this file exists nothing is changed in any cluster.
    Without a value: ``HALT`` in ``state_dir``."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # called by keyword only
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: object
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: ``load`` reads file and environment, once, after checking the names."""
        return (init_settings,)

    @property
    def listen_host(self) -> str:
        """The host of ``listen``, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def listen_port(self) -> int:
        """The port of ``listen``; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the webhook and the pages."""
        if self.listen_host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.listen_host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        """Refuse half a credential, and an open door."""
        if (self.webhook_username is None) != (self.webhook_password is None):
            raise ValueError("webhook_username and webhook_password go together: set both or none")
        if not self.on_loopback and self.webhook_token is None and self.webhook_password is None:
            raise ValueError(
                f"listening on {self.listen} needs a webhook credential: set webhook_token, "
                "or webhook_username and webhook_password, or listen on 127.0.0.1"
            )
        if self.gatekeeper_kubeconfig is not None and not self.sealed:
            raise ValueError("gatekeeper_kubeconfig is for sealed mode: set sealed as well, or neither")
        needed = {
            "socket": ("slack_bot_token", "slack_app_token", "slack_channel"),
            "http": ("slack_bot_token", "slack_signing_secret", "slack_channel"),
            "off": (),
        }[self.slack_mode]
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"slack_mode {self.slack_mode} also needs {', '.join(missing)}")
        return self
