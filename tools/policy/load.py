"""Reading a policy: everything wrong with the file is a sentence, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tools.kubernetes.objects import JsonObject
from tools.policy.model import Allow, Policy, Rule

DEFAULT = Path(__file__).with_name("default.yaml")
MOST_BYTES = 256 * 1024
_NARROWING = ", ".join(name for name in Rule.model_fields if name not in Allow.model_fields)
_T = TypeVar("_T", bound=BaseModel)


class PolicyError(ValueError):
    """The policy cannot be used; the message says where and why. Until it can, nothing is allowed."""

    retryable = False


class _OnceLoader(yaml.SafeLoader):
    """YAML that refuses a key written twice: the second would silently win, and rules be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        """As YAML does it, unless a key comes twice."""
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            where = f"in the mapping at line {node.start_mark.line + 1}"
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} stands twice {where}")
        return super().construct_mapping(node, deep)


def content(path: Path) -> JsonObject:
    """The file as a mapping. Raises PolicyError."""
    return _mapping(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise PolicyError(f"{path}: it cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise PolicyError(f"{path}: it is not UTF-8") from problem


def _mapping(text: str, name: str) -> JsonObject:
    if len(text) > MOST_BYTES:
        raise PolicyError(f"{name}: it has more than {MOST_BYTES} characters")
    try:
        found = yaml.load(text, Loader=_OnceLoader)  # noqa: S506  # a SafeLoader that is stricter still
    except (yaml.YAMLError, RecursionError) as problem:
        raise PolicyError(f"{name}: it is not YAML: {problem}") from problem
    if not isinstance(found, dict):
        raise PolicyError(f"{name}: it must be a mapping")
    return found


def parsed(model: type[_T], found: JsonObject, name: str) -> _T:
    """The mapping as a value, or PolicyError with one sentence a problem."""
    try:
        return model.model_validate(found)
    except ValidationError as problem:
        raise PolicyError("\n".join(f"{name}: {line}" for line in sentences(problem))) from problem


def sentences(problem: ValidationError) -> list[str]:
    """What is wrong in a file of settings, place by place, without the words of a library."""
    lines = []
    for one in problem.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in one["loc"])
        said = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            said = "unknown key"
            if one["loc"][0] == "rules":
                said += f"; a rule can only narrow, with {_NARROWING}"
        lines.append(f"{where}: {said}" if where else said)
    return lines


@lru_cache(maxsize=8)
def _policy(text: str, name: str) -> Policy:
    # By the text and not by the file's time: what is judged is what the file says now.
    return parsed(Policy, _mapping(text, name), name)


def read_policy(path: Path) -> Policy:
    """The policy as the file says now. Raises PolicyError."""
    return _policy(_text(path), str(path))


@dataclass(frozen=True, kw_only=True)
class PolicyFile:
    """Where the policy stands. Each agent has its own and reads it afresh at every use."""

    path: Path = DEFAULT

    def read(self) -> Policy:
        """The policy as it says now. Raises PolicyError."""
        return read_policy(self.path)
