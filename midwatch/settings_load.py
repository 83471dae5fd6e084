"""Reading the settings: names are checked first, and each process gets its own and no others."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as SourceError

from midwatch.settings import PREFIX, Budgets, Settings

Process = Literal["serve", "actor"]
CONFIG = f"{PREFIX}CONFIG"
_ALSO_KNOWN = frozenset({CONFIG, f"{PREFIX}CONTRACT_KUBECONFIG"})
# Kubernetes puts these into every pod beside a Service whose name begins with "midwatch".
_OF_KUBERNETES = re.compile(
    r"MIDWATCH_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)

_EVERYBODY = frozenset({"state_dir", "database_url", "halt_file", "log_level"})
_SLACK = frozenset({"slack_mode", "slack_api_url", "slack_pace", "slack_bot_token", "slack_app_token",
                    "slack_signing_secret", "slack_channel"})  # fmt: skip
_MODEL = frozenset(name for name in Settings.model_fields if name.startswith("model_"))
_LOGIN = frozenset(name for name in Settings.model_fields if name.startswith("login_"))
_PLANS = frozenset({"pending_minutes", "claim_within_s", "deny_cooldown_minutes", "max_set_resources_factor"})

RIGHTS: Mapping[str, frozenset[str]] = {
    "investigator": _EVERYBODY | _PLANS | _MODEL | {
        "cluster_name", "policy_file", "reader_kubeconfig", "prometheus_url", "prometheus_token",
        "budgets", "investigations_per_hour", "verify_window_s", "verify_poll_s", "analyzers",
        "silences_file"
    },
    "gatekeeper": _EVERYBODY | _SLACK | {
        "roster_file", "policy_file", "public_url", "cluster_name", "sealed", "gatekeeper_kubeconfig"
    },
    "actor": _EVERYBODY | {
        "actor_kubeconfig", "roster_file", "policy_file", "max_set_resources_factor", "cluster_name",
        "alertmanager_url", "sealed"
    },
    "auditor": _EVERYBODY | {"anchor_file"},
    "intake": _EVERYBODY | {
        "listen", "public_url", "cluster_name", "webhook_token", "webhook_username", "webhook_password",
        "intake_max_bytes", "intake_queue_limit"
    },
    "pages": _EVERYBODY | _LOGIN | {"listen", "public_url", "roster_file"},
}  # fmt: skip
"""Which settings each agent may read (architecture.md, section 2). The actor is a process of its
own; all the others live in ``midwatch serve``."""


class SettingsError(Exception):
    """The settings cannot be used; the message says which and what to do."""

    retryable = False


def load(config: Path | None = None, process: Process = "serve") -> Settings:
    """The settings from the environment and the optional YAML file, for one process.

    ``config`` wins over ``MIDWATCH_CONFIG``. The actor keeps what it has a right to and refuses to
    start with a secret that is not its own. Raises SettingsError.
    """
    _check_environment(os.environ)
    path = config or (Path(os.environ[CONFIG]) if os.environ.get(CONFIG) else None)
    try:
        given = _merged(_read(path) if path else {}, EnvSettingsSource(Settings)())
    except SourceError as error:
        raise SettingsError(str(error)) from error
    if process == "actor":
        given = _actors_share(given)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from error


def for_actor(settings: Settings) -> dict[str, str]:
    """The environment variables for an actor started by ``serve``: its own settings, nothing else.

    Contains no ``MIDWATCH_CONFIG``: the actor must not read a file that may hold other secrets.
    """
    variables = {}
    for name in sorted(RIGHTS["actor"]):
        value = getattr(settings, name)
        if value is not None:
            variables[PREFIX + name.upper()] = str(value)
    return variables


@cache
def secrets() -> frozenset[str]:
    """The names of the settings that hold a secret."""
    return frozenset(
        name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    )


def origin_of(settings: Settings, name: str) -> str:
    """Where a setting's value is from: the environment, the file, or the default."""
    upper = PREFIX + name.upper()
    if any(value and key.upper().split("__")[0] == upper for key, value in os.environ.items()):
        return "environment"
    return "file" if name in settings.model_fields_set else "default"


def _actors_share(given: dict[str, Any]) -> dict[str, Any]:
    foreign = sorted((secrets() - RIGHTS["actor"]) & set(given))
    if foreign:
        raise SettingsError(
            f"the actor may not hold {', '.join(foreign)}: start it with an environment and a file of its own"
        )
    return {name: value for name, value in given.items() if name in RIGHTS["actor"]}


def _check_environment(environ: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}BUDGETS__{name.upper()}" for name in Budgets.model_fields}
    for name in environ:
        upper = name.upper()
        if upper.startswith(PREFIX) and not _OF_KUBERNETES.fullmatch(upper):
            _refuse_unknown(upper, known | _ALSO_KNOWN, "environment variable")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"the settings file {path} must be a list of 'name: value' lines")
    for name in content:
        _refuse_unknown(str(name), Settings.model_fields, f"key in {path}")
    return content


def _refuse_unknown(name: str, known: Iterable[str], what: str) -> None:
    names = list(known)
    if name in names:
        return
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise SettingsError(f"unknown {what}: {name}{hint}")


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """The environment over the file; ``budgets`` is merged name by name."""
    merged = {**below, **above}
    if isinstance(below.get("budgets"), dict) and isinstance(above.get("budgets"), dict):
        merged["budgets"] = {**below["budgets"], **above["budgets"]}
    return merged


def _sentences(error: ValidationError) -> str:
    """Pydantic's complaints, one line each, by the names people use."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = "__".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {message}" if name else message)
    return "\n".join(lines)


def render_docs() -> str:
    """The text of ``docs/settings.md``."""
    parts = [_HEAD]
    # Those of the login come last, though a class that is built upon has its fields first.
    for name, field in sorted(Settings.model_fields.items(), key=lambda each: each[0] in _LOGIN):
        readers = ", ".join(agent for agent, names in RIGHTS.items() if name in names)
        default = field.get_default()
        if isinstance(default, Budgets):
            shown = ", ".join(f"`{key}` {value:g}" for key, value in default)
        else:
            shown = "none" if default is None else f"`{default}`"
        if field.default_factory is not None:
            shown = "see below"
        text = " ".join((field.description or "").split())
        secret = " A secret." if name in secrets() else ""
        facts = f"`{PREFIX}{name.upper()}` · default: {shown} · read by: {readers}"
        parts.append(f"## {name}\n\n{facts}\n\n{text}{secret}\n")
    return "\n".join(parts)


_HEAD = """# Settings

Generated from `midwatch/settings.py`. Each setting is an environment variable or a key of the YAML file
named by `--config` or `MIDWATCH_CONFIG`; the environment wins. An unknown name refuses to start, and no
setting turns approval off.
"""
