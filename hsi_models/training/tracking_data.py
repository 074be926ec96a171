"""The corpus as training pairs for trackers: windows on a device, split, weighted, and paired over time."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from hsi_models.data.corpus import INDEX, ImageCorpus
from hsi_models.data.simulation.pairs import PairConfig, PairSimulator
from hsi_models.training.tracking_pack import unpack_windows
from hsi_models.training.tracking_windows import WindowConfig, Windows, cut_windows

SOURCE_WEIGHTS = {
    'davis2016_val': 4.0, 'davis2016_extra': 4.0, 'davis2017_extra': 4.0, 'ytvos_opn': 2.0,
    'cdnet2014_highway': 0.3, 'mot17_mini': 0.5,
    'fod_a': 0.05, 'svanstrom_rgb': 0.1,        # one object on pavement; mostly sky
    'bccd': 0.3, 'cards': 0.3, 'catface': 0.5, 'pest_rf': 0.5,
}
"""How often an object of a source is drawn, relative; 1 where not named."""


def training_pairs() -> PairConfig:
    """Pairs that are harder than the benchmark's scenes are meant to be: see docs/training.md."""
    return PairConfig(negative=0.15, box_error=0.06, uneven=0.4, drift=0.25, light_change=0.6, shadow=0.2, cameras=512)


@dataclass(frozen=True)
class TrackingDataConfig:
    """What the corpus becomes.

    Args:
        windows: which objects, and at what size; of no effect where a packed file is read.
        clip_share: share of templates from clips.
        category_power: a category of n stills is drawn in proportion to n to this power: 1 as in the corpus, 0 all
            alike.
        gap: most annotated frames between template and search region of a clip.
        pairs: what pairs look like.
    """

    windows: WindowConfig = field(default_factory=WindowConfig)
    clip_share: float = 0.3
    category_power: float = 0.6
    gap: int = 30
    pairs: PairConfig = field(default_factory=training_pairs)

    def __post_init__(self) -> None:
        if not 0 <= self.clip_share <= 1:
            raise ValueError(f'expected clip_share 0..1, got {self.clip_share:g}')
        if self.gap < 0:
            raise ValueError(f'expected gap >= 0 frames, got {self.gap}')


@dataclass(frozen=True, eq=False)
class TrackingPairs:
    """Pairs of the training and of the validation part of the corpus: no picture or clip is in both."""

    training: PairSimulator
    validation: PairSimulator


def load_windows(data: Path, config: WindowConfig) -> Windows:
    """Windows of a packed file, of a corpus, or of a folder that holds one as `images`.

    Raises:
        ValueError: none of these.
    """
    if data.is_file():
        return unpack_windows(data)
    folder = data if (data / INDEX).is_file() else data / 'images'
    if not (folder / INDEX).is_file():
        raise ValueError(f'expected a corpus ({INDEX}) in {data} or {data / "images"}, or a packed file, got none')
    return cut_windows(ImageCorpus(folder), config)


def load_pairs(data: Path, config: TrackingDataConfig, device: torch.device | str) -> TrackingPairs:
    """Pairs of a corpus, decoded once and kept on the device.

    Args:
        data: see `load_windows`.
        config: what becomes of it.
        device: where pairs are made.

    Raises:
        ValueError: no corpus there, or nothing left of it for training or validation.
    """
    windows = load_windows(data, config.windows)
    parts = {}
    for name, chosen in (('training', ~windows.validation), ('validation', windows.validation)):
        if not chosen.any():
            raise ValueError(f'expected windows for {name} in {data}, got none')
        parts[name] = _simulator(windows.part(chosen), config, torch.device(device))
    return TrackingPairs(**parts)


def sampling_weights(windows: Windows, config: TrackingDataConfig) -> npt.NDArray[np.float64]:
    """How often each window is a template, (N,), sum 1.

    Clips: a track counts by its source, whatever its length. Stills: by source and category.
    """
    weights = np.array([SOURCE_WEIGHTS.get(str(source), 1.0) for source in windows.sources])
    _, kinds, counts = np.unique(windows.categories + np.where(windows.clip, ' clip', ''), return_inverse=True,
                                 return_counts=True)
    _, tracks, lengths = np.unique(windows.tracks, return_inverse=True, return_counts=True)
    weights *= np.where(windows.clip, 1 / lengths[tracks], counts[kinds] ** (config.category_power - 1.0))
    share = config.clip_share if windows.clip.any() and not windows.clip.all() else float(windows.clip.all())
    for chosen, part in ((windows.clip, share), (~windows.clip, 1 - share)):
        weights[chosen] *= part / max(weights[chosen].sum(), 1e-12)
    return weights


def partners(tracks: npt.NDArray[np.int64], gap: int) -> npt.NDArray[np.int64]:
    """First and number of the windows of the same track at most `gap` places away.

    Args:
        tracks: numbers, equal ones side by side, (N,).
        gap: places.

    Returns:
        (N, 2).
    """
    index = np.arange(len(tracks))
    ends = np.flatnonzero(np.diff(tracks)) + 1
    run = np.searchsorted(ends, index, side='right')
    start, stop = np.concatenate([[0], ends])[run], np.concatenate([ends, [len(tracks)]])[run]
    first = np.maximum(index - gap, start)
    return np.stack([first, np.minimum(index + gap + 1, stop) - first], axis=1)


def _simulator(windows: Windows, config: TrackingDataConfig, device: torch.device) -> PairSimulator:
    pictures = torch.from_numpy(windows.pictures).permute(0, 3, 1, 2).to(device).contiguous()
    return PairSimulator(pictures, torch.from_numpy(windows.boxes), config.pairs,
                         weights=torch.from_numpy(sampling_weights(windows, config)),
                         partners=torch.from_numpy(partners(windows.tracks, config.gap)),
                         groups=torch.from_numpy(windows.groups))
