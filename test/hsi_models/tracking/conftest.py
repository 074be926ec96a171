"""Small scenes with known truth for the trackers' tests."""
from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo

HEIGHT, WIDTH = 120, 160


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Random brightness with structure at several scales, (H, W), about .2 .. .8."""
    out = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 0.5), (8, 0.3), (20, 0.2)):
        coarse = rng.random((cells, cells), dtype=np.float32)
        out += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(0.2 + 0.6 * out, 0.02, 1)


def spectrum(bands: int, phase: float, depth: float = 0.3) -> np.ndarray:
    """A smooth spectrum of mean about 1, (C,)."""
    return (1 + depth * np.cos(np.linspace(0, 4, bands) + phase)).astype(np.float32)


class Scene:
    """A textured target on a textured background, on a given path.

    Args:
        bands: number of bands.
        size: (w, h) of the target, pixels.
        camouflaged: the target has the brightness of the background that it covered on the first frame; only its
            spectrum differs, by about 10 degrees.
        seed: of texture and noise.
    """

    def __init__(self, bands: int = 16, size: tuple[int, int] = (24, 20), camouflaged: bool = False,
                 seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._rng = np.random.default_rng(seed + 1)
        self.size = size
        self.background = texture(rng, HEIGHT, WIDTH)[..., None] * spectrum(bands, 0.0)
        w, h = size
        x, y = (int(v) for v in self.centre(0))
        own = self.background[y - h // 2:y - h // 2 + h, x - w // 2:x - w // 2 + w].mean(axis=-1)
        brightness = own if camouflaged else 0.3 + 0.7 * rng.random((h, w), dtype=np.float32)
        shape = spectrum(bands, 2.0 if not camouflaged else 0.7)
        self.target = brightness[..., None] * shape / np.linalg.norm(shape) * np.sqrt(bands)

    def centre(self, index: int) -> tuple[float, float]:
        """Centre of the target in frame `index`, pixels."""
        return 60 + 1.5 * index, 60 + round(12 * np.sin(index / 6))

    def box(self, index: int) -> Box:
        """The true box of frame `index`."""
        x, y = (int(v) for v in self.centre(index))
        w, h = self.size
        return Box(x - w // 2, y - h // 2, w, h)

    def frame(self, index: int, visible: bool = True, box: Box | None = None) -> HyperspectralFrame:
        """Frame `index`, 10-bit values with noise; `box` puts the target elsewhere."""
        image = self.background.copy()
        box = box or self.box(index)
        if visible:
            x, y, w, h = (int(v) for v in box)
            y1, y2, x1, x2 = max(y, 0), min(y + h, HEIGHT), max(x, 0), min(x + w, WIDTH)
            if y2 > y1 and x2 > x1:
                image[y1:y2, x1:x2] = self.target[y1 - y:y2 - y, x1 - x:x2 - x]
        noisy = 600 * image + self._rng.normal(0, 3, image.shape)
        return HyperspectralFrame(np.clip(noisy.round(), 0, 1023).astype(np.uint16), SpectralInfo(saturation=1023),
                                  stamp_ns=(index + 1) * 40_000_000, seq=index)

    def frames(self, count: int) -> Iterator[tuple[HyperspectralFrame, Box]]:
        """Frames 1, 2, ... with their true boxes; frame 0 is for initialisation."""
        return ((self.frame(i), self.box(i)) for i in range(1, count))


@pytest.fixture(scope='session')
def make_scene() -> type[Scene]:
    """The class of scenes, for tests to make their own."""
    return Scene
