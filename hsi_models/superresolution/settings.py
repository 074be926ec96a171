"""What a tracker's user chooses of super-resolution: where, with which model, by how much."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:       # torch is loaded only where something is upscaled
    from hsi_models.superresolution.super_resolver import TiledSuperResolver

Mode = Literal['off', 'crop', 'frame']
SCALES = (2, 3, 4, 8)
MODES: tuple[Mode, ...] = ('off', 'crop', 'frame')


@dataclass(frozen=True)
class SuperResolution:
    """Super-resolution for a tracker; boxes stay in pixels of the image that was not upscaled.

    Args:
        mode: `off`; `crop`: the surroundings of the target alone, inside the tracker; `frame`: the whole frame.
        model: `NAME` or `NAME:PRESET` of the registry; the default is as good for tracking as a network, at a quarter
            of its time (docs/super_resolution.md).
        scale: enlargement of both sides.

    Raises:
        ValueError: no such mode.
    """

    mode: Mode = 'off'
    model: str = 'back_projection'
    scale: int = 2

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f'expected super-resolution {", ".join(MODES)}, got {self.mode!r}')

    def create(self, device: str = 'cpu') -> TiledSuperResolver:
        """The super-resolver.

        Args:
            device: `cpu` or `cuda[:N]`.

        Raises:
            ValueError: no such model or scale.
            FileNotFoundError: a model without shipped weights.
        """
        from hsi_models.registry import create_super_resolver
        return cast('TiledSuperResolver', create_super_resolver(self.model, device=device, scale=self.scale))
