"""What a settings class can be told: the rows of docs/configuration.md."""

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import annotated_types
from pydantic import AliasChoices, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    SecretStr: "secret",
    SecretBytes: "secret",
}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_LENGTHS = {"min_length": "at least", "max_length": "at most"}


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Attributes:
        names: the variable's names, the preferred one first.
        field: the settings class's own name for it.
        allowed: what it may hold, in words.
        default: what holds when it is unset, in Markdown; a secret's is not shown.
        required: whether the start fails without it.
        secret: whether its value must never be shown.
        meaning: its description.
    """

    names: tuple[str, ...]
    field: str
    allowed: str
    default: str
    required: bool
    secret: bool
    meaning: str

    @property
    def name(self) -> str:
        """The preferred name."""
        return self.names[0]


def documented(settings: type[BaseSettings]) -> list[Variable]:
    """The variables of a settings class, in the order in which it declares them."""
    return [_variable(settings, name, field) for name, field in settings.model_fields.items()]


def markdown(sections: Mapping[str, type[BaseSettings] | Sequence[type[BaseSettings]]]) -> str:
    """The tables of docs/configuration.md.

    Args:
        sections: a heading for each table, and the settings class or classes it lists.
    """
    return "\n".join(
        line
        for heading, listed in sections.items()
        for line in _section(heading, [listed] if isinstance(listed, type) else list(listed))
    )


def _section(heading: str, listed: list[type[BaseSettings]]) -> Iterator[str]:
    yield f"## {heading}\n"
    yield "| variable | may be | default | meaning |"
    yield "|---|---|---|---|"
    for variable in (v for settings in listed for v in documented(settings)):
        names = " or ".join(f"`{name}`" for name in variable.names)
        cells = [names, variable.allowed, variable.default, variable.meaning]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _variable(settings: type[BaseSettings], name: str, field: FieldInfo) -> Variable:
    parts = list(_flatten(field.annotation))
    secret = any(part in (SecretStr, SecretBytes) for part in parts)
    return Variable(
        names=_names(settings, name, field),
        field=name,
        allowed=_allowed(parts, field.metadata),
        default=_default(field, secret=secret),
        required=field.is_required(),
        secret=secret,
        meaning=inspect.cleandoc(field.description or "").replace("\n", " "),
    )


def _names(settings: type[BaseSettings], name: str, field: FieldInfo) -> tuple[str, ...]:
    alias = field.validation_alias
    if isinstance(alias, str):
        return (alias.upper(),)
    if isinstance(alias, AliasChoices):
        return tuple(choice.upper() for choice in alias.choices if isinstance(choice, str))
    return ((settings.model_config.get("env_prefix") or "").upper() + name.upper(),)


def _flatten(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation and the constraints inside it, without None."""
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType, Annotated):
        for part in typing.get_args(annotation):
            yield from _flatten(part)
    elif isinstance(annotation, FieldInfo):
        yield from annotation.metadata
    elif annotation not in (None, type(None)):
        yield annotation


def _allowed(parts: list[Any], metadata: list[Any]) -> str:
    kinds = [text for text in map(_kind, parts) if text]
    return ", ".join([" or ".join(dict.fromkeys(kinds)), *_limits([*parts, *metadata])])


def _kind(part: Any) -> str | None:
    if typing.get_origin(part) is Literal:
        return " or ".join(str(value) for value in typing.get_args(part))
    if isinstance(part, type) and issubclass(part, Enum):
        return " or ".join(str(member.value) for member in part)
    if isinstance(part, type) and issubclass(part, Path):
        return "path of a file"
    if part in _KINDS:
        return _KINDS[part]
    return getattr(part, "__name__", None) if isinstance(part, type) else None


def _limits(metadata: list[Any]) -> Iterator[str]:
    """Bounds in words; a lower and an upper one together are a range."""
    found: dict[str, Any] = {}
    for one in metadata:
        for part in one if isinstance(one, annotated_types.GroupedMetadata) else [one]:
            for name in (*_BOUNDS, *_LENGTHS):
                if getattr(part, name, None) is not None:
                    found[name] = getattr(part, name)
    if "ge" in found and "le" in found:
        yield f"{found.pop('ge')} to {found.pop('le')}"
    if "min_length" in found and "max_length" in found:
        yield f"{found.pop('min_length')} to {found.pop('max_length')} characters"
    for name, value in found.items():
        yield (
            f"{_BOUNDS[name]} {value}"
            if name in _BOUNDS
            else f"{_LENGTHS[name]} {value} characters"
        )


def _default(field: FieldInfo, *, secret: bool) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return "unset"
    if secret:
        return "not shown"
    if value is PydanticUndefined:
        return "computed"
    text = str(value.value if isinstance(value, Enum) else value)
    if isinstance(value, bool):
        text = text.lower()
    return f"`{text}`" if text else "empty"
