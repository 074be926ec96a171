"""Typed configuration: frozen dataclasses changed by `key=value`; unknown keys and wrong types are refused."""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar('Config')


def parse_value(kind: Any, text: str) -> Any:
    """Read `text` as `kind`: bool, int, float, str, a choice of strings, or a tuple of them.

    Raises:
        ValueError: it does not read as that type.
    """
    try:
        if kind is str:
            return text
        if get_origin(kind) is Literal:
            if text in get_args(kind):
                return text
            raise ValueError(f'expected {" or ".join(get_args(kind))}, got {text!r}')
        value = json.loads(text if not text.startswith('(') else '[' + text.strip('()') + ']')
    except json.JSONDecodeError:
        value = None
    name = getattr(kind, '__name__', str(kind))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if str(kind).startswith('tuple'):
        item = kind.__args__[0]
        if isinstance(value, list) and all(isinstance(entry, item) and not isinstance(entry, bool) for entry in value):
            return tuple(value)
        name = f'list of {item.__name__}'
    elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f'expected {name}, got {text!r}')


def override(config: Config, changes: Mapping[str, str]) -> Config:
    """A copy of a configuration with some entries changed.

    Args:
        config: frozen dataclass instance; entries may themselves be such instances.
        changes: dotted name of an entry -> its value as text, such as `pairs.batch` -> `16`.

    Raises:
        ValueError: no such entry, or the text does not read as its type; the message names it.
    """
    for key, text in changes.items():
        head, _, rest = key.partition('.')
        hints = get_type_hints(type(config))
        if head not in hints:
            raise ValueError(f'expected an entry of {type(config).__name__} ({", ".join(hints)}), got {key!r}')
        current = getattr(config, head)
        if dataclasses.is_dataclass(current) != bool(rest):
            raise ValueError(f'expected {head!r} as {"group.entry" if not rest else "a plain entry"}, got {key!r}')
        try:
            value = override(current, {rest: text}) if rest else parse_value(hints[head], text)
        except ValueError as error:
            raise ValueError(f'{head}: {error}') from error
        config = dataclasses.replace(config, **{head: value})  # type: ignore[type-var]
    return config
