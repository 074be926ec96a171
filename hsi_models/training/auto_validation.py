"""How good weights of `auto` are: on held-out pairs, and by tracking through validation sequences."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hsi_models.boxes import Box
from hsi_models.data.open import open_sequence
from hsi_models.data.simulation.pairs import PairSimulator
from hsi_models.evaluation.metrics import PROTOCOLS, overlaps
from hsi_models.networks.auto_net import AutoNet
from hsi_models.networks.nanotrack import STRIDE
from hsi_models.offline import track_sequence
from hsi_models.runtime.paths import auto_paths, create_executor
from hsi_models.tracking.auto_tracker import AutoMatcher
from hsi_models.tracking.probability import ProbabilityConfig
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.training.auto_inputs import auto_inputs
from hsi_models.training.tracking_validation import best_overlap

BATCHES = 16
_SEED = 7_000_000


def pair_scores(network: AutoNet, simulators: Sequence[PairSimulator], fit: ProbabilityConfig,
                batch: int, most_bands: int, held_out: bool = False) -> dict[str, float]:
    """Mean IoU of the box at the highest score, over held-out pairs: both pictures, and each alone."""
    found: list[Tensor] = []
    for index in range(BATCHES):
        simulator = simulators[index % len(simulators)]
        pairs = simulator.draw(batch, simulator.seed_within(_SEED + index, most_bands, BATCHES))
        grey = torch.arange(batch, device=pairs.search.device) % 2 == 0
        inputs = auto_inputs(pairs, fit, grey, held_out)
        state = network.template(inputs.template, inputs.trust)
        logits, distances = network.streams(inputs.search, *state)
        answers = [network.fuse(inputs.search, logits, distances, inputs.trust),
                   *((logits[:, picture], distances[:, picture]) for picture in range(2))]
        found.append(torch.stack([best_overlap(cls, reg, inputs.boxes, STRIDE) for cls, reg in answers]))
    means = torch.cat(found, dim=1).nanmean(dim=1).tolist()
    return dict(zip(('pair_iou', 'pair_iou_colour', 'pair_iou_probability'), means, strict=True))


def sequence_scores(network: AutoNet, folder: Path) -> dict[str, float]:
    """Success AUC (hot50) of tracking, the mean of the groups first, then each group of `groups.json`.

    Raises:
        FileNotFoundError: no `groups.json` in the folder.
    """
    groups: dict[str, list[str]] = json.loads((folder / 'groups.json').read_text(encoding='utf-8'))
    parts = {group: names for group, names in groups.items() if '_' not in group}
    tracker = SiameseTracker(AutoMatcher(create_executor(auto_paths(network))))
    aucs = {name: _auc(tracker, folder / name) for names in parts.values() for name in names}
    means = {f'auc_{group}': float(np.mean([aucs[name] for name in names])) for group, names in parts.items()}
    return {'auc': float(np.mean(list(means.values()))), **means}


def _auc(tracker: SiameseTracker, path: Path) -> float:
    sequence = open_sequence(path)
    rows = track_sequence(sequence, tracker, always_box=True).rows
    boxes = np.array([tuple(row.box or Box(0, 0, 0, 0)) for row in rows])
    return float(PROTOCOLS['hot50'].curve(overlaps(sequence.boxes, boxes)).mean())
