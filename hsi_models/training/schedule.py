"""Learning rates as functions of the step, so that a resumed training needs no state for them."""
from __future__ import annotations

import math


def cosine_rate(step: int, steps: int, peak: float, warm_up: int = 50, floor: float = 0.01) -> float:
    """Linear rise over `warm_up` steps, then half a cosine from `peak` down to `floor * peak`."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = min((step - warm_up) / max(steps - warm_up, 1), 1.0)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))


def halving_rate(step: int, steps: int, peak: float) -> float:
    """`peak`, halved at half of the steps: CST's schedule (epoch 150 of 300)."""
    return peak * (0.5 if step >= steps // 2 else 1.0)
