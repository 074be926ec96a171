"""Message classes by the type names that come over the network: of installed interface packages, nothing else."""
from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

INDEX = Path('share', 'ament_index', 'resource_index', 'rosidl_interfaces')     # a file a package, as ament writes it
_TYPE = re.compile(r'([a-zA-Z]\w*)/msg/([A-Z]\w*)', re.ASCII)


def require_type_name(type_name: str) -> tuple[str, str]:
    """Package and message of a type name.

    Raises:
        ValueError: it is not written as PACKAGE/msg/MESSAGE.
    """
    found = _TYPE.fullmatch(type_name)
    if found is None:
        raise ValueError(f'expected a type as std_msgs/msg/String, got {type_name!r}')
    return found[1], found[2]


def message_class(type_name: str) -> type[Any]:
    """The class of a message; nothing is imported for a name that no installed package of interfaces lists.

    Raises:
        ValueError: no such type name, or no such message here.
    """
    package, message = require_type_name(type_name)
    if not any(f'msg/{message}.msg' in _listed(Path(prefix), package) for prefix in _prefixes()):
        raise ValueError(f'expected a message of an installed package, got {type_name}')
    try:
        found: type[Any] = getattr(importlib.import_module(f'{package}.msg'), message)
        return found
    except (ImportError, AttributeError) as error:
        raise ValueError(f'expected the Python class of {type_name}, got none: {error}') from error


def _prefixes() -> list[str]:
    return [prefix for prefix in (*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix) if prefix]


def _listed(prefix: Path, package: str) -> list[str]:
    try:
        return (prefix / INDEX / package).read_text().split()
    except OSError:
        return []
