"""What a user chooses of how a tracker's network is run; the same for nodes, launch files and command line."""
from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from hsi_models.runtime.executor import PRECISIONS, RUNTIMES

KINDS = ('cpu', 'cuda')
"""Of devices that networks are run on."""


def require_device(text: str) -> str:
    """The name of a device, which need not be here.

    Raises:
        ValueError: another one than cpu, cuda and cuda:N.
    """
    kind, separator, number = text.partition(':')
    if kind not in KINDS or separator and (kind == 'cpu' or not re.fullmatch('[0-9]+', number)):
        raise ValueError(f'expected device cpu, cuda or cuda:N, got {text!r}')
    return text


@dataclass(frozen=True)
class NetworkOptions:
    """Each '' leaves it to the tracker.

    Args:
        weights: a file that `hsi-tracking train` wrote, or a folder that `hsi-tracking export` wrote, instead of the
            shipped ones.
        runtime: one of `RUNTIMES`.
        precision: one of `PRECISIONS`, of weights and activations.

    Raises:
        ValueError: no such runtime or precision.
    """

    weights: str = ''
    runtime: str = ''
    precision: str = ''

    def __post_init__(self) -> None:
        for name, known in (('runtime', RUNTIMES), ('precision', PRECISIONS)):
            value = getattr(self, name)
            if value and value not in known:
                raise ValueError(f'expected {name} of {", ".join(known)}, got {value!r}')

    @property
    def chosen(self) -> dict[str, str]:
        """What was chosen, as options of `registry.create_tracker`."""
        return {name: value for name, value in asdict(self).items() if value}
