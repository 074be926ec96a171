"""Parameters of a node from one table: declared, described, checked at start and at run time."""
from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

Value = bool | int | float | str

# What rclpy itself accepts for every node.
_OF_ROS = ('use_sim_time', 'start_type_description_service')


@dataclass(frozen=True)
class Entry:
    """One row of a parameter table.

    Args:
        name: as in YAML.
        default: its type is the parameter's: bool, int, float or str.
        description: one line.
        unit: 'px', 'ms', ...; '' where there is none.
        low, high: range of a number, both included; None: open.
        choices: the values a string or an integer may have; () for any.
        runtime: may be set at any time; otherwise at start and, for a lifecycle node, while unconfigured.

    Raises:
        ValueError: the default itself is not accepted.
    """

    name: str
    default: Value
    description: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | tuple[int, ...] = ()
    runtime: bool = False

    def __post_init__(self) -> None:
        self.check(self.default)

    @property
    def expected(self) -> str:
        """What is accepted, in words."""
        kind = {'bool': 'true or false', 'int': 'an integer', 'float': 'a number', 'str': 'a string'}
        choices = ', '.join(str(choice) or '(empty)' for choice in self.choices)
        text = f'one of {choices}' if choices else kind[type(self.default).__name__]
        if self.low is not None and self.high is not None:
            text += f' {self.low:g}..{self.high:g}'
        elif self.low is not None:
            text += f' >= {self.low:g}'
        elif self.high is not None:
            text += f' <= {self.high:g}'
        return f'{text} {self.unit}'.strip()

    def check(self, value: Any) -> Value:
        """The value in the table's type (an integer stands for a float).

        Raises:
            ValueError: another type, not finite, out of range, not among the choices.
        """
        wanted = type(self.default)
        if wanted is float and type(value) is int:
            value = float(value)
        accepted = type(value) is wanted and (not self.choices or value in self.choices)
        if accepted and wanted in (int, float):
            accepted = math.isfinite(value) and (self.low is None or value >= self.low) \
                and (self.high is None or value <= self.high)
        if not accepted:
            raise ValueError(f'parameter {self.name!r}: expected {self.expected}, got {value!r}')
        result: Value = value
        return result

    def descriptor(self, *, fixed: bool) -> ParameterDescriptor:
        """For rclpy, so that `ros2 param describe` and graphical tools know description and range."""
        unit = f' [{self.unit}]' if self.unit else ''
        descriptor = ParameterDescriptor(name=self.name, description=self.description + unit,
                                         additional_constraints=self.expected, read_only=fixed)
        low, high = self.low, self.high
        if low is not None or high is not None:
            if type(self.default) is int:
                descriptor.integer_range = [IntegerRange(
                    from_value=int(low) if low is not None else -2 ** 62,
                    to_value=int(high) if high is not None else 2 ** 62, step=1)]
            else:
                descriptor.floating_point_range = [FloatingPointRange(
                    from_value=float(low) if low is not None else -1e300,
                    to_value=float(high) if high is not None else 1e300, step=0.0)]
        return descriptor


class Parameters(Mapping[str, Any]):
    """The declared parameters of one node: `parameters['device']`.

    Args:
        node: declares them; overrides from YAML and command line are taken from it.
        table: the node's parameters.
        on_change: called with the changed names and values after a change at run time was accepted.
        validate: given all values as they would be; raises ValueError where they do not go together.
        locked: for a lifecycle node: true while parameters that are not `runtime` must stay; None: they
            are read-only from the start.

    Raises:
        ValueError: an override that no row names (the closest one is suggested), of another type or out of range.
    """

    def __init__(self, node: Node, table: Sequence[Entry], *,
                 on_change: Callable[[dict[str, Value]], None] | None = None,
                 validate: Callable[[Mapping[str, Any]], object] | None = None,
                 locked: Callable[[], bool] | None = None) -> None:
        self._table = {entry.name: entry for entry in table}
        self._on_change, self._validate, self._locked = on_change, validate, locked
        # rclpy offers overrides that nobody declared only here.
        overrides: dict[str, Parameter[Any]] = node._parameter_overrides
        self._refuse_unknown(node, list(overrides))
        self._values: dict[str, Value] = {}
        for entry in table:
            override = overrides.get(entry.name)
            value = entry.default if override is None else entry.check(override.value)
            self._values[entry.name] = value
        if validate is not None:
            validate(self._values)
        for entry in table:
            node.declare_parameter(entry.name, self._values[entry.name], ignore_override=True,
                                   descriptor=entry.descriptor(fixed=locked is None and not entry.runtime))
        node.add_on_set_parameters_callback(self._accept)
        node.add_post_set_parameters_callback(self._apply)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _refuse_unknown(self, node: Node, names: list[str]) -> None:
        for name in names:
            if name in self._table or name in _OF_ROS or name.startswith('qos_overrides.'):
                continue
            known = sorted(self._table)
            close = difflib.get_close_matches(name, known, 1)
            hint = f'; did you mean {close[0]!r}?' if close else ''
            raise ValueError(f'expected a parameter of node {node.get_name()!r} ({", ".join(known)}), '
                             f'got {name!r}{hint}')

    def _accept(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        values = dict(self._values)
        for parameter in parameters:
            entry = self._table.get(parameter.name)
            if entry is None:
                continue
            if self._locked is not None and not entry.runtime and self._locked():
                return SetParametersResult(successful=False, reason=(
                    f'parameter {entry.name!r}: expected to be set while the node is unconfigured: '
                    'deactivate and clean it up first'))
            try:
                values[entry.name] = entry.check(parameter.value)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
        try:
            if self._validate is not None:
                self._validate(values)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, parameters: list[Parameter[Any]]) -> None:
        changed = {p.name: self._table[p.name].check(p.value) for p in parameters if p.name in self._table}
        self._values.update(changed)
        if changed and self._on_change is not None:
            self._on_change(changed)


def markdown(table: Sequence[Entry]) -> str:
    """The table for the documentation: name, type, default, what is accepted, when, meaning."""
    rows = ['| parameter | type | default | accepted | set | meaning |', '|---|---|---|---|---|---|']
    for entry in table:
        when = 'any time' if entry.runtime else 'at start'
        rows.append(f'| `{entry.name}` | {type(entry.default).__name__} | `{entry.default!r}` | '
                    f'{entry.expected} | {when} | {entry.description} |')
    return '\n'.join(rows)
