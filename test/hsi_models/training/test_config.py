"""Configuration by key=value: typed, nested, and strict."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from hsi_models.training.config import override


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    depths: tuple[int, ...] = (1, 2)
    kind: Literal['plain', 'fine'] = 'plain'


@dataclass(frozen=True)
class Outer:
    steps: int = 5
    name: str = 'a'
    fast: bool = False
    inner: Inner = field(default_factory=Inner)


def test_every_type_reads_and_the_rest_stays():
    changed = override(Outer(), {'steps': '7', 'name': 'b=c', 'fast': 'true', 'inner.rate': '2',
                                 'inner.depths': '[3, 4]'})
    assert changed == Outer(7, 'b=c', True, Inner(2.0, (3, 4)))
    assert override(Outer(), {'inner.depths': '(5,6)'}).inner.depths == (5, 6)
    assert override(Outer(), {'inner.kind': 'fine'}).inner.kind == 'fine'
    assert override(Outer(), {}) == Outer()


@pytest.mark.parametrize(('key', 'value', 'message'), [
    ('step', '1', r"expected an entry of Outer \(steps, name, fast, inner\), got 'step'"),
    ('steps', '1.5', "steps: expected int, got '1.5'"), ('steps', 'true', 'steps: expected int'),
    ('fast', '1', "fast: expected bool, got '1'"), ('inner.rate', 'x', "inner: rate: expected float, got 'x'"),
    ('inner.depths', '[1, 2.5]', 'inner: depths: expected list of int'), ('inner', '1', 'group.entry'),
    ('inner.kind', 'rough', "kind: expected plain or fine, got 'rough'"),
    ('steps.more', '1', 'a plain entry'), ('inner.speed', '1', 'inner: expected an entry of Inner')])
def test_wrong_entries_are_refused(key, value, message):
    with pytest.raises(ValueError, match=message):
        override(Outer(), {key: value})
