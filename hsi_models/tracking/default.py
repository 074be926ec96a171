"""What `auto` is here: the trained tracker, or, where weights or PyTorch are missing, the one that needs neither."""
from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from hsi_models.tracking.state import Tracker

FALLBACK = 'spectral_dcf'


def chosen(weights: str = '') -> str:
    """`auto` where its network can run or `weights` are given, else `spectral_dcf`."""
    return 'auto' if weights or not _missing() else FALLBACK


def create(device: str = 'cpu', **options: Any) -> Tracker:
    """The default tracker.

    Args:
        device: where a network runs, `cpu` or `cuda[:N]`.
        options: of `auto_tracker.create`; without its network, of `spectral_dcf.create`, which has nothing to be run
            in a runtime or precision.

    Raises:
        ValueError: unknown options, or a device that does not exist.
    """
    missing = '' if options.get('weights') or options.get('refiner') else _missing()
    if missing:
        logging.getLogger(__name__).warning('auto: expected %s, found none: tracking with %s', missing, FALLBACK)
        from hsi_models.tracking.spectral_dcf import create as create_fallback
        return create_fallback(device, **{name: value for name, value in options.items()
                                          if name not in ('runtime', 'precision')})
    from hsi_models.tracking.auto_tracker import create as create_auto
    return create_auto(device, **options)


def _missing() -> str:
    """What the network of `auto` lacks here; '' for nothing."""
    for module in ('torch', 'safetensors'):
        if find_spec(module) is None:
            return f'the package {module}'
    from hsi_models.tracking.auto_tracker import shipped_weights
    from hsi_models.tracking.box_refinement import shipped_refiner
    for path in (shipped_weights(), shipped_refiner()):
        if not path.is_file():
            return f'its weights at {path}'
    return ''
